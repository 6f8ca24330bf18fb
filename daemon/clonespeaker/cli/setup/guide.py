"""`setup`: microphone, speaker, hearing, button, clone, service: asked for, tried, written, started.

Each answer can be given as an option; with `--yes` nothing is asked, and what is not given stays as it is. Nothing
is written before all answers are there. Settings are taken from the file alone, not from the environment: the service
does not see this shell.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from clonespeaker.audio.devices import Direction
from clonespeaker.cli.setup import button, cards, clone, hearing
from clonespeaker.cli.setup.devices import Devices
from clonespeaker.cli.setup.dialogue import Dialogue
from clonespeaker.cli.setup.draft import Draft
from clonespeaker.cli.setup.service import Service
from clonespeaker.cli.setup.writing import require_writable, write_key, write_settings
from clonespeaker.cli.terminal import complain, say
from clonespeaker.config.credentials import SERVICE_KEY
from clonespeaker.config.edit import edit
from clonespeaker.config.load import DEFAULT_PATH, load, read_file
from clonespeaker.config.reading import PREFIX
from clonespeaker.config.settings import Settings
from clonespeaker.errors import EXIT_FAILED, EXIT_USAGE, OutputError

# Which step an option belongs to.
_STEPS_OF = {
    "microphone": "microphone",
    "speaker": "speaker",
    "button": "button",
    "slug": "clone",
    "base_url": "clone",
    "key_file": "clone",
}


def main(options: argparse.Namespace) -> int:
    """Do it."""
    talk = Dialogue(asks=not options.yes)
    if wrong := _wrong(options, talk):
        complain(f"clonespeaker: {wrong}")
        return EXIT_USAGE
    guide = _Guide(options, talk)
    try:
        with talk.interrupts.heeded():
            return guide.run()
    except (EOFError, KeyboardInterrupt) as error:
        with contextlib.suppress(OutputError):
            # Where a call into the sound system hangs, it has taken standard error with it.
            (say if talk.asks else complain)(f"\nclonespeaker: ended; {guide.state}")
        return EXIT_FAILED if isinstance(error, EOFError) else 130


def _wrong(options: argparse.Namespace, talk: Dialogue) -> str:
    """What is wrong with the command line, or ""."""
    if talk.asks and not (sys.stdin.isatty() and sys.stdout.isatty()):
        return "setup asks questions, and this is no terminal; give the answers as options, and --yes"
    if options.only == "hearing" and not talk.asks:
        return "--only hearing needs somebody who speaks and listens; leave out --yes"
    for name, step in _STEPS_OF.items():
        if options.only not in (None, step) and getattr(options, name) is not None:
            return (
                f"--{name.replace('_', '-')} belongs to another step than --only {options.only}; leave out one of them"
            )
    return ""


class _Guide:
    """One set-up.

    Attributes:
        state: what is written so far, in words.
    """

    def __init__(self, options: argparse.Namespace, talk: Dialogue) -> None:
        self.state = "nothing was written"
        self._options = options
        self._talk = talk
        self._config: Path = options.config or DEFAULT_PATH
        steps: dict[str, Callable[[], None]] = {
            "microphone": self._microphone,
            "speaker": self._speaker,
            "hearing": self._hearing,
            "button": self._button,
            "clone": self._clone,
        }
        skipped = {"microphone", "speaker", "hearing"} if options.skip_sound and talk.asks else set()
        self._steps = {
            name: step for name, step in steps.items() if options.only in (None, name) and name not in skipped
        }
        self._starts = options.only == "service" or not options.no_start
        self._service = Service()
        self._key: str | None = None

    def run(self) -> int:
        """All of it; the exit code."""
        talk = self._talk
        self._before = load(self._config, {}).settings if self._config.exists() else Settings()
        self._draft = Draft(self._before)
        self._key_file = self._where_the_key_goes()
        if self._steps and self._options.only != "hearing":
            require_writable(self._config, "--config")
            if "clone" in self._steps:
                require_writable(self._key_file, "--key-to")
        if talk.asks:
            names = [*self._steps, *(["service"] if self._starts else [])]
            talk.tell(f"Step by step: {', '.join(names)}. Enter takes what stands in brackets. Ctrl-C ends; nothing is "
                      "written before you are asked.")  # fmt: skip
        with ExitStack() as stack:
            if self._needs_devices():
                stack.enter_context(self._service.stopped(talk))
            self._devices = Devices(self._draft, talk.interrupts)
            try:
                for number, (name, step) in enumerate(self._steps.items(), 1):
                    talk.title(f"{number} of {len(self._steps) + self._starts}: {name}")
                    step()
            finally:
                self._devices.close()
            if self._steps:
                self._write()
            well = self._start()
        if talk.asks and self._options.only is None:
            config = "" if self._config.absolute() == DEFAULT_PATH else f" --config {self._config}"
            talk.title("Done")
            if self._starts and self._draft.settings.button.source == "gpio":
                talk.tell("Press the button and speak." if self._draft.settings.button.mode == "tap" else
                          "Hold the button, speak, let go.")  # fmt: skip
            talk.tell(f"`clonespeaker doctor{config}` checks all of it at any time; `clonespeaker setup --only STEP` "
                      "repeats a step.")  # fmt: skip
        return 0 if well else EXIT_FAILED

    def _where_the_key_goes(self) -> Path:
        named = self._options.key_to or self._before.clone.api_key_file
        return Path(named).absolute() if named else self._config.absolute().with_name("api-key")

    def _needs_devices(self) -> bool:
        options = self._options
        tries = {"microphone", "speaker", "hearing", "button"}
        if self._talk.asks:
            return not tries.isdisjoint(self._steps)
        cards_given = not options.skip_sound and (options.microphone is not None or options.speaker is not None)
        return cards_given or options.button not in (None, "keyboard", "none")

    def _microphone(self) -> None:
        self._card("microphone")

    def _speaker(self) -> None:
        if self._card("speaker") and self._talk.asks:
            hearing.try_speaker(self._draft, self._devices, self._talk)

    def _card(self, direction: Direction) -> bool:
        """Whether there is one that was opened."""
        given = getattr(self._options, direction)
        if given is not None:
            cards.choose_given(given, direction, self._draft, None if self._options.skip_sound else self._devices)
            return not self._options.skip_sound
        return self._talk.asks and cards.choose(direction, self._draft, self._devices, self._talk)

    def _hearing(self) -> None:
        if self._talk.asks:
            hearing.hear(self._draft, self._devices, self._talk)

    def _button(self) -> None:
        if self._talk.asks:
            button.choose(self._draft, self._talk, self._options.button)
        elif self._options.button is not None:
            button.choose_given(self._options.button, self._draft, self._talk)

    def _clone(self) -> None:
        options = self._options
        key = clone.read_key(options.key_file) if options.key_file is not None else None
        given = clone.Given(options.base_url, options.slug, key)
        there = clone.key_there(self._key_file)
        if self._talk.asks:
            self._key = clone.choose(self._draft, self._talk, given, there)
        else:
            clone.take_given(given, self._draft, self._talk, there)
            self._key = key
        if self._key_file != Path(self._before.clone.api_key_file or SERVICE_KEY):
            self._draft.set("clone.api_key_file", None if self._key_file == SERVICE_KEY else str(self._key_file))

    def _write(self) -> None:
        """The key, then the settings, each whole or not at all; then read again."""
        talk, changes = self._talk, self._draft.changes
        data = read_file(self._config) if self._config.exists() else _HEAD
        changed = edit(str(self._config), data, changes)
        if talk.asks and (changes or self._key):
            talk.title("To be written")
            for key, value in changes.items():
                talk.tell(f"{key}: {'' if value is None else value}")
            if self._key:
                talk.tell(f"the key, to {self._key_file}")
            if not talk.yes("Write this?"):
                raise EOFError
        if self._key:
            write_key(self._key_file, self._key)
            self.state = f"the key was written to {self._key_file}, the settings were not"
            talk.tell(f"Written: {self._key_file}, readable for its owner alone")
        if changes:
            write_settings(self._config, changed)
            load(self._config, {})
            talk.tell(f"Written: {self._config} ({', '.join(changes)})")
            for variable in (PREFIX + key.replace(".", "__").upper() for key in changes):
                if variable in os.environ:
                    talk.warn(
                        f"{variable} is set in this shell, and goes before the file; the service does not see it."
                    )
        else:
            talk.tell(f"{self._config} stays as it is.")
        if changes or self._key:
            self.state = "what was asked for is written"

    def _start(self) -> bool:
        if not self._starts:
            return True
        self._talk.title(f"{len(self._steps) + 1} of {len(self._steps) + 1}: service")
        return self._service.start(self._talk, self._config)


_HEAD = b"# The settings of clonespeaker; `clonespeaker config show` has all there are, with what is in force.\n"
