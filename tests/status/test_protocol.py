from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clonespeaker.errors import StatusError
from clonespeaker.status import protocol
from clonespeaker.status.protocol import Command, ProtocolError, parse_command

GOOD: list[tuple[dict[str, Any], Command]] = [
    ({"command": "press"}, protocol.Press()),
    ({"command": "release"}, protocol.Release()),
    ({"command": "talk", "seconds": 3}, protocol.Talk(seconds=3.0)),
    ({"command": "talk", "seconds": 0.1}, protocol.Talk(seconds=0.1)),
    ({"command": "talk", "seconds": 600}, protocol.Talk(seconds=600.0)),
    ({"command": "cancel"}, protocol.Cancel()),
    ({"command": "say", "text": "x"}, protocol.Say(text="x")),
    ({"command": "say", "text": "ä" * 10_000, "image_url": None}, protocol.Say(text="ä" * 10_000)),
    (
        {"command": "say", "text": "What is this?", "image_url": "http://pi/snap.jpg"},
        protocol.Say(text="What is this?", image_url="http://pi/snap.jpg"),
    ),
    ({"command": "volume", "level": 0}, protocol.Volume(level=0)),
    ({"command": "volume", "level": 100}, protocol.Volume(level=100)),
    ({"command": "volume", "step": -10}, protocol.Volume(step=-10)),
    ({"command": "volume", "step": 10}, protocol.Volume(step=10)),
    ({"command": "mute"}, protocol.Mute()),
    ({"command": "unmute"}, protocol.Unmute()),
    ({"command": "new_conversation"}, protocol.NewConversation()),
    ({"command": "snapshot"}, protocol.GetSnapshot()),
]


@pytest.mark.parametrize(("fields", "command"), GOOD)
def test_good_commands(fields: dict[str, Any], command: Command) -> None:
    assert parse_command(json.dumps({"id": 7, **fields})) == (7, command)


def test_good_commands_are_all_there_are() -> None:
    assert {type(command) for _, command in GOOD} == set(protocol._COMMANDS.values())


@pytest.mark.parametrize("id", [0, -1, 2**53 - 1, "a", "x" * 64])
def test_good_ids(id: int | str) -> None:
    assert parse_command(json.dumps({"id": id, "command": "press"})) == (id, protocol.Press())


@pytest.mark.parametrize(
    ("frame", "code", "words"),
    [
        (b'{"id": 1, "command": "press"}', "bad-frame", "binary"),
        ("", "bad-frame", "not JSON"),
        ("press", "bad-frame", "not JSON"),
        ('{"id": 1, "command": "press"', "bad-frame", "not JSON"),
        ('{"id": "\\ud800", "command": "press"}', "bad-frame", "not JSON"),
        ("\ud800", "bad-frame", "not JSON"),
        ("[" * 65_536, "bad-frame", "not JSON"),
        ("1e999", "bad-frame", "not JSON"),
        ("[]", "bad-frame", "object"),
        ("null", "bad-frame", "object"),
        ('{"command": "press"}', "bad-id", "whole number or a text"),
        ('{"id": null, "command": "press"}', "bad-id", "whole number or a text"),
        ('{"id": true, "command": "press"}', "bad-id", "whole number or a text"),
        ('{"id": 1.5, "command": "press"}', "bad-id", "whole number or a text"),
        ('{"id": 9007199254740992, "command": "press"}', "bad-id", "whole number or a text"),
        ('{"id": "", "command": "press"}', "bad-id", "whole number or a text"),
        (json.dumps({"id": "x" * 65, "command": "press"}), "bad-id", "whole number or a text"),
    ],
)
def test_frames_that_bear_no_usable_id(frame: str | bytes, code: str, words: str) -> None:
    with pytest.raises(ProtocolError, match=words) as caught:
        parse_command(frame)
    assert (caught.value.code, caught.value.id) == (code, None)


