"""Where the settings come from and what is in force: `config.yaml`, and the environment on top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import yaml

from clonespeaker.config.reading import DEFAULT, Reading
from clonespeaker.config.settings import Settings
from clonespeaker.errors import ConfigError

DEFAULT_PATH = Path("/etc/clonespeaker/config.yaml")

LONGEST_BYTES = 262_144
"""Of a config file, thirty times the shipped one. What goes on is something else, and may have no end (/dev/zero)."""


@dataclass(frozen=True)
class Loaded:
    """The settings in force.

    Attributes:
        settings: the settings.
        origins: where each comes from, by its dotted name: "default", "/etc/clonespeaker/config.yaml:12",
            "environment CLONESPEAKER_CLONE__SLUG" or "board respeaker-2mic".
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
    reading = Reading()
    file = path or DEFAULT_PATH
    found: Path | None = file
    try:
        reading.take_file(str(file), read_file(file))
    except FileNotFoundError:
        if path:
            raise ConfigError([f"{path}: no such file; give --config the path of your config.yaml"]) from None
        found = None
    reading.take_environment(environ)
    return Loaded(reading.finish(), reading.origins, found)


def read_file(path: Path) -> bytes:
    """All that is in a config file.

    Raises:
        FileNotFoundError: there is none.
        ConfigError: it can't be read, or has more than `LONGEST_BYTES`.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LONGEST_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError([f"{path}: can't be read: {error.strerror or error}"]) from error
    if len(data) > LONGEST_BYTES:
        raise ConfigError(
            [f"{path}: more than {LONGEST_BYTES // 1_024} KiB, which no settings have; is it your config.yaml?"]
        )
    return data


def load_text(name: str, text: str, environ: Mapping[str, str], *, where_keys_go: str) -> Loaded:
    """The same for settings that are not in their place yet.

    Args:
        name: what messages call the file.
        text: all that is in it.
        environ: as for `load`.
        where_keys_go: what to do with an API key, for who put it into the file.

    Raises:
        ConfigError: with every problem there is.
    """
    reading = Reading(where_keys_go=where_keys_go)
    reading.take_file(name, text.encode())
    reading.take_environment(environ)
    return Loaded(reading.finish(), reading.origins, Path(name))


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
        if section and section != above:
            lines.append((f"{section}:", ""))
        above = section
        if section:
            line = f"  {name}: {_yaml(values[section][name])}"
        else:
            line = f"{name}: {_yaml(values[name])}"
        lines.append((line.rstrip(), f"# {origin}"))
    width = max(len(line) for line, _ in lines)
    return "".join(f"{line:{width}}  {comment}".rstrip() + "\n" for line, comment in lines)


def schema() -> dict[str, Any]:
    """The JSON Schema of the config file, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "clonespeaker settings",
        **msgspec.json.schema(Settings),
    }


def _yaml(value: object) -> str:
    """A value on one line; PyYAML knows when a text needs quotes. What is not set stays empty, as people write it."""
    if value is None:
        return ""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=1 << 20, allow_unicode=True)
    return text.removesuffix("...\n").rstrip()  # "...": the end of a document that is nothing but a plain text
