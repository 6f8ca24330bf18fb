from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from clonespeaker.config.reading import Reading
from clonespeaker.config.settings import Settings
from clonespeaker.errors import ConfigError


def read(text: str | bytes, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings in a text, read as if it were a file called `config.yaml`."""
    reading = Reading()
    reading.take_file("config.yaml", text if isinstance(text, bytes) else text.encode())
    reading.take_environment(environ or {})
    return reading.finish()


def problems(text: str | bytes, environ: Mapping[str, str] | None = None) -> list[str]:
    """What is wrong with a text."""
    with pytest.raises(ConfigError) as caught:
        read(text, environ)
    return list(caught.value.problems)


def check_mistake(text: str, expected: str) -> None:
    """Checks that one mistake is one problem, on one line, and says where it is."""
    (problem,) = problems(text)
    assert expected in problem
    assert problem.startswith("config.yaml:1: " if "config.yaml" not in expected else "config.yaml:")
    assert "\n" not in problem


def leaves(settings: Settings) -> dict[str, Any]:
    """Every setting by its dotted name."""
    tree = msgspec.to_builtins(settings)
    flat = {key: value for key, value in tree.items() if not isinstance(value, dict)}
    return flat | {f"{s}.{k}": v for s, group in tree.items() if isinstance(group, dict) for k, v in group.items()}
