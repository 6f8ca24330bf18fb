"""YAML text → YAML nodes, with mistakes told in words for people who don't write YAML every day.

Nodes, not values, because nodes know their lines; and aliases stay shared nodes, so that no file can blow up.
"""

from __future__ import annotations

import yaml

from clonespeaker.config.secrecy import masked

# What PyYAML says → what that means to people, and whether the mistake is where the thing began, not where it ended.
_SYNTAX = (
    ("'\\t' that cannot start", "a tab; indent with spaces", False),
    ("that cannot start any token", "a value that begins with a special character; put it in quotes", False),
    ("mapping values are not", "a colon too many, or wrong indentation; put a value with a colon in quotes", False),
    ("could not find expected ':'", "a line without a colon; write `name: value`", True),
    ("expected <block end>", "the indentation fits no line above; indent all settings of a section alike", False),
    ("found unexpected end of stream", "a quotation mark that is never closed", True),
    ("<stream end>", "a bracket that is never closed", True),
    ("expected ',' or", "a bracket that is never closed, or a missing comma", True),
    ("found undefined alias", "a * that names nothing; put a value that begins with * in quotes", False),
    ("but found another document", "a second document (---); one file holds one", False),
)


class SyntaxProblem(Exception):
    """Text that is no YAML: `str(error)` says why, `line` where (from 1)."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(masked(text))
        self.line = line


def decode(data: bytes) -> str:
    """The text of a file.

    Raises:
        SyntaxProblem: it is not UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SyntaxProblem(data.count(b"\n", 0, error.start) + 1, "not UTF-8 text; save the file as UTF-8") from error


def compose(text: str) -> yaml.Node | None:
    """The node that the text is, or None where it says nothing.

    Raises:
        SyntaxProblem: it is no YAML.
    """
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise SyntaxProblem(line, "a character that text files can't hold; delete it") from error
    except yaml.MarkedYAMLError as error:
        problem = error.problem or "something that is no YAML"
        words, at_start = next((row[1:] for row in _SYNTAX if row[0] in problem), (problem, False))
        mark = (at_start and error.context_mark) or error.problem_mark or error.context_mark
        raise SyntaxProblem(mark.line + 1 if mark else 1, words) from error
    except RecursionError as error:
        raise SyntaxProblem(1, "lists or sections nested too deeply") from error
    except (ValueError, OverflowError) as error:  # PyYAML lets these through: "\Uffffffff" is no character
        raise SyntaxProblem(1, f"something that is no YAML ({error})") from error


def line_of(node: yaml.Node) -> int:
    """The line on which it begins, counted from 1."""
    line: int = node.start_mark.line
    return line + 1


def is_nothing(node: yaml.Node) -> bool:
    """Whether nothing was written there: a null, or an empty text."""
    return isinstance(node, yaml.ScalarNode) and (node.tag == "tag:yaml.org,2002:null" or not node.value)
