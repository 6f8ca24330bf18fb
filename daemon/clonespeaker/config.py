"""Reading the settings: `config.yaml`, the environment on top, every mistake told at once.

One walk for all settings: what keys there are, and what may stand under each, is taken from the types in
`settings.py`. The file is read as a graph of YAML nodes, not as values, so that each knows its line; aliases stay
shared nodes, so a file can't blow up. Nothing here ever shows an API key.
"""

from __future__ import annotations

import difflib
import ipaddress
import logging
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import msgspec
import yaml
from msgspec import inspect

from clonespeaker.errors import ConfigError
from clonespeaker.settings import WORDS, Settings

DEFAULT_PATH = Path("/etc/clonespeaker/config.yaml")
PREFIX = "CLONESPEAKER_"
API_KEY_VARIABLE = "CLONESPEAKER_API_KEY"

DEFAULT = "default"
"""The origin of a setting that nobody set."""

_DOCUMENT_END = "...\n"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Loaded:
    """The settings in force.

    Attributes:
        settings: the settings.
        origins: where each comes from, by its dotted name: "default", "/etc/clonespeaker/config.yaml:12" or
            "environment CLONESPEAKER_CLONE__SLUG".
        path: the file that was read, or None.
    """

    settings: Settings
    origins: dict[str, str]
    path: Path | None


def load(path: Path | None, environ: Mapping[str, str]) -> Loaded:
    """Reads the file, then the environment.

    Args:
        path: the file; None for `/etc/clonespeaker/config.yaml` where there is one.
        environ: variables; `CLONESPEAKER_CLONE__SLUG` sets `clone.slug`.

    Raises:
        ConfigError: with every problem there is; a file that is no YAML is the only problem told.
    """
    reading = _Reading()
    try:
        data = (path or DEFAULT_PATH).read_bytes()
    except FileNotFoundError:
        if path is not None:
            raise ConfigError([f"{path}: no such file; give --config the path of your config.yaml"]) from None
    except OSError as error:
        raise ConfigError([f"{path or DEFAULT_PATH}: can't be read: {error.strerror or error}"]) from error
    else:
        path = path or DEFAULT_PATH
        reading.take_file(str(path), data)
    reading.take_environment(environ)
    return Loaded(reading.finish(), reading.origins, path)


def require_clone(loaded: Loaded) -> None:
    """Checks that there is a clone to talk with; only commands that talk with it need one.

    Raises:
        ConfigError: neither `clone.slug` nor `clone.conversation_id` is set.
    """
    clone = loaded.settings.clone
    if clone.slug is None and clone.conversation_id is None:
        origin = loaded.origins["clone.slug"]
        place = str(loaded.path or DEFAULT_PATH) if origin == DEFAULT else origin
        raise ConfigError([f"{place}: clone.slug: not set; put the clone's name there, or set conversation_id"])


def show(loaded: Loaded) -> str:
    """What is in force, as a config file: every setting, each with a comment that says where it comes from."""
    values: dict[str, Any] = msgspec.to_builtins(loaded.settings)
    lines: list[tuple[str, str]] = []
    above = ""
    for key, origin in loaded.origins.items():
        section, _, name = key.rpartition(".")
        if section != above and section:
            lines.append((f"{section}:", ""))
        above = section
        value = values[section][name] if section else values[name]
        # PyYAML knows when a text needs quotes; what is not set stays empty, as people write it.
        text = (
            "" if value is None else yaml.safe_dump(value, default_flow_style=True, width=1 << 20, allow_unicode=True)
        )
        indent = "  " if section else ""
        line = f"{indent}{name}: {text.removesuffix(_DOCUMENT_END)}".rstrip()
        lines.append((line, f"# {origin}"))
    width = max(len(line) for line, _ in lines)
    return "".join(f"{line:{width}}  {comment}".rstrip() + "\n" for line, comment in lines)


