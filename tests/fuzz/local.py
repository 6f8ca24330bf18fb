"""This machine's side: promises about its settings, its state, and what programs and pages send; see `targets`."""

from __future__ import annotations

import re
import tempfile
from codecs import BOM_UTF8
from pathlib import Path

import msgspec

from clonespeaker.config.edit import edit
from clonespeaker.config.kinds import KINDS
from clonespeaker.config.load import Loaded, show
from clonespeaker.config.reading import PREFIX, Reading
from clonespeaker.config.settings import Settings
from clonespeaker.errors import ConfigError
from clonespeaker.provision.card import KEY, SETTINGS, Unusable, key_in, text_of, typographic_quotes
from clonespeaker.state import State, StateDir
from clonespeaker.status import protocol
from clonespeaker.status.access import Access, Right
from clonespeaker.status.protocol import ProtocolError, parse_command
from tests.fuzz.words import SAID_MOST, as_header, check_words


def settings(data: bytes) -> None:
    """A config file: settings that read the same when they are shown; or problems, each with its place, on one line.

    Two of them changed: the same settings but for those, and the same comments; or problems.
    """
    reading = Reading()
    try:
        reading.take_file("config.yaml", data)
        read = reading.finish()
    except ConfigError as error:
        _check_problems(error, r"config\.yaml:\d+: ")
        return
    assert isinstance(read, Settings)
    again = Reading()
    again.take_file("shown.yaml", show(Loaded(read, reading.origins, None)).encode())
    assert again.finish() == read
    _check_edit(data)


def _check_edit(data: bytes) -> None:
    changes = {"speaker.device": "USB: #1, [a", "sounds.earcons": False}
    try:
        changed = edit("config.yaml", data, changes)
    except ConfigError as error:
        _check_problems(error, r"config\.yaml:")
        return
    before, after = Reading(), Reading()
    before.take_file("config.yaml", data)
    after.take_file("config.yaml", changed)
    assert after.said == before.said | changes
    # What any other line says stays: the file grows, but no line of it is lost, save those of the two.
    names = re.compile(rb"device|earcons|speaker|sounds|[{\[]")
    kept = iter(changed.removeprefix(BOM_UTF8).splitlines())
    for line in data.removeprefix(BOM_UTF8).splitlines():
        assert names.search(line) or line in kept, line


def card(data: bytes) -> None:
    """A file on the boot partition: settings are text without CRs, a key is a line of plain letters; or it is words."""
    for name in (SETTINGS, KEY):
        try:
            text = text_of(name, data)
            assert "\r" not in text
            assert text.encode().decode() == text
            told = list(typographic_quotes(name, text))
            if name == KEY:
                assert re.fullmatch("[!-~]+", key_in(name, text))
        except Unusable as error:
            told = [str(error)]
        for words in told:
            assert re.match(rf"{re.escape(name)}(:\d+)?: ", words), words
            check_words(words)


def environment(data: bytes) -> None:
    """Settings in environment variables: settings, or problems, each with its variable, on one line."""
    environ, keys = {}, list(KINDS)
    for line in data.split(b"\0")[:20]:
        name, _, value = line.decode("utf-8", "surrogateescape").partition("=")
        if name.isdecimal() and name.isascii():
            name = keys[int(name[:3]) % len(keys)].replace(".", "__").upper()
        environ[PREFIX + name] = value
    reading = Reading()
    try:
        reading.take_environment(environ)
        assert isinstance(reading.finish(), Settings)
    except ConfigError as error:
        _check_problems(error, f"environment {PREFIX}|default: ")


def command(data: bytes) -> None:
    """A frame of the local websocket: a command, or ProtocolError in few words that JSON can carry."""
    for frame in (data.decode("utf-8", "surrogateescape"), data):
        try:
            id, told = parse_command(frame)
        except ProtocolError as error:
            _check_answer(error)
        else:
            assert isinstance(told, protocol.Command)
            assert msgspec.json.decode(protocol.encode_result(id))["id"] == id


def state(data: bytes) -> None:
    """A file of saved state: what it says; or nothing, and the file is set aside as it was."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        (path / "state.json").write_bytes(data)
        loaded = StateDir(path).load()
        (left,) = path.iterdir()
        assert left.read_bytes() == data
        if left.name != "state.json":
            assert loaded == State()
        else:
            left.write_bytes(msgspec.json.encode(loaded))
            assert StateDir(path).load() == loaded


def access(data: bytes) -> None:
    """A request for the local websocket: let in with the token, or an HTTP refusal that can be sent, in few words."""
    path, query, host, origin, authorization = [*map(as_header, data.split(b"\0")), "", "", "", "", ""][:5]
    for bound in ("127.0.0.1", "0.0.0.0"):
        rules = Access(host=bound, port=8777, token="s3cret", allowed_origins=["https://panel.example"])
        admitted = rules.admit(
            path=path, query=query, host=host or None, origin=origin or None, authorization=authorization or None
        )
        if isinstance(admitted, Right):
            assert "s3cret" in query + authorization or "%" in query or path == "/healthz"
        else:
            assert admitted.status in (401, 403)
            assert admitted.message.endswith("\n")
            assert admitted.message[:-1].isprintable()
            assert len(admitted.message.encode()) <= SAID_MOST


def _check_answer(error: ProtocolError) -> None:
    assert 0 < len(str(error)) <= SAID_MOST
    answer = msgspec.json.decode(protocol.encode_error(error.id, error.code, str(error)))
    assert answer["error"] == {"code": error.code, "message": str(error)}


def _check_problems(error: ConfigError, place: str) -> None:
    assert error.problems
    for problem in error.problems:
        assert re.match(place, problem), problem
        check_words(problem)
