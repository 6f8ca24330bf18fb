"""The walk over a config file and the environment: values, where each comes from, and every problem.

`kinds.py` knows what keys there are and what fits under them, `conflicts.py` what fits together; here is the way
through sections, lines and variables, and the answer to keys that don't exist.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import msgspec
import yaml

from clonespeaker.config.boards import fills_in
from clonespeaker.config.conflicts import conflicts
from clonespeaker.config.kinds import KINDS, SECTIONS
from clonespeaker.config.secrecy import API_KEY_VARIABLE, is_secret, secrets, shown
from clonespeaker.config.settings import Settings
from clonespeaker.config.yamltext import SyntaxProblem, compose, decode, is_nothing, line_of
from clonespeaker.errors import ConfigError

PREFIX = "CLONESPEAKER_"

DEFAULT = "default"
"""The origin of a setting that nobody set."""

_VARIABLES = {key.replace(".", "__").upper(): key for key in KINDS}
_TEXT_TAG = "tag:yaml.org,2002:str"
_WHERE_KEYS_GO = (
    "put the key alone in a file of its own and name that in clone.api_key_file, "
    f"or give it as systemd credential `api-key` or in the variable {API_KEY_VARIABLE}"
)


class Reading:
    """What has been read so far; what is taken later goes before what was taken earlier.

    Attributes:
        origins: where each setting comes from: `DEFAULT`, "<file>:<line>", "environment <variable>" or "board <name>".

    Args:
        where_keys_go: what to do with an API key, for who put it into the file.
    """

    def __init__(self, *, where_keys_go: str = _WHERE_KEYS_GO) -> None:
        self._where_keys_go = where_keys_go
        self.origins = dict.fromkeys(KINDS, DEFAULT)
        self._values: dict[str, Any] = {}
        self._problems: list[str] = []
        # Settings with a problem already: a conflict with one of them would be told for nothing.
        self._doubtful: set[str] = set()

    @property
    def said(self) -> dict[str, Any]:
        """What somebody set, by its dotted name: without defaults and, before `finish`, without what a board says."""
        return dict(self._values)

    def take_file(self, name: str, data: bytes) -> None:
        """Takes what a file says; `name` is what problems call it.

        Raises:
            ConfigError: it is no YAML at all; every other problem waits for `finish`.
        """
        try:
            root = compose(decode(data))
        except SyntaxProblem as error:
            raise ConfigError([f"{name}:{error.line}: {error}"]) from error
        for node in sorted(secrets(root), key=line_of):
            self._problem(
                f"{name}:{line_of(node)}", f"{shown(node.value)}: API keys never go in this file; {self._where_keys_go}"
            )
        if isinstance(root, yaml.MappingNode):
            self._take_mapping(name, root, "")
        elif root is not None and not is_nothing(root):
            self._problem(f"{name}:{line_of(root)}", "no settings; write sections like `clone:`, settings below")

    def take_environment(self, environ: Mapping[str, str]) -> None:
        """Takes what the variables say: `CLONESPEAKER_CLONE__SLUG` sets `clone.slug`."""
        for variable, text in sorted(environ.items()):
            name = variable.removeprefix(PREFIX)
            if name == variable or variable == API_KEY_VARIABLE or name.startswith("TEST"):
                continue
            place = f"environment {shown(variable)}"
            verbatim = yaml.ScalarNode(_TEXT_TAG, text)
            if is_secret(name, verbatim):
                self._problem(place, f"an API key; only {API_KEY_VARIABLE} may hold one")
            elif name not in _VARIABLES:
                near = difflib.get_close_matches(name, _VARIABLES, n=1)
                hint = f"did you mean {PREFIX}{near[0]}?" if near else "the shipped config.yaml lists the settings"
                self._problem(place, f"no such setting; {hint}")
            else:
                key = _VARIABLES[name]
                try:
                    self._take_value(place, key, verbatim if KINDS[key].text else compose(text))
                except SyntaxProblem as error:
                    self._problem(place, f"{key}: {error}")

    def finish(self) -> Settings:
        """The settings.

        Raises:
            ConfigError: with every problem there is.
        """
        self._fill_in()
        tree: dict[str, Any] = {}
        for key, value in self._values.items():
            section, _, name = key.rpartition(".")
            (tree.setdefault(section, {}) if section else tree)[name] = value
        settings = msgspec.convert(tree, Settings)
        for keys, text in conflicts(settings):
            if self._doubtful.isdisjoint(keys):
                key = next((key for key in keys if self.origins[key] != DEFAULT), keys[0])
                self._problem(self.origins[key], f"{key}: {text}")
        if self._problems:
            raise ConfigError(self._problems)
        return settings

    def _fill_in(self) -> None:
        """What the board says, wherever nobody else said anything."""
        name = self._values.get("board")
        filled = fills_in(name) if name else {}
        kind = self._values.get("lights.kind")
        other_lights = kind not in (None, filled.get("lights.kind"))  # then its pins and count are not theirs
        for key, value in filled.items():
            is_free = key not in self._values and key not in self._doubtful
            if is_free and not (other_lights and key.startswith("lights.")):
                self._values[key] = value
                self.origins[key] = f"board {name}"

    def _take_mapping(self, file: str, mapping: yaml.MappingNode, prefix: str) -> None:
        lines: dict[str, int] = {}
        for name_node, node in mapping.value:
            place = f"{file}:{line_of(name_node)}"
            if not isinstance(name_node, yaml.ScalarNode):
                self._problem(place, "a list or a group can't be a setting's name; write `name: value`")
                continue
            name: str = name_node.value
            key = prefix + name
            if name in lines:
                self._problem(place, f"{shown(key)}: set before, on line {lines[name]}; delete one of the two")
                continue
            lines[name] = line_of(name_node)
            if is_secret(name, node):
                self._doubtful.add(key)  # told already
            elif key in KINDS:
                self._take_value(place, key, node, file=file)
            elif key not in SECTIONS:
                meant, hint = _nearest(key)
                self._doubtful.update(meant)
                self._problem(place, f"{shown(key)}: no such setting; {hint}")
            elif isinstance(node, yaml.MappingNode):
                self._take_mapping(file, node, f"{name}.")
            elif not is_nothing(node):
                self._problem(place, f"{key}: a section, not a setting; write its settings below it, indented")

    def _take_value(self, place: str, key: str, node: yaml.Node | None, *, file: str | None = None) -> None:
        self.origins[key] = place
        self._values.pop(key, None)
        if node is None or is_nothing(node):
            return
        value, wrongs = KINDS[key].read(node)
        for words, line in wrongs:
            self._problem(f"{file}:{line}" if file and line else place, f"{key}: {words}")
            self._doubtful.add(key)
        if not wrongs:
            self._values[key] = value

    def _problem(self, place: str, text: str) -> None:
        self._problems.append(f"{place}: {text}")


def _nearest(key: str) -> tuple[list[str], str]:
    """The settings that may be meant by a wrong key, and how to say so."""
    section, _, name = key.rpartition(".")
    anywhere = {right.rpartition(".")[2]: right for right in KINDS}
    here = {right.rpartition(".")[2]: right for right in [*SECTIONS, *KINDS] if right.rpartition(".")[0] == section}
    if name in anywhere:
        namesakes = [right for right in KINDS if right.rpartition(".")[2] == name]
        return namesakes, f"there is {' and '.join(namesakes)}"
    if near := difflib.get_close_matches(name, here, n=1):
        right = here[near[0]]
        return [key for key in KINDS if key == right or key.startswith(f"{right}.")], f"did you mean {near[0]}?"
    if near := difflib.get_close_matches(name, anywhere, n=1):
        return [anywhere[near[0]]], f"did you mean {anywhere[near[0]]}?"
    return [], f"there are {', '.join(here)}"