def schema() -> dict[str, Any]:
    """The JSON Schema of the config file, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "clonespeaker settings",
        **msgspec.json.schema(Settings),
    }


# What there is to set.


def _fields(struct: inspect.StructType, prefix: str = "") -> Iterator[tuple[str, inspect.Type]]:
    for field in struct.fields:
        if isinstance(field.type, inspect.StructType):
            yield from _fields(field.type, f"{field.name}.")
        else:
            yield prefix + field.name, field.type


@dataclass(frozen=True)
class _Kind:
    """What may stand under a key: "'x' is not {words}" unless `fits(x)`."""

    words: str
    fits: Callable[[Any], bool]
    text: bool = False
    item: _Kind | None = None
    choices: tuple[str, ...] = ()


def _kind(info: inspect.Type, words: str = "") -> _Kind:
    match info:
        case inspect.Metadata(type=inner, extra=extra):
            return _kind(inner, (extra or {}).get(WORDS, words))
        case inspect.UnionType(types=(inner, inspect.NoneType())):
            return _kind(inner, words)
        case inspect.BoolType():
            return _Kind("true or false", lambda value: isinstance(value, bool))
        case inspect.IntType(ge=low, le=high) | inspect.FloatType(ge=low, le=high) if None not in (low, high):
            whole = isinstance(info, inspect.IntType)
            words = f"a{' whole' if whole else ''} number from {low} to {high}"
            types = (int,) if whole else (int, float)
            return _Kind(words, lambda value: type(value) in types and low <= value <= high)
        case inspect.LiteralType(values=choices):
            words = words or "one of " + ", ".join(map(str, choices))
            return _Kind(words, lambda value: value in choices, text=True, choices=tuple(map(str, choices)))
        case inspect.StrType(pattern=str(pattern)):
            return _Kind(words, lambda value: value.isprintable() and re.search(pattern, value) is not None, text=True)
        case inspect.VarTupleType(item_type=item):
            return _Kind("a list like [a, b]", lambda value: False, item=_kind(item))
        case inspect.NoneType():
            return _Kind(words, lambda value: False, text=True)
    raise AssertionError(f"settings.py has a type that config.py can't read: {info}")


_KINDS = {key: _kind(info) for key, info in _fields(cast(inspect.StructType, inspect.type_info(Settings)))}
_SECTIONS = {key.partition(".")[0] for key in _KINDS if "." in key}
_VARIABLES = {key.replace(".", "__").upper(): key for key in _KINDS}


# Reading it.

_SCALAR_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp")}
_TEXT_TAG = "tag:yaml.org,2002:str"
_NO_SECRETS = (
    "API keys never go in this file; put the key alone in a file of its own and name that in clone.api_key_file, "
    "or give it as systemd credential `api-key` or in the variable CLONESPEAKER_API_KEY"
)
_KEY_TEXT = re.compile(r"(?<![\w-])dsk-\w\S*")

# What PyYAML says → what that means to people, and whether the mistake is where the thing began, not where it ended.
_SYNTAX = (
    ("'\\t' that cannot start", "a tab; indent with spaces", False),
    ("that cannot start any token", "a value that begins with a special character; put it in quotes", False),
    (
        "mapping values are not allowed",
        "a colon too many, or wrong indentation; put a value with a colon in quotes",
        False,
    ),
    ("could not find expected ':'", "a line without a colon; write `name: value`", True),
    ("expected <block end>", "the indentation fits no line above; indent all settings of a section alike", False),
    ("found unexpected end of stream", "a quotation mark that is never closed", True),
    ("<stream end>", "a bracket that is never closed", True),
    ("expected ',' or", "a bracket that is never closed, or a missing comma", True),
    ("found undefined alias", "a * that names nothing; put a value that begins with * in quotes", False),
    ("but found another document", "a second document (---); one file holds one", False),
)


class _SyntaxProblem(Exception):
    """Text that is no YAML: `str(error)` says why, `line` where (from 1)."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(_masked(text))
        self.line = line


