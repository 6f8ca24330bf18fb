"""Keeping API keys out of the settings, and out of whatever is told about them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

API_KEY_VARIABLE = "CLONESPEAKER_API_KEY"

_KEY = re.compile(r"(?<![\w-])dsk-\w\S*")
_USER = re.compile(r"(?<=//)[^/?#\s]*@")  # and a password, in an address


def masked(text: str) -> str:
    """A text with a mask over each API key in it, and over each address's user and password."""
    return _USER.sub("****@", _KEY.sub("dsk-****", text))


def shown(text: str) -> str:
    """Somebody's text as it may stand in a message: without keys, on one line, not too long."""
    text = masked(text)  # first of all: escapes before a key would hide where it begins
    text = text if len(text) <= 60 else text[:60] + "…"
    return text if text.isprintable() else ascii(text)[1:-1]


def is_secret(name: str, node: yaml.Node) -> bool:
    """Whether an API key stands under this name, going by the name or by the value."""
    named = re.sub(r"[\W_]", "", name).lower().endswith("apikey")
    return named or (isinstance(node, yaml.ScalarNode) and _KEY.search(node.value) is not None)


def secrets(root: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    """The names under which API keys stand, anywhere in a file, also where no settings are looked for."""
    todo, seen = [root], set[int]()
    while todo:
        node = todo.pop()
        if id(node) in seen:  # aliases share nodes, and may even go in circles
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            todo.extend(node.value)
        elif isinstance(node, yaml.MappingNode):
            for name, value in node.value:
                todo.append(value)
                if isinstance(name, yaml.ScalarNode) and is_secret(name.value, value):
                    yield name
