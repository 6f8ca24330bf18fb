from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clonespeaker.config.edit import edit, leaves
from clonespeaker.config.load import DEFAULT_PATH
from clonespeaker.config.reading import Reading
from clonespeaker.errors import ConfigError
from tests.config.settings_text import read

SHIPPED = (Path(__file__).parents[2] / "config" / "config.yaml").read_bytes()

VALUES: dict[str, list[Any]] = {
    "clone.slug": ["ada-lovelace", "2024", "on", "x:y", "[a,b]", "grüße", "&a", None],
    "clone.base_url": ["https://clone.example:8443", "http://127.0.0.1:8700", "https://api.delphi.ai"],
    "clone.api_key_file": ["/etc/key", None],
    "microphone.device": ["auto", "USB Audio: #1", "PnP, [mono]", "it's", '"quoted"', "Device"],
    "microphone.max_seconds": [30, 60],
    "speaker.device": ["default", "{x}", "a\\b"],
    "speaker.volume": [0, 80],
    "button.source": ["none", "gpio"],
    "button.pin": ["GPIO4", "BOARD11", "17"],
    "sounds.earcons": [True, False],
    "state_dir": ["/var/lib/elsewhere", "/a b"],
    "board": [None, "wm8960"],
}
KEYS = st.sampled_from(sorted(VALUES))