def _compose(text: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _SyntaxProblem(line, "a character that text files can't hold; delete it") from error
    except yaml.MarkedYAMLError as error:
        problem = error.problem or "something that is no YAML"
        words, at_start = next((row[1:] for row in _SYNTAX if row[0] in problem), (problem, False))
        mark = (at_start and error.context_mark) or error.problem_mark or error.context_mark
        raise _SyntaxProblem(mark.line + 1 if mark else 1, words) from error
    except RecursionError as error:
        raise _SyntaxProblem(1, "lists or sections nested too deeply") from error
    except (ValueError, OverflowError) as error:  # PyYAML lets these through: "\Uffffffff" is no character
        raise _SyntaxProblem(1, f"something that is no YAML ({error})") from error


class _Reading:
    """Gathers values, where they come from, and problems."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.origins = dict.fromkeys(_KINDS, DEFAULT)
        self.problems: list[str] = []
        self.doubtful: set[str] = set()
        """Settings with a problem already: a conflict with one of them would be told for nothing."""

    def problem(self, place: str, text: str) -> None:
        self.problems.append(f"{place}: {_masked(text)}")

    def take_file(self, name: str, data: bytes) -> None:
        try:
            root = _compose(data.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise ConfigError([f"{name}:{line}: not UTF-8 text; save the file as UTF-8"]) from error
        except _SyntaxProblem as error:
            raise ConfigError([f"{name}:{error.line}: {error}"]) from error
        for node in sorted(_secrets(root), key=lambda node: node.start_mark.line):
            self.problem(f"{name}:{node.start_mark.line + 1}", f"{_shown(node.value)}: {_NO_SECRETS}")
        if isinstance(root, yaml.MappingNode):
            self.take_mapping(name, root, "")
        elif root is not None and not _is_nothing(root):
            self.problem(
                f"{name}:{root.start_mark.line + 1}", "no settings; write sections like `clone:`, settings below"
            )

    def take_mapping(self, file: str, mapping: yaml.MappingNode, prefix: str) -> None:
        lines: dict[str, int] = {}
        for name_node, node in mapping.value:
            line = name_node.start_mark.line + 1
            place = f"{file}:{line}"
            if not isinstance(name_node, yaml.ScalarNode):
                self.problem(place, "a list or a group can't be a setting's name; write `name: value`")
                continue
            name: str = name_node.value
            key = prefix + name
            if name in lines:
                self.problem(place, f"{_shown(key)}: set before, on line {lines[name]}; delete one of the two")
            elif _is_secret(name, node):
                self.doubtful.add(key)
            elif key in _KINDS:
                self.take_value(place, key, node)
            elif key not in _SECTIONS:
                right, hint = _nearest(key)
                self.doubtful.update(right)
                self.problem(place, f"{_shown(key)}: no such setting; {hint}")
            elif isinstance(node, yaml.MappingNode):
                self.take_mapping(file, node, f"{name}.")
            elif not _is_nothing(node):
                self.problem(place, f"{key}: a section, not a setting; write its settings below it, indented")
            lines.setdefault(name, line)

    def take_environment(self, environ: Mapping[str, str]) -> None:
        for variable in sorted(environ):
            name = variable.removeprefix(PREFIX)
            if name == variable or variable == API_KEY_VARIABLE or name.startswith("TEST"):
                continue
            place = f"environment {variable}"
            node: yaml.Node | None = yaml.ScalarNode(_TEXT_TAG, environ[variable])
            key = _VARIABLES.get(name)
            if _is_secret(name, node):
                self.problem(place, f"an API key; only {API_KEY_VARIABLE} may hold one")
            elif key is None:
                near = difflib.get_close_matches(name, _VARIABLES, n=1)
                hint = f"did you mean {PREFIX}{near[0]}?" if near else "the shipped config.yaml lists the settings"
                self.problem(place, f"no such setting; {hint}")
            else:
                try:
                    if not _KINDS[key].text:
                        node = _compose(environ[variable])
                except _SyntaxProblem as error:
                    self.problem(place, f"{key}: {error}")
                else:
                    self.take_value(place, key, node)

    def take_value(self, place: str, key: str, node: yaml.Node | None) -> None:
        kind = _KINDS[key]
        self.origins[key] = place
        self.values.pop(key, None)
        if node is None or _is_nothing(node):
            return
        if kind.item and isinstance(node, yaml.SequenceNode):
            results = [_read(kind.item, item) for item in node.value]
            value, wrongs = [value for value, _ in results], [wrong for _, wrong in results if wrong]
        else:
            value, wrong = _read(kind, node)
            wrongs = [wrong] if wrong else []
        for wrong in wrongs:
            self.problem(place, f"{key}: {wrong}")
            self.doubtful.add(key)
        if not wrongs:
            self.values[key] = value

    def finish(self) -> Settings:
        """The settings, or every problem."""
        tree: dict[str, Any] = {}
        for key, value in self.values.items():
            section, _, name = key.rpartition(".")
            (tree.setdefault(section, {}) if section else tree)[name] = value
        settings = msgspec.convert(tree, Settings)
        for keys, text in _conflicts(settings):
            if self.doubtful.isdisjoint(keys):
                key = next((key for key in keys if self.origins[key] != DEFAULT), keys[0])
                self.problem(self.origins[key], f"{key}: {text}")
        if self.problems:
            raise ConfigError(self.problems)
        return settings


def _read(kind: _Kind, node: yaml.Node) -> tuple[Any, str]:
    """The value under a key, and what is wrong with it ("" where nothing is)."""
    if not isinstance(node, yaml.ScalarNode):
        return None, f"{'a list' if isinstance(node, yaml.SequenceNode) else 'a group of settings'} is not {kind.words}"
    if node.tag not in _SCALAR_TAGS:
        return None, f"{_shown(node.tag)} means nothing here; write the value itself, in quotes if it begins with !"
    text: str = node.value
    try:
        value = text.strip() if kind.text else yaml.constructor.SafeConstructor().construct_object(node)
    except (ValueError, LookupError, AttributeError, ArithmeticError):  # PyYAML's, for `!!bool maybe`, 2026-13-13, …
        value = None
    if value is not None and kind.fits(value):
        return value, ""
    near = difflib.get_close_matches(text.lower(), kind.choices, n=1)
    hint = f"; did you mean {near[0]}?" if near else "; take the quotes off" if node.style and not kind.text else ""
    return None, f"'{_shown(text)}' is not {kind.words}{hint}"


def _is_nothing(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and (node.tag == "tag:yaml.org,2002:null" or not node.value)


def _is_secret(name: str, node: yaml.Node | None) -> bool:
    if re.sub(r"[\W_]", "", name).lower().endswith("apikey"):
        return True
    return isinstance(node, yaml.ScalarNode) and _KEY_TEXT.search(node.value) is not None


def _secrets(root: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    """The names under which an API key stands, anywhere in the file."""
    todo, seen = [root], set[int]()
    while todo:
        node = todo.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            todo.extend(node.value)
        elif isinstance(node, yaml.MappingNode):
            for name, value in node.value:
                todo.append(value)
                if isinstance(name, yaml.ScalarNode) and _is_secret(name.value, value):
                    yield name


def _masked(text: str) -> str:
    return _KEY_TEXT.sub("dsk-****", text)


def _shown(text: str) -> str:
    """A text from the file as it may stand in a message."""
    text = text if len(text) <= 60 else text[:60] + "…"
    return text if text.isprintable() else ascii(text)[1:-1]


def _nearest(key: str) -> tuple[list[str], str]:
    """The settings that may be meant by a wrong key, and how to say so."""
    section, _, name = key.rpartition(".")
    namesakes = [right for right in _KINDS if right.rpartition(".")[2] == name]
    if namesakes:
        return namesakes, f"there is {' and '.join(namesakes)}"
    here = {right.rpartition(".")[2]: right for right in _KINDS if right.rpartition(".")[0] == section}
    if not section:
        here |= {name: name for name in sorted(_SECTIONS)}
    anywhere = {right.rpartition(".")[2]: right for right in _KINDS}
    if near := difflib.get_close_matches(name, here, n=1):
        right = here[near[0]]
        return [key for key in _KINDS if key == right or key.startswith(f"{right}.")], f"did you mean {near[0]}?"
    if near := difflib.get_close_matches(name, anywhere, n=1):
        return [anywhere[near[0]]], f"did you mean {anywhere[near[0]]}?"
    return [], f"there are {', '.join(here)}"


# Settings that don't go together.

_PULLED_UP = {name + number for number in "23" for name in ("", "GPIO", "BCM")} | {"BOARD3", "BOARD5"}


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _host(url: str) -> str | None:
    """The host of a web address, or None where host or port can't be."""
    try:
        parts = urlsplit(url)
        return None if parts.port == 0 else parts.hostname
    except ValueError:
        return None


def _conflicts(settings: Settings) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong between settings: the keys at fault, the most likely one first, and why."""
    clone, microphone, speaker, status = settings.clone, settings.microphone, settings.speaker, settings.status
    host = _host(clone.base_url)
    if host is None:
        yield ("clone.base_url",), f"'{_shown(clone.base_url)}' is no address; check host and port"
    elif clone.base_url.startswith("http:") and not _is_loopback(host) and not clone.allow_http:
        yield (
            ("clone.base_url", "clone.allow_http"),
            f"plain http would show the API key to the network on its way to {host}; "
            "use https, or set clone.allow_http: true",
        )
    if clone.image_url and _host(clone.image_url) is None:
        yield ("clone.image_url",), f"'{_shown(clone.image_url)}' is no address; check host and port"
    for name, value in (("min_hold_ms", microphone.min_hold_ms), ("pre_roll_ms", microphone.pre_roll_ms)):
        if value >= microphone.max_seconds * 1000:
            yield (
                (f"microphone.{name}", "microphone.max_seconds"),
                f"must be shorter than the longest utterance; {name} is {value}, "
                f"max_seconds {microphone.max_seconds} ({microphone.max_seconds * 1000} ms)",
            )
    if 0 < speaker.start_ms < speaker.period_ms:
        yield (
            ("speaker.start_ms", "speaker.period_ms"),
            f"playing starts with at least one period at hand; start_ms ({speaker.start_ms}) must be 0 or not "
            f"below period_ms ({speaker.period_ms})",
        )
    if settings.button.pin in _PULLED_UP and settings.button.pull != "up":
        yield (
            ("button.pull", "button.pin"),
            f"{settings.button.pin} has a resistor to 3.3 V on the board; set button.pull: up, or take another pin",
        )
    if not _is_loopback(status.host) and status.token_file is None:
        yield (
            ("status.host", "status.token_file"),
            f"'{status.host}' lets others on the network in; name a file with a token in status.token_file, "
            "or use 127.0.0.1",
        )


# Secrets: in files of their own.


def read_api_key(settings: Settings, environ: Mapping[str, str]) -> str:
    """The API key: from `clone.api_key_file`, else the systemd credential, else `CLONESPEAKER_API_KEY`.

    Raises:
        ConfigError: there is none, it can't be read, or it can't be a key. The message never holds it.
    """
    if settings.clone.api_key_file is not None:
        return _read_secret(Path(settings.clone.api_key_file), "clone.api_key_file")
    credential = Path(environ.get("CREDENTIALS_DIRECTORY", ""), "api-key")
    if "CREDENTIALS_DIRECTORY" in environ and credential.exists():
        return _read_secret(credential, "systemd credential api-key")
    if environ.get(API_KEY_VARIABLE):
        return _checked_secret(environ[API_KEY_VARIABLE], f"environment {API_KEY_VARIABLE}")
    raise ConfigError(
        [
            "no API key: put it alone in a file and name that in clone.api_key_file, "
            f"or give it as systemd credential `api-key` or in the variable {API_KEY_VARIABLE}"
        ]
    )


def read_status_token(settings: Settings) -> str | None:
    """The token that clients of the local websocket must show, or None where none is asked for.

    Raises:
        ConfigError: the file can't be read, or holds no token.
    """
    if settings.status.token_file is None:
        return None
    return _read_secret(Path(settings.status.token_file), "status.token_file")


def mask_key(key: str) -> str:
    """A key as it may be shown: `dsk-****abcd`."""
    kind = "dsk-" if key.startswith("dsk-") else ""
    return f"{kind}****{key[-4:] if len(key) >= 16 else ''}"


def _read_secret(path: Path, name: str) -> str:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read()
    except OSError as error:
        raise ConfigError(
            [f"{name}: {path} can't be read ({error.strerror}); it must be a file that this user may read"]
        ) from error
    if mode & stat.S_IROTH:
        log.warning("%s: everyone on this machine may read %s; run: chmod o= %s", name, path, path)
    return _checked_secret(data.decode("ascii", "replace"), f"{name}: {path}")


def _checked_secret(text: str, place: str) -> str:
    secret = text.strip()
    if not secret:
        raise ConfigError([f"{place}: empty; put the secret there, and nothing else"])
    if not re.fullmatch(r"[!-~]+", secret):
        raise ConfigError(
            [f"{place}: holds blanks or letters that no secret has; put the secret there on one line, and nothing else"]
        )
    return secret
