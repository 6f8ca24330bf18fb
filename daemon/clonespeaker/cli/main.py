"""`clonespeaker`: arguments, exit codes, and what a person reads when something went wrong.

Exit codes: 0 done, 1 failed, 2 wrong arguments, 69 the clone can't be reached, 77 refused (key, prerequisites),
78 bad settings. What a user can cause is told in words, without a traceback.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from clonespeaker import __version__
from clonespeaker.cli.terminal import complain, flush, leave_streams, open_streams
from clonespeaker.errors import ClonespeakerError, OutputError


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says, and exit."""
    open_streams()
    try:
        options = _read(arguments)
        # Each command's module is imported when it is asked for: `press` needs no sound.
        command: Callable[[argparse.Namespace], int] = importlib.import_module(options.module).main
        code = command(options)
    except ClonespeakerError as error:
        if not (isinstance(error, OutputError) and error.reader_gone):
            complain(f"clonespeaker: {error}")
        code = error.exit_code
    except KeyboardInterrupt:
        code = 130
    finally:
        leave_streams()
    sys.exit(code)


def _read(arguments: Sequence[str] | None) -> argparse.Namespace:
    try:
        return parser().parse_args(arguments)
    finally:
        flush()  # help, where that was asked for


def parser() -> argparse.ArgumentParser:
    """All commands and their arguments."""
    top = argparse.ArgumentParser(
        prog="clonespeaker",
        description="Talk with a person's AI clone: hold the button, speak, let go, and the clone answers.",
        epilog="Begin with `clonespeaker demo`: it needs no key and no hardware.",
    )
    top.add_argument("--version", action="version", version=f"clonespeaker {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, module: str, words: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=words, description=words[0].upper() + words[1:] + ".")
        command.set_defaults(module=f"clonespeaker.cli.{module}", command=name)
        return command

    run = _with_config(add("run", "run", "the daemon"))
    run.add_argument("-v", "--verbose", action="store_true", help="log more (speech text stays out all the same)")

    _add_setup(_with_config(add("setup", "setup.guide", "a guided set-up: cards, button, clone, key, service")))

    demo = add("demo", "demo", "the whole thing on this machine, with no key and no hardware: SPACE is the button")
    demo.add_argument("--once", action="store_true", help="one turn with the shipped question, then its timeline")
    demo.add_argument("--wav", metavar="FILE", type=Path, help="one turn with this question")
    demo.add_argument("--out", metavar="FILE", type=Path, help="write what the speaker plays to a WAV")
    demo.add_argument("--json", action="store_true", help="the timeline as one line of JSON")

    ask = _with_config(add("ask", "ask", "one turn without a button: text or a recording in, text and voice out"))
    ask.add_argument("text", metavar="TEXT", nargs="?", type=_text, help="what to ask")
    ask.add_argument("--wav", metavar="FILE", type=Path, help="a recording to send: any rate, any channels")
    ask.add_argument("--image-url", metavar="URL", type=_utf8, help="a public picture to send along")
    ask.add_argument("--out", metavar="FILE", type=Path, help="write the voice to a WAV instead of playing it")
    ask.add_argument("--no-stream", action="store_true", help="have the reply in one piece")
    ask.add_argument("--reply", choices=("text", "voice"), help="what to answer with (default: clone.reply)")
    ask.add_argument("--json", action="store_true", help="everything as one line of JSON")

    def control(name: str, words: str) -> argparse.ArgumentParser:
        command = _with_config(add(name, "control", words))
        command.add_argument("--url", help="the daemon's websocket (default: from the settings)")
        return command

    talk = control("talk", "hold the button for so long, and wait for the answer")
    talk.add_argument("--for", dest="seconds", metavar="TIME", type=_seconds, required=True, help="3s, 800ms, 2.5")
    control("press", "hold the button down")
    control("release", "let the button go")
    control("cancel", "stop the turn that is going on")
    control("say", "ask by text, and wait for the answer").add_argument("text", metavar="TEXT", type=_text)
    volume = control("volume", "set the volume, or change it by steps")
    volume.add_argument("volume", metavar="0..100|+STEPS|-STEPS", type=_volume, help="40; +1; -2")
    control("mute", "close the microphone")
    control("unmute", "open the microphone again")
    control("new-conversation", "begin a new conversation")

    status = _with_config(add("status", "status", "what a running daemon is doing"))
    status.add_argument("--url", help="the daemon's websocket (default: from the settings)")
    status.add_argument("--watch", action="store_true", help="go on: every event as it happens")
    status.add_argument("--json", action="store_true", help="as JSON, one line each")
    history = _with_config(add("history", "status", "the conversation so far"))
    history.add_argument("--url", help="the daemon's websocket (default: from the settings)")
    history.add_argument("--json", action="store_true", help="as one line of JSON")

    doctor = _with_config(add("doctor", "doctor.main", "check everything, and say what to do about it"))
    doctor.add_argument("--loop", action="store_true", help="play a sound, and look for it in the microphone")
    doctor.add_argument(
        "--press",
        metavar="TIME",
        type=_seconds,
        nargs="?",
        const=8.0,
        help="count the button's bounces, for 8s or TIME",
    )
    doctor.add_argument("--lights", action="store_true", help="show each state and fault that the lights tell")
    doctor.add_argument(
        "--upload",
        action="store_true",
        help="ask the clone one question: does it take it while it is spoken, and how fast is the uplink?",
    )
    doctor.add_argument("--share", action="store_true", help="a report for others: secrets, names and ids taken out")
    doctor.add_argument("--json", action="store_true", help="as one line of JSON")
    devices = add("devices", "devices", "microphones and speakers with their stable names and rates; gpio chips")
    devices.add_argument("--json", action="store_true", help="as one line of JSON")
    config = _with_config(add("config", "config", "the settings: checked, shown, described"))
    config.add_argument("what", choices=("check", "show", "schema"), help="all mistakes at once; what is in force and "
                        "from where; JSON Schema for editors")  # fmt: skip

    sounds = _with_config(add("sounds", "sounds", "what the device sounds by itself: how long, how loud, from where"))
    sounds.add_argument("--language", choices=("en", "de", "fr", "es"), help="of what is said (default: the settings')")
    sounds.add_argument("--play", metavar="NAME", help="play it: start, busy, muted … (an earcon and a "
                        "prompt of one name: one after the other)")  # fmt: skip
    sounds.add_argument("--json", action="store_true", help="as one line of JSON")
    sounds.add_argument(
        "--make", metavar="DIR", type=Path, help="have espeak-ng speak all that is said, into files there"
    )

    provision = add("provision", "provision", "take over settings and a key that were left on the boot partition")
    etc = Path("/etc/clonespeaker")
    provision.add_argument(
        "--from", dest="card", metavar="DIR", type=Path, help="default: /boot/firmware, where there is one"
    )
    provision.add_argument("--to", dest="device", metavar="DIR", type=Path, default=etc, help="default: %(default)s")
    provision.add_argument("--silent", action="store_true", help="do not sound mistakes")

    simulate = add("simulate", "simulate", "the simulated clone alone")
    port, think_s, rate_hz = _number(int, 0, 65_535), _number(float, 0, 600), _number(int, 8_000, 192_000)
    length_ms, late_ms, pace = _number(float, 1, 60_000), _number(float, 0, 60_000), _number(float, 0.01, 100)
    simulate.add_argument("--host", type=_text, default="127.0.0.1", help="where to listen (default: %(default)s)")
    simulate.add_argument("--port", type=port, default=8700, help="0: any free one (default: %(default)s)")
    simulate.add_argument("--key", type=_text, default="dsk-simulated", help="the key it takes (default: %(default)s)")
    simulate.add_argument("--slug", type=_text, default="my-clone", help="its name in requests (default: %(default)s)")
    simulate.add_argument("--think", metavar="S", type=think_s, default=0.3, help="seconds before it answers")
    simulate.add_argument("--voice", choices=("auto", "echo", "speech", "tone"), default="auto", help="how it sounds")
    encodings = ("raw", "wav-first", "wav-each", "mp3")
    simulate.add_argument("--encoding", choices=encodings, default="raw", help="what its snippets hold")
    simulate.add_argument("--rate", metavar="HZ", type=rate_hz, default=44_100, help="of its sound")
    simulate.add_argument("--snippet-ms", metavar="MS", type=length_ms, default=200.0, help="length of its snippets")
    simulate.add_argument("--pace", metavar="X", type=pace, help="1.0: sends in real time (default: at once)")
    simulate.add_argument("--jitter-ms", metavar="MS", type=late_ms, default=0.0, help="mean lateness of its events")
    simulate.add_argument(
        "--tone-s", metavar="S", type=_number(float, 0.01, 3_600), default=2.0, help="how long a tone sounds"
    )
    simulate.add_argument("--reply-text", metavar="TEXT", type=_text, help="what it answers")
    simulate.add_argument("--name", metavar="NAME", type=_text, default="Simulated Clone", help="its name for people")
    simulate.add_argument("--citations", metavar="N", type=_number(int, 0, 64), default=0, help="sources it cites")
    pictures = simulate.add_mutually_exclusive_group()
    pictures.add_argument("--picture", action="store_true", help="send a picture along, which it serves itself")
    pictures.add_argument("--image-url", metavar="URL", type=_text, help="send the picture there along")
    simulate.add_argument("--fault", metavar="NAME[=N]", help="misbehave; `--fault list` lists the ways")
    simulate.add_argument("--fault-times", metavar="N", type=_number(int, 1, 1_000_000), help="only so many times")
    kinds = ("valid", "expired", "wrong-host", "self-signed")
    simulate.add_argument("--tls", choices=kinds, help="serve https, with such a certificate")
    return top


def _add_setup(setup: argparse.ArgumentParser) -> None:
    steps = ("microphone", "speaker", "hearing", "button", "clone", "service")
    setup.add_argument("--microphone", metavar="NAME", help="its card, as `clonespeaker devices` lists them, or auto")
    setup.add_argument("--speaker", metavar="NAME", help="likewise")
    setup.add_argument("--button", metavar="PIN", help="a pin like GPIO17 or BOARD11, or keyboard, or none")
    setup.add_argument("--base-url", metavar="URL", help="the clone's server")
    setup.add_argument("--slug", metavar="NAME", help="the clone's name, as in its web address")
    setup.add_argument("--key-file", metavar="FILE", help="a file that holds the API key; -: standard input")
    setup.add_argument("--key-to", metavar="FILE", type=Path, help="where the key is kept (default: where the settings "
                       "say, else api-key beside them)")  # fmt: skip
    setup.add_argument("--yes", "--no-input", action="store_true", help="ask nothing; what is not given stays as it is")
    setup.add_argument("--skip-sound", action="store_true", help="cards are neither asked for nor tried")
    setup.add_argument("--no-start", action="store_true", help="leave the service as it is")
    setup.add_argument("--only", metavar="STEP", choices=steps, help=f"one step alone: {', '.join(steps)}")


def _with_config(command: argparse.ArgumentParser) -> argparse.ArgumentParser:
    command.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        help="settings (default: /etc/clonespeaker/config.yaml, where there is one)",
    )
    return command


def _seconds(text: str) -> float:
    """`3s`, `800ms`, `2.5` → seconds."""
    number, unit = (text[:-2], 1_000) if text.endswith("ms") else (text.removesuffix("s"), 1)
    try:
        seconds = float(number) / unit
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; write 3s or 800ms") from None
    if not 0.1 <= seconds <= 600:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 0.1 and 600 seconds")
    return seconds


def _volume(text: str) -> dict[str, int]:
    """`40` → a level; `+1` and `-1` → steps."""
    if text.startswith(("+", "-")):
        return {"step": int(_number(int, -10, 10)(text))}
    return {"level": int(_number(int, 0, 100)(text))}


def _number(kind: type[int] | type[float], least: float, most: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            number = kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a {'whole ' if kind is int else ''}number") from None
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not between {least:g} and {most:g}")
        return number

    return read


def _text(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("there is nothing in it")
    return _utf8(text)


def _utf8(text: str) -> str:
    """What can be sent: bytes that the locale knows no letters for reach a program as surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"{text!a} is not UTF-8; see `locale`") from None
    return text
