from __future__ import annotations

import re

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from clonespeaker.config.settings import Settings
from clonespeaker.errors import ConfigError
from tests.config.settings_text import check_mistake, leaves, problems, read

KEY = "dsk-0123456789abcdef"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "microphone:\n  pre_rol_ms: 3",
            "config.yaml:2: microphone.pre_rol_ms: no such setting; did you mean pre_roll_ms?",
        ),
        ("microphone: {volume: 3}", "config.yaml:1: microphone.volume: no such setting; there is speaker.volume"),
        ("slug: ada", "config.yaml:1: slug: no such setting; there is clone.slug"),
        ("clone: {device: x}", "clone.device: no such setting; there is microphone.device and speaker.device"),
        ("sounds: {volum: 3}", "sounds.volum: no such setting; did you mean speaker.volume?"),
        ("mikrophone: {pre_roll_ms: x}", "mikrophone: no such setting; did you mean microphone?"),
        ("sounds: {xyzzy: 3}", "sounds.xyzzy: no such setting; there are earcons"),
        ("speaker: loud", "config.yaml:1: speaker: a section, not a setting; write its settings below it, indented"),
        ("speaker:\n- volume: 3", "config.yaml:1: speaker: a section, not a setting;"),
        (
            "speaker:\n  volume: 3\n  volume: 4",
            "config.yaml:3: speaker.volume: set before, on line 2; delete one of the two",
        ),
        ("? [a]\n: b", "config.yaml:1: a list or a group can't be a setting's name"),
        ("just words", "config.yaml:1: no settings; write sections like `clone:`"),
        ("- a", "config.yaml:1: no settings; write sections like `clone:`"),
    ],
)
def test_mistakes(text: str, expected: str) -> None:
    check_mistake(text, expected)


def test_all_mistakes_are_told_in_one_run() -> None:
    text = """\
clone:
  slug: ada
  base_url: http://example.org
microphone:
  pre_rol_ms: 100
speaker:
  volume: loud
button:
  mode: push
"""
    found = problems(text, {"CLONESPEAKER_SPEAKER__PORT": "1"})
    assert [problem.partition("; ")[0] for problem in found] == [
        "config.yaml:5: microphone.pre_rol_ms: no such setting",
        "config.yaml:7: speaker.volume: 'loud' is not a whole number from 0 to 100",
        "config.yaml:9: button.mode: 'push' is not one of hold, tap",
        "environment CLONESPEAKER_SPEAKER__PORT: no such setting",
        "config.yaml:3: clone.base_url: plain http would show the API key to the network on its way to example.org",
    ]


def test_aliases_of_aliases_do_not_blow_up() -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30))
    assert len(problems(bomb + "status: {allowed_origins: *a29}\n")) == 30 + 10


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("CLONESPEAKER_CLONE__SLUGG", "x", "no such setting; did you mean CLONESPEAKER_CLONE__SLUG?"),
        ("CLONESPEAKER_CLONE_SLUG", "x", "no such setting; did you mean CLONESPEAKER_CLONE__SLUG?"),
        ("CLONESPEAKER_", "x", "no such setting; the shipped config.yaml lists the settings"),
        ("CLONESPEAKER_XYZZY", "x", "no such setting; the shipped config.yaml lists the settings"),
        ("CLONESPEAKER_SPEAKER__VOLUME", "loud", "speaker.volume: 'loud' is not a whole number from 0 to 100"),
        ("CLONESPEAKER_SPEAKER__VOLUME", "[", "speaker.volume: a bracket that is never closed"),
        ("CLONESPEAKER_STATUS__HOST", "0.0.0.0", "status.host: '0.0.0.0' lets others on the network in"),
        ("CLONESPEAKER_CLONE__API_KEY", "quite-secret", "an API key; only CLONESPEAKER_API_KEY may hold one"),
        ("CLONESPEAKER_CLONE__SLUG", KEY, "an API key; only CLONESPEAKER_API_KEY may hold one"),
        ("CLONESPEAKER_CLONE__SLUG", "\udcff", "clone.slug: '\\udcff' is not a name"),
    ],
)
def test_mistakes_in_the_environment(variable: str, value: str, expected: str) -> None:
    (problem,) = problems("", {variable: value})
    assert problem.startswith(f"environment {variable}: {expected}")
    assert "quite-secret" not in problem


def test_the_name_of_a_variable_steers_no_terminal() -> None:
    (problem,) = problems("", {"CLONESPEAKER_\x1b[2J\udcff\n": "x"})
    assert problem.startswith(r"environment CLONESPEAKER_\x1b[2J\udcff\n: no such setting")


# Whatever the text.

FRAGMENTS = """
clone: speaker: status: slug: volume: allowed_origins: state_dir: board: api_key: << &a *a !!bool !!int !!float
!!binary !!timestamp !!null !!set !x %YAML --- ... [ ] { } , : ? - | > ' " # ~ 7 -7 0x 0b 1:1:1.5 .nan 2026-13-13
on "\\Uffffffff" dsk-0123456789 ada http://a \t
""".split(" ")
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.lists(st.text())
KNOWN = st.sampled_from([key.rpartition(".")[2] for key in leaves(Settings())])
TREES = st.dictionaries(
    st.sampled_from(list(msgspec.to_builtins(Settings()))), VALUES | st.dictionaries(KNOWN | st.text(), VALUES)
)


@effort(deadline=None)
@given(
    st.text().map(str.encode)
    | st.binary()
    | st.lists(st.sampled_from([*FRAGMENTS, "\n", "\n  "])).map(" ".join).map(str.encode)
    | TREES.map(lambda tree: yaml.safe_dump(tree).encode())
)
def test_no_text_raises_anything_but_config_errors(data: bytes) -> None:
    told: tuple[str, ...] = ()
    try:
        read(data)
    except ConfigError as error:
        told = error.problems or ("nothing told",)
    for problem in told:
        assert re.match(r"config\.yaml:\d+: ", problem)
        assert problem.isprintable()