@pytest.mark.parametrize(
    ("fields", "code", "words"),
    [
        ({}, "unknown-command", "name of a command: press, release"),
        ({"command": 3}, "unknown-command", "name of a command: press, release"),
        ({"command": "pres"}, "unknown-command", "no command `pres`. Did you mean `press`?"),
        ({"command": "newconversation"}, "unknown-command", "Did you mean `new_conversation`?"),
        ({"command": "reboot"}, "unknown-command", "There are press, release, talk"),
        ({"command": "x" * 60_000}, "unknown-command", "xxx…`. There are press"),
        ({"command": "press", "hard": True}, "bad-fields", "unknown field `hard`. It takes no fields."),
        ({"command": "talk"}, "bad-fields", "missing required field `seconds`. It takes `seconds` (0.1–600)."),
        ({"command": "talk", "seconds": 0.05}, "bad-fields", "`talk`: Expected `float` >= 0.1"),
        ({"command": "talk", "seconds": 601}, "bad-fields", "<= 600"),
        ({"command": "talk", "seconds": 10**400}, "bad-fields", "`seconds` (0.1–600)"),
        ({"command": "talk", "seconds": "3"}, "bad-fields", "got `str`"),
        ({"command": "talk", "second": 3}, "bad-fields", "`second`"),
        ({"command": "say"}, "bad-fields", "`text`"),
        ({"command": "say", "text": ""}, "bad-fields", "1–10,000 characters"),
        ({"command": "say", "text": " \n"}, "bad-fields", "not all blank"),
        ({"command": "say", "text": "x" * 10_001}, "bad-fields", "1–10,000 characters"),
        ({"command": "say", "text": "x", "image_url": "file:///etc/passwd"}, "bad-fields", "http or https"),
        ({"command": "say", "text": "x", "image_url": "http://a b"}, "bad-fields", "http or https"),
        ({"command": "say", "text": "x", "image_url": "http://a\n"}, "bad-fields", "http or https"),
        ({"command": "say", "text": "x", "image_url": "http://" + "a" * 2_048}, "bad-fields", "http or https"),
        ({"command": "volume", "level": 101}, "bad-fields", "0–100"),
        ({"command": "volume", "level": -1}, "bad-fields", "0–100"),
        ({"command": "volume", "level": 5.5}, "bad-fields", "a whole number"),
        ({"command": "volume"}, "bad-fields", "one of `level` and `step`"),
        ({"command": "volume", "level": 5, "step": 1}, "bad-fields", "one of `level` and `step`"),
        ({"command": "volume", "level": None, "step": 1}, "bad-fields", "a whole number"),
        ({"command": "volume", "step": 11}, "bad-fields", "−10 to 10"),
        ({"command": "volume", "step": -11}, "bad-fields", "−10 to 10"),
        ({"command": "volume", "step": 0.5}, "bad-fields", "a whole number"),
        ({"command": "volume", "level": True}, "bad-fields", "a whole number"),
        ({"command": "volume", "x" * 60_000: 1}, "bad-fields", "a whole number"),
    ],
)
def test_bad_commands(fields: dict[str, Any], code: str, words: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse_command(json.dumps({"id": "q", **fields}))
    error = caught.value
    assert (error.code, error.id) == (code, "q")
    assert words in str(error)
    assert len(str(error)) < 500
    assert isinstance(error, StatusError)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
near_commands = st.fixed_dictionaries(
    {},
    optional={
        "id": st.integers() | json_values,
        "command": st.sampled_from(sorted(protocol._COMMANDS)) | json_values,
        "seconds": json_values,
        "text": json_values,
        "image_url": json_values,
        "level": json_values,
        "step": json_values,
        "more": json_values,
    },
)
any_text = st.text(st.characters(exclude_categories=()))  # lone surrogates too


@given(near_commands.map(json.dumps) | json_values.map(json.dumps) | any_text | st.binary())
def test_no_frame_raises_anything_else(frame: str | bytes) -> None:
    try:
        id, _ = parse_command(frame)
    except ProtocolError as error:
        answer = json.loads(protocol.encode_error(error.id, error.code, str(error)))
        assert answer["error"]["message"]
    else:
        assert json.loads(protocol.encode_result(id)) == {"type": "result", "id": id, "ok": True}


def test_what_is_sent() -> None:
    assert json.loads(protocol.encode_snapshot({"state": "idle"})) == {
        "type": "snapshot",
        "protocol": 1,
        "state": "idle",
    }
    assert json.loads(protocol.encode_event("level", {"source": "speaker", "dbfs": -math.inf})) == {
        "type": "event",
        "event": "level",
        "source": "speaker",
        "dbfs": None,
    }
    assert json.loads(protocol.encode_error(None, "bad-frame", "No.")) == {
        "type": "result",
        "id": None,
        "ok": False,
        "error": {"code": "bad-frame", "message": "No."},
    }
    assert parse_command(protocol.encode_command(3, "volume", {"level": 5})) == (3, protocol.Volume(level=5))