def some(keys: list[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({key: st.sampled_from(VALUES[key]) for key in keys})


VALUED = st.lists(KEYS, unique=True).flatmap(some)


class Writer:
    """Writes settings as people do: each file in another manner."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._comments = 0

    def file(self, values: dict[str, Any]) -> bytes:
        sections = list(dict.fromkeys(key.rpartition(".")[0] for key in values))
        self._chance.shuffle(sections)
        if self._chance.random() < 0.1:
            return self._flow(values).encode()
        text = self._chance.choice(["", "---\n", "# The settings.\n\n"])
        for section in sections:
            own = {key.rpartition(".")[2]: value for key, value in values.items() if key.rpartition(".")[0] == section}
            text += self._chance.choice(["", "\n", self._line(0)]) + self._section(section, own)
        text = self._chance.choice([text, text.rstrip("\n"), text + "\n" + self._line(0)])
        text = text.replace("\n", "\r\n") if self._chance.random() < 0.2 else text
        return (b"\xef\xbb\xbf" if self._chance.random() < 0.2 else b"") + text.encode()

    def _section(self, section: str, values: dict[str, Any]) -> str:
        if section and self._chance.random() < 0.3:
            inner = ", ".join(f"{name}: {self._value(value, flow=True)}" for name, value in values.items())
            return f"{section}: {{{inner}{self._chance.choice(['', ',', ' '])}}}{self._comment()}\n"
        indent = self._chance.choice([1, 2, 4]) if section else 0
        lines = f"{section}:{self._comment()}\n" if section else ""
        for name, value in values.items():
            lines += self._line(indent) if self._chance.random() < 0.3 else ""
            spaces = " " * self._chance.randint(1, 3)
            lines += (
                f"{' ' * indent}{name}:{spaces}{self._value(value, flow=False)}".rstrip(" ") + self._comment() + "\n"
            )
            lines += self._line(indent + 9) if self._chance.random() < 0.2 else ""
        return lines

    def _flow(self, values: dict[str, Any]) -> str:
        return "{" + ", ".join(
            f"{section}: {{{inner}}}" if section else inner
            for section in dict.fromkeys(key.rpartition(".")[0] for key in values)
            for inner in [
                ", ".join(
                    f"{key.rpartition('.')[2]}: {self._value(value, flow=True)}"
                    for key, value in values.items()
                    if key.rpartition(".")[0] == section
                )
            ]
        ) + "}"  # fmt: skip

    def _value(self, value: Any, *, flow: bool) -> str:
        if value is None:
            return self._chance.choice(["null", "~"] if flow else ["", "~", '""'])
        if isinstance(value, bool | int):
            return str(value).lower()
        plain = re.fullmatch(r"[A-Za-z0-9ü][\w./-]*", value)
        single = "'" + value.replace("'", "''") + "'"
        double = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        written: str = self._chance.choice([single, double, value if plain else single])
        return written

    def _comment(self) -> str:
        return self._chance.choice(["", " " * self._chance.randint(1, 12) + self._words()])

    def _line(self, indent: int) -> str:
        return " " * indent + self._words() + "\n"

    def _words(self) -> str:
        self._comments += 1
        return f"# comment {self._comments}: it's {{[a, b"


def said(data: bytes) -> dict[str, Any]:
    """What stands in a file, without defaults and what a board fills in."""
    reading = Reading()
    reading.take_file("config.yaml", data)
    return reading.said


@given(VALUED, VALUED, st.integers(0, 1 << 32))
def test_what_is_changed_is_changed_and_nothing_else(
    before: dict[str, Any], changes: dict[str, Any], seed: int
) -> None:
    data = Writer(seed).file(before)
    changed = edit("config.yaml", data, changes)
    assert said(changed) == {key: value for key, value in (before | changes).items() if value is not None}
    assert leaves(read(changed)).items() >= said(changed).items()
    # Each comment, and each line on which no changed setting stands, is there as it was, in the same order.
    old, new = data.decode("utf-8-sig"), changed.decode("utf-8-sig")
    assert re.findall(r"# [^\r\n]*", new) == re.findall(r"# [^\r\n]*", old)
    names = "|".join(key.rpartition(".")[2] for key in changes) or "$^"
    following = iter(new.splitlines())
    for line in old.splitlines():
        if not re.search(rf"\b({names}): ?|\{{|^\w+: *(~|\"\")", line):
            assert line in following, line
    assert changed.startswith(b"\xef\xbb\xbf") == data.startswith(b"\xef\xbb\xbf")
    assert re.findall(r"(?<!\r)\n", new) == [] or "\r\n" not in old
    # Once more is not twice.
    assert edit("config.yaml", changed, changes) == changed


@settings(max_examples=30)  # the whole file is read three times in each
@given(VALUED)
def test_the_shipped_file_there_and_back(changes: dict[str, Any]) -> None:
    changed = edit("config.yaml", SHIPPED, changes)
    before = said(SHIPPED)
    assert said(changed) == {key: value for key, value in (before | changes).items() if value is not None}
    assert len(changed.splitlines()) == len(SHIPPED.splitlines())
    back = edit("config.yaml", changed, {key: before.get(key) for key in changes})
    assert [" ".join(line.split()) for line in back.decode().splitlines()] == [
        " ".join(line.split()) for line in SHIPPED.decode().splitlines()
    ]


def test_comments_keep_their_columns() -> None:
    changed = edit("c", SHIPPED, {"clone.slug": "ada-lovelace", "button.pin": "GPIO4", "clone.base_url": "https://a.b"})
    lines = changed.decode().splitlines()
    assert "  slug: ada-lovelace                # the clone's name, as in its web address: my-clone" in lines
    assert "  base_url: https://a.b             # plain http only to this machine itself, unless" in changed.decode()
    assert "  pin: GPIO4       # empty: GPIO17, or what board says | GPIO0 to GPIO27" in changed.decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "clone:\n  slug: ada\n"),
        ("# nothing yet", "# nothing yet\nclone:\n  slug: ada\n"),
        ("clone:\n  # slug: x\nboard:\n", "clone:\n  slug: ada\n  # slug: x\nboard:\n"),
        ("clone: ~\n", "clone: {slug: ada}\n"),
        ("{}\n", "{clone: {slug: ada}}\n"),
        ("clone: {reply: text,} # c\n", "clone: {slug: ada, reply: text,} # c\n"),
        ("  clone:\n   reply: text\n", "  clone:\n   reply: text\n   slug: ada\n"),
        (
            "clone:\n  reply: text   # or voice,\n                # some day\n  # end\n\nboard:\n",
            "clone:\n  reply: text   # or voice,\n                # some day\n  slug: ada\n  # end\n\nboard:\n",
        ),
        (
            "status:\n  allowed_origins:\n  - https://a.b\n",
            "status:\n  allowed_origins:\n  - https://a.b\nclone:\n  slug: ada\n",
        ),
        ("clone:\n  reply: |\n    text\nboard:\n", "clone:\n  reply: |\n    text\n  slug: ada\nboard:\n"),
    ],
)
def test_what_is_not_there_is_added(before: str, after: str) -> None:
    assert edit("c", before.encode(), {"clone.slug": "ada"}).decode() == after


@pytest.mark.parametrize(
    "text",
    [
        "microphone: &one {device: auto}\nspeaker: *one\n",
        "microphone:\n  device: &one auto\nspeaker:\n  device: *one\n",
        "speaker:\n  device: |\n    auto\n",
        "clone: {reply: text}\n...\n",
        "speaker:\n  device:\n    default # there\n",
    ],
)
def test_what_no_program_should_change_is_left_alone(text: str) -> None:
    with pytest.raises(ConfigError, match=r"c: .*speaker\.device.*by hand"):
        edit("c", text.encode(), {"speaker.device": "USB", "state_dir": "/x"})


@pytest.mark.parametrize(
    ("text", "changes", "problem"),
    [
        ("speaker:\n  volum: 3\n", {"clone.slug": "ada"}, "c:2: speaker.volum: no such setting"),
        ("", {"clone.base_url": "http://elsewhere.example"}, r"c:2: clone\.base_url: plain http"),
        ("", {"button.pin": "PIN7"}, r"c:2: button\.pin: 'PIN7' is not a pin"),
        ("", {"clone.slug": "dsk-0123456789abcdef"}, "API keys never go in this file"),
    ],
)
def test_mistakes_are_told(text: str, changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        edit("c", text.encode(), changes)
    assert "0123456789abcdef" not in str(caught.value)


def test_two_that_only_fit_together() -> None:
    changed = edit(str(DEFAULT_PATH), b"", {"clone.base_url": "http://elsewhere.example", "clone.allow_http": True})
    assert read(changed).clone.allow_http
