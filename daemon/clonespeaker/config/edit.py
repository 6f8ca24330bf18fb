"""Settings changed in a config file, and nothing else in it: comments, order, quotes and line ends stay.

A value is replaced where it stands; what is not there yet is added, to its section where there is one. What a
comment says beside a value keeps its column where there is room. Before a change is given out, it is read back: every
setting must be as it was or as it was to be.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from typing import Any

import msgspec
import yaml

from clonespeaker.config.reading import Reading
from clonespeaker.config.settings import Settings
from clonespeaker.config.yamltext import SyntaxProblem, compose, decode, is_nothing
from clonespeaker.errors import ConfigError

_INDENT = "  "


def edit(name: str, data: bytes, changes: Mapping[str, Any]) -> bytes:
    """The file with some settings changed.

    Args:
        name: what problems call the file.
        data: what is in it; it may be empty.
        changes: values by dotted name, `clone.slug` for instance; None: not set.

    Raises:
        ConfigError: there are mistakes in the file, or there would be; or it is written in a way in which a setting
            can't be changed alone. Each problem says which.
    """
    before = _said(name, data)
    text = decode(data)
    try:
        for key, value in changes.items():
            if before.get(key) != value:
                text = _set(name, text, key, value)
        compose(text)
    except SyntaxProblem as error:  # a document that is ended in words, for instance: "..."
        raise _by_hand(name, *changes) from error
    changed = (codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b"") + text.encode()
    after = {key: value for key, value in {**before, **changes}.items() if value is not None}
    if _said(name, changed) != after:  # an anchor that others share, for instance
        raise _by_hand(name, *changes)
    return changed


def leaves(settings: Settings) -> dict[str, Any]:
    """Every setting by its dotted name."""
    flat: dict[str, Any] = {}
    for key, value in msgspec.to_builtins(settings).items():
        flat |= {f"{key}.{inner}": each for inner, each in value.items()} if isinstance(value, dict) else {key: value}
    return flat


def _said(name: str, data: bytes) -> dict[str, Any]:
    """What stands in the file. Raises ConfigError."""
    reading = Reading()
    reading.take_file(name, data)
    said = reading.said
    reading.finish()
    return said


def _by_hand(name: str, *keys: str) -> ConfigError:
    return ConfigError([f"{name}: {', '.join(keys)}: written in a way that no program should change; set it by hand"])


def _set(name: str, text: str, key: str, value: object) -> str:
    section, _, own = key.rpartition(".")
    root = compose(text)
    if root is None or (is_nothing(root) and root.start_mark.index == root.end_mark.index):
        return _at_the_end(text, "", key, value)
    if not isinstance(root, yaml.MappingNode):
        raise _by_hand(name, key)
    found = _find(root, section) if section else (None, root)
    if found is None:
        if root.flow_style:
            return _first_in_flow(text, root, f"{section}: {{{own}: {_in_brackets(value)}}}")
        return _at_the_end(text, " " * root.start_mark.column, key, value)
    section_name, mapping = found
    if section_name is not None and _is_elsewhere(section_name, mapping):
        raise _by_hand(name, key)
    if not isinstance(mapping, yaml.MappingNode):
        assert section_name is not None  # and its section is there, but empty
        return _into_empty(text, root, section_name, mapping, own, value)
    there = _find(mapping, own)
    if there is None and mapping.flow_style:
        return _first_in_flow(text, mapping, f"{own}: {_in_brackets(value)}")
    if there is None:
        column = mapping.value[0][0].start_mark.column
        return _line_after(text, _end(text, mapping), column, f"{own}: {_yaml(value)}".rstrip())
    name_node, node = there
    start, end = node.start_mark.index, node.end_mark.index
    if _is_elsewhere(name_node, node) or "\n" in text[name_node.start_mark.index : end].rstrip():
        raise _by_hand(name, key)
    return _replace(text, start, end, _in_brackets(value) if mapping.flow_style else _yaml(value))


def _find(mapping: yaml.MappingNode, name: str) -> tuple[yaml.Node, yaml.Node] | None:
    return next(((key, node) for key, node in mapping.value if key.value == name), None)


def _is_elsewhere(name: yaml.Node, node: yaml.Node) -> bool:
    """Whether a value is only mentioned here, by an alias."""
    earlier: bool = node.start_mark.index < name.end_mark.index
    return earlier


def _replace(text: str, start: int, end: int, value: str) -> str:
    """With `value` there; a comment behind it stays in its column where it can."""
    before, after = text[:start], text[end:]
    if not before.endswith((" ", "\t", "\n")):  # nothing was there, and it begins at the colon
        before += " "
    before = before + value if value else before.rstrip(" ")
    comment = re.match(r"[ \t]+(?=#)", after)
    if comment is not None:
        column = end + comment.end() - _begin_of_line(text, end)
        padding = column - (len(before) - _begin_of_line(before, len(before)))
        after = " " * max(padding, 2) + after[comment.end() :]
    return before + after


def _begin_of_line(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _at_the_end(text: str, indent: str, key: str, value: object) -> str:
    section, _, own = key.rpartition(".")
    break_ = _line_break(text)
    lines = [f"{section}:", f"{_INDENT}{own}: {_yaml(value)}"] if section else [f"{own}: {_yaml(value)}"]
    if text and not text.endswith("\n"):
        text += break_
    return text + "".join(f"{indent}{line}".rstrip() + break_ for line in lines)


def _first_in_flow(text: str, mapping: yaml.MappingNode, entry: str) -> str:
    # After the bracket: before the closing one there may be a comma already.
    at = text.index("{", mapping.start_mark.index) + 1
    return text[:at] + entry + (", " if mapping.value else "") + text[at:]


def _into_empty(
    text: str, root: yaml.MappingNode, section: yaml.Node, nothing: yaml.Node, own: str, value: object
) -> str:
    start, end = nothing.start_mark.index, nothing.end_mark.index
    if root.flow_style or start != end:
        return _replace(text, start, end, f"{{{own}: {_in_brackets(value)}}}")
    column = section.start_mark.column + len(_INDENT)
    return _line_after(text, end, column, f"{own}: {_yaml(value)}".rstrip(), skip_comments=False)


def _line_after(text: str, at: int, column: int, line: str, *, skip_comments: bool = True) -> str:
    """With a line of its own below the one in which `at` is, and below what comments say beside that."""
    end_of_line = re.compile(r"[^\n]*\n?")

    def end(at: int) -> int:
        found = end_of_line.match(text, at)
        assert found is not None  # it matches anything
        return found.end()

    at = end(at)
    while skip_comments and re.compile(rf" {{{column + 1},}}#").match(text, at):
        at = end(at)
    break_ = _line_break(text)
    before = text[:at] if not at or text[at - 1] == "\n" else text[:at] + break_
    return before + " " * column + line + break_ + text[at:]


def _end(text: str, node: yaml.Node) -> int:
    """Where a value really ends: PyYAML lets a block end where the next one begins."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style:
        last = node.value[-1]
        name, node = last if isinstance(last, tuple) else (last, last)
        if name is not node and _is_elsewhere(name, node):
            return int(name.end_mark.index)
    return len(text[: node.end_mark.index].rstrip()) if isinstance(node, yaml.ScalarNode) else int(node.end_mark.index)


def _line_break(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _yaml(value: object) -> str:
    """A value on a line of its own; "" for what is not set, as people write it."""
    if value is None:
        return ""
    written: str = yaml.safe_dump(value, width=1 << 20, allow_unicode=True)
    return written.removesuffix("...\n").rstrip()  # "...": the end of a document that is nothing but a plain text


def _in_brackets(value: object) -> str:
    """A value where commas and brackets would end it."""
    if value is None:
        return "null"
    written: str = yaml.safe_dump([value], default_flow_style=True, width=1 << 20, allow_unicode=True)
    return written.strip()[1:-1]
