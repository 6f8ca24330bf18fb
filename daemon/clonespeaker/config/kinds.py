"""What may stand under each key: one YAML node → a value, or the words for what is wrong with it.

What keys there are, their ranges, forms and words, is taken from the types in `settings.py` (and `forms.py`).
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import yaml
from msgspec import inspect

from clonespeaker.config.forms import WORDS
from clonespeaker.config.secrecy import shown
from clonespeaker.config.settings import Settings
from clonespeaker.config.yamltext import is_nothing, line_of

_LONGEST_NUMBER = 100  # characters; PyYAML takes seconds for one like 1:1:1:… that goes on for pages
_SCALAR_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp")}


class Wrong(NamedTuple):
    """What is wrong with a value, and on which line where that is one of its own: that of an item of a list."""

    words: str
    line: int | None = None


@dataclass(frozen=True)
class Kind:
    """What may stand under a key: "'x' is not {words}" unless `fits(x)`.

    Attributes:
        words: what fits, in words.
        fits: whether a value does.
        text: the value is what was written, whatever else YAML may take it for (17, 2024, on).
        item: what each item of a list may be; None for what is no list.
        fields: of a group within a list, what may stand under each of its names; {} for what is no group.
        needed: names of `fields` that can't be left out.
        choices: all there is to choose from, for "did you mean".
    """

    words: str
    fits: Callable[[Any], bool]
    text: bool = False
    item: Kind | None = None
    fields: Mapping[str, Kind] = dataclasses.field(default_factory=dict)
    needed: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()

    def read(self, node: yaml.Node) -> tuple[Any, list[Wrong]]:
        """The value that a node holds, and all that is wrong with it."""
        if self.item and isinstance(node, yaml.SequenceNode):
            return self._read_list(self.item, node.value)
        if self.fields and isinstance(node, yaml.MappingNode):
            return self._read_group(node)
        if not isinstance(node, yaml.ScalarNode):
            what = "a list" if isinstance(node, yaml.SequenceNode) else "a group of settings"
            hint = "; begin it with -, on a line of its own" if self.item and self.item.fields else ""
            return None, [Wrong(f"{what} is not {self.words}{hint}")]
        if node.tag not in _SCALAR_TAGS:
            tag = shown(node.tag)
            return None, [Wrong(f"{tag} means nothing here; write the value itself, in quotes if it begins with !")]
        text: str = node.value
        value: Any = None
        if self.text:
            value = text.strip()
        elif len(text) <= _LONGEST_NUMBER:
            # PyYAML raises these for `!!bool maybe`, 2026-13-13 and the like.
            with contextlib.suppress(ValueError, LookupError, AttributeError, ArithmeticError):
                value = yaml.constructor.SafeConstructor().construct_object(node)
        if value is not None and self.fits(value):
            return value, []
        near = difflib.get_close_matches(text.lower(), self.choices, n=1)
        hint = f"; did you mean {near[0]}?" if near else "; take the quotes off" if node.style and not self.text else ""
        if self.item and not self.item.read(node)[1]:
            hint = f"; write [{shown(text)}]"
        return None, [Wrong(f"'{shown(text)}' is not {self.words}{hint}")]

    def _read_list(self, kind: Kind, nodes: list[yaml.Node]) -> tuple[Any, list[Wrong]]:
        values, problems = [], []
        for number, node in enumerate(nodes, 1):
            value, wrongs = kind.read(node)
            values.append(value)
            where = f"item {number}: " if kind.fields else ""
            problems += [Wrong(where + words, line or line_of(node)) for words, line in wrongs]
        return values, problems

    def _read_group(self, group: yaml.MappingNode) -> tuple[Any, list[Wrong]]:
        found: dict[str, Any] = {}
        problems: list[Wrong] = []
        for name_node, node in group.value:
            name = name_node.value if isinstance(name_node, yaml.ScalarNode) else ""
            if name not in self.fields:
                near = difflib.get_close_matches(name, self.fields, n=1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(self.fields)}"
                wrong = f"{shown(name) or 'a list or a group'}: no such setting; {hint}"
                problems.append(Wrong(wrong, line_of(name_node)))
            elif name in found:
                problems.append(Wrong(f"{name}: set before; delete one of the two", line_of(name_node)))
            elif is_nothing(node):
                continue
            else:
                found[name], wrongs = self.fields[name].read(node)
                problems += [Wrong(f"{name}: {words}", line or line_of(name_node)) for words, line in wrongs]
        problems += [Wrong(f"{name} is missing") for name in self.needed if name not in found]
        return found, problems


def _kind(info: inspect.Type, words: str = "") -> Kind:
    match info:
        case inspect.Metadata(type=inner, extra=extra):
            return _kind(inner, (extra or {}).get(WORDS, words))
        case inspect.UnionType(types=(inner, inspect.NoneType())):
            return _kind(inner, words)
        case inspect.BoolType():
            return Kind("true or false", lambda value: isinstance(value, bool))
        case inspect.IntType(ge=low, le=high) | inspect.FloatType(ge=low, le=high) if None not in (low, high):
            whole = isinstance(info, inspect.IntType)
            words = f"a{' whole' if whole else ''} number from {low} to {high}"
            types = (int,) if whole else (int, float)
            return Kind(words, lambda value: type(value) in types and low <= value <= high)  # type(): True is an int
        case inspect.LiteralType(values=choices):
            names = tuple(map(str, choices))
            return Kind(words or f"one of {', '.join(names)}", lambda value: value in names, text=True, choices=names)
        case inspect.StrType(pattern=str(pattern)):
            return Kind(words, lambda value: value.isprintable() and re.search(pattern, value) is not None, text=True)
        case inspect.StructType(fields=fields):
            kinds = {each.name: _kind(each.type) for each in fields}
            needed = tuple(each.name for each in fields if each.required)
            example = ", ".join(f"{name}: …" for name in needed or kinds)
            return Kind(f"a group like {{{example}}}", lambda value: False, fields=kinds, needed=needed)
        case inspect.VarTupleType(item_type=inspect.StructType() as item):
            return Kind(words, lambda value: False, item=_kind(item))
        case inspect.VarTupleType(item_type=item):
            return Kind("a list like [a, b]", lambda value: False, item=_kind(item))
        case inspect.NoneType():
            return Kind(words, lambda value: False, text=True)
    raise AssertionError(f"settings.py has a type that kinds.py can't read: {info}")


def _kinds(struct: inspect.Type, prefix: str = "") -> Iterator[tuple[str, Kind]]:
    assert isinstance(struct, inspect.StructType)
    for field in struct.fields:
        if isinstance(field.type, inspect.StructType):
            yield from _kinds(field.type, f"{field.name}.")
        else:
            yield prefix + field.name, _kind(field.type)


KINDS = dict(_kinds(inspect.type_info(Settings)))
"""Every setting by its dotted name, in the order of `settings.py`."""

SECTIONS = list(dict.fromkeys(key.partition(".")[0] for key in KINDS if "." in key))
