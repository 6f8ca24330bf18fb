"""The manual page, from the command line's own help: `manual.py > clonespeaker.1`."""

import argparse

from clonespeaker import __version__
from clonespeaker.cli.main import parser


def text(words: str) -> str:
    """Words as troff takes them."""
    return words.replace("\\", r"\e").replace("-", r"\-").lstrip(".'")


def arguments(command: argparse.ArgumentParser) -> list[str]:
    """A paragraph for each."""
    lines = []
    for action in command._actions:
        if isinstance(action, argparse._SubParsersAction) or action.dest == "help":
            continue
        shown = action.metavar or ("" if action.nargs == 0 else "|".join(action.choices or [action.dest.upper()]))
        name = " ".join([", ".join(action.option_strings), str(shown)]).strip()
        words = (action.help or "") % {"default": action.default}
        lines += [".TP", rf"\fB{text(name)}\fR", text(words)]
    return lines


top = parser()
[commands] = [action for action in top._actions if isinstance(action, argparse._SubParsersAction)]
page = [
    f'.TH CLONESPEAKER 1 "" "clonespeaker {__version__}" "User commands"',
    ".SH NAME",
    r"clonespeaker \- talk with a person's AI clone",
    ".SH SYNOPSIS",
    r".B clonespeaker",
    r"\fICOMMAND\fR [\fIOPTION\fR ...]",
    ".SH DESCRIPTION",
    text(top.description or ""),
    text(top.epilog or "").replace("`", ""),
    ".SH COMMANDS",
]
for name, command in commands.choices.items():
    page += [f".SS {text(name)}", text(command.description or ""), *arguments(command)]
page += [
    ".SH FILES",
    *(".TP", r"\fI/etc/clonespeaker/config.yaml\fR", "The settings, each with what it means."),
    *(".TP", r"\fI/etc/clonespeaker/api\-key\fR", "The API key alone, readable by root alone."),
    *(".TP", r"\fI/var/lib/clonespeaker\fR", "What outlives a restart: which conversation this is."),
    *(".TP", r"\fI/usr/share/doc/clonespeaker\fR", "The wiring, what can go wrong, and all the rest."),
    ".SH EXIT STATUS",
    "0 done, 1 failed, 2 wrong arguments, 69 the clone can't be reached,",
    "77 refused (key, prerequisites), 78 bad settings.",
]
print("\n".join(page))
