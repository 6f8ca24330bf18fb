"""The wire format of the local websocket, protocol 1: described here, once.

Every message is one JSON object in one text frame. Times are milliseconds unless the name says otherwise.

**Daemon → program.** First, once, how things stand; then what happens, and answers to commands:

    {"type": "snapshot", "protocol": 1, …}          how things stand
    {"type": "event", "event": NAME, …}             something happened; its fields lie flat beside NAME
    {"type": "result", "id": ID, "ok": true}        the command bearing ID was taken
    {"type": "result", "id": ID, "ok": false, "error": {"code": CODE, "message": TEXT}}

Snapshot: `device` (`version`; `microphone`, `speaker`: what is open; `lights`: null where there are none, else
`trouble`), `state` (`starting` `idle` `listening` `thinking` `speaking`), `muted` (whatever mutes), `mute_switch`
(whether its switch does; null where there is none), `volume` (0–100), `faults` (names), `causes` (name → what is wrong
and what to do), `clone`, `conversation` (`id`, `messages`), `turn` (its number, or null), `turns` (the last 20, oldest
first, each as its `turn` event told it), `totals`. Every event after a snapshot happened after it, and none in between
is lost.

    event                  fields
    state                  state; turn (its number, or null)
    turn                   turn; outcome (answered tapped cancelled failed); fault (or null); once, when the turn is
                           over, with its timeline, in ms from the release (negative: before it): pressed first_frame
                           connected released body_sent first_event first_audio first_sound last_audio drained;
                           utterance_ms reply_ms upload (live or exact) retries underruns overflows http_status
    caption                turn; who (user or clone); text; final
    picture                turn; url
    citations              turn; citations: [{url, title, text, type}]
    level                  source (microphone or speaker); dbfs; at most 15 a second, left out where a program lags
    fault                  fault (its name); active (true: begins, false: ends); message (for people); detail.
                           too-loud, too-quiet, no-sound and nothing-heard are hints about the last utterance:
                           they end with the next press, or by themselves
    clone                  name, description, slug, purpose (each may be null): who it is, once that is known
    settings               what changed: volume, muted, mute_switch, conversation, …; `reread` (true): the settings
                           were read again, and `/kiosk.json` may tell something else

**Program → daemon.** `{"id": ID, "command": NAME, …}`. ID is the program's own, returned with the result: a whole
number (±2⁵³−1) or a text of 1–64 characters. Other fields than these are refused:

    command                fields
    press, release         the button, from afar
    talk                   seconds (0.1–600): press, and release after so long
    cancel                 stop the turn under way
    say                    text (1–10,000 characters, not all blank): an utterance that need not be spoken;
                           image_url (http or https, up to 2,048 characters; or null): a picture sent with it
    volume                 level (a whole number, 0–100), or step (a whole number, −10 to 10: so many steps louder,
                           a step being 5); one of both
    mute, unmute           the microphone; unmute is refused (`mute-switch`) while its switch mutes it
    new_conversation        begin one; the result comes once the clone has made it, after those of later commands maybe;
                           asked for again meanwhile, by whomever, it is the same one
    snapshot               another snapshot, which comes before the result

Codes of refused commands: `bad-frame` (binary, not JSON, not an object), `bad-id`, `unknown-command`, `bad-fields`,
`forbidden` (the program showed the token for reading: `snapshot` is all it may ask), and those of the daemon's own
that say why a good command can't be obeyed now (`starting`, `listening`, `stopping`, a fault's name). `id` is null
where none could be read.
The connection ends with 1008 (more commands than 50 a second, or frames than 200; a message in more than 64 frames),
1009 (a message over 64 KiB), 1013 (the program reads too slowly), 1001 (the daemon stops).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, get_args

import msgspec
from msgspec import UNSET, Meta, UnsetType

from clonespeaker.errors import StatusError

PROTOCOL = 1
MAX_FRAME_BYTES = 65_536

_MAX_WHOLE = 2**53 - 1  # what JavaScript reads exactly
_MAX_ID_CHARS = 64
_MAX_ECHO_CHARS = 200  # of what a program sent, in what it is told about it

Id = int | str


class CommandError(StatusError):
    """A command that is refused: `code` for programs, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message, code=code)


class ProtocolError(CommandError):
    """A frame that is no command. `id` is the one it bore, or None where it bore no usable one."""

    def __init__(self, code: str, message: str, id: Id | None = None) -> None:
        super().__init__(code, message)
        self.id = id


class _Command(msgspec.Struct, kw_only=True, frozen=True, forbid_unknown_fields=True, tag_field="command"):
    pass


class Press(_Command, frozen=True, tag="press"):
    """The button goes down."""


class Release(_Command, frozen=True, tag="release"):
    """The button goes up."""


class Talk(_Command, frozen=True, kw_only=True, tag="talk"):
    """Press, and release after `seconds`."""

    seconds: Annotated[float, Meta(ge=0.1, le=600)]


class Cancel(_Command, frozen=True, tag="cancel"):
    """Stop the turn under way."""


class Say(_Command, frozen=True, kw_only=True, tag="say"):
    """An utterance as text, with a picture's address where there is one."""

    text: Annotated[str, Meta(min_length=1, max_length=10_000, pattern=r"\S")]
    image_url: Annotated[str, Meta(max_length=2_048, pattern=r"\Ahttps?://\S+\Z")] | None = None


class Volume(_Command, frozen=True, kw_only=True, tag="volume"):
    """Set the loudness, 0–100, or change it by steps; one of both."""

    level: Annotated[int, Meta(ge=0, le=100)] | UnsetType = UNSET
    step: Annotated[int, Meta(ge=-10, le=10)] | UnsetType = UNSET

    def __post_init__(self) -> None:
        if (self.level is UNSET) == (self.step is UNSET):
            raise ValueError("Expected one of `level` and `step`")


class Mute(_Command, frozen=True, tag="mute"):
    """Close the microphone."""


class Unmute(_Command, frozen=True, tag="unmute"):
    """Open the microphone."""


class NewConversation(_Command, frozen=True, tag="new_conversation"):
    """Begin a new conversation."""


class GetSnapshot(_Command, frozen=True, tag="snapshot"):
    """Send another snapshot. The server obeys it by itself."""


Command = Press | Release | Talk | Cancel | Say | Volume | Mute | Unmute | NewConversation | GetSnapshot

_COMMANDS: dict[str, type[_Command]] = {kind.__struct_config__.tag: kind for kind in get_args(Command)}

_FIELDS: dict[type[_Command], str] = {
    Talk: "`seconds` (0.1–600)",
    Say: "`text` (1–10,000 characters, not all blank) and, if you like, `image_url` (http or https)",
    Volume: "`level` (a whole number, 0–100), or `step` (a whole number, −10 to 10)",
}


def parse_command(frame: str | bytes) -> tuple[Id, Command]:
    """The id and the command in one frame.

    Raises:
        ProtocolError: it is no command; never anything else, whatever the frame.
    """
    if not isinstance(frame, str):
        raise ProtocolError("bad-frame", "A command is a text frame with JSON in it; this one was binary.")
    try:
        fields = msgspec.json.decode(frame)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ProtocolError("bad-frame", f"This is not JSON: {_clip(str(error))}.") from error
    if not isinstance(fields, dict):
        raise ProtocolError("bad-frame", 'A command is a JSON object, such as {"id": 1, "command": "press"}.')
    id = _usable_id(fields.pop("id", None))
    name = fields.get("command")
    kind = _COMMANDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ProtocolError("unknown-command", _unknown(name), id)
    try:
        return id, msgspec.convert(fields, kind)  # type: ignore[return-value]  # `kind` is one of Command's
    except (msgspec.ValidationError, OverflowError) as error:
        takes = _FIELDS.get(kind, "no fields")
        raise ProtocolError("bad-fields", f"`{name}`: {_clip(str(error))}. It takes {takes}.", id) from error


def _usable_id(id: Any) -> Id:
    if isinstance(id, str) and 1 <= len(id) <= _MAX_ID_CHARS:
        return id
    if isinstance(id, int) and not isinstance(id, bool) and abs(id) <= _MAX_WHOLE:
        return id
    raise ProtocolError(
        "bad-id", f"Give each command an `id`: a whole number or a text of 1–{_MAX_ID_CHARS} characters."
    )


def _unknown(name: Any) -> str:
    if not isinstance(name, str):
        return f"Give `command` the name of a command: {', '.join(_COMMANDS)}."
    near = difflib.get_close_matches(name, _COMMANDS, n=1)
    hint = f"Did you mean `{near[0]}`?" if near else f"There are {', '.join(_COMMANDS)}."
    return f"There is no command `{_clip(name)}`. {hint}"


def _clip(text: str) -> str:
    return text if len(text) <= _MAX_ECHO_CHARS else text[:_MAX_ECHO_CHARS] + "…"


def encode_command(id: Id, name: str, fields: Mapping[str, Any]) -> str:
    """What a program sends."""
    return _encode({"id": id, "command": name, **fields})


def encode_snapshot(fields: Mapping[str, Any]) -> str:
    """How things stand."""
    return _encode({"type": "snapshot", "protocol": PROTOCOL, **fields})


def encode_event(event: str, fields: Mapping[str, Any]) -> str:
    """Something that happened."""
    return _encode({"type": "event", "event": event, **fields})


def encode_result(id: Id) -> str:
    """A command was taken."""
    return _encode({"type": "result", "id": id, "ok": True})


def encode_error(id: Id | None, code: str, message: str) -> str:
    """A command was refused."""
    return _encode({"type": "result", "id": id, "ok": False, "error": {"code": code, "message": message}})


def _encode(message: dict[str, Any]) -> str:
    return msgspec.json.encode(message).decode()
