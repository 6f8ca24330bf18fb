from __future__ import annotations

import ast
from pathlib import Path

import pytest

from clonespeaker import errors
from clonespeaker.errors import (
    FAULTS,
    CloneError,
    ClonespeakerError,
    ConfigError,
    DeviceError,
    MediaError,
    StateError,
    StatusError,
)

PACKAGE = Path(errors.__file__).parent
TREES = {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")}


@pytest.mark.parametrize(
    ("error", "exit_code", "fault"),
    [
        (ClonespeakerError("x"), 1, None),
        (ClonespeakerError("x", fault="muted"), 1, "muted"),
        (ConfigError(["x"]), 78, None),
        (DeviceError("microphone", "x"), 1, "no-microphone"),
        (DeviceError("speaker", "x", busy=True), 1, "no-speaker"),
        (DeviceError("button", "x"), 1, None),
        (StateError("x"), 1, None),
        (StatusError("x", code="busy"), 1, None),
        (MediaError("x"), 1, None),
        (MediaError("x", fault="no-codec"), 1, "no-codec"),
        *(
            (CloneError("x", fault=fault), {"offline": 69, "refused": 77, "prerequisites": 77}.get(fault, 1), fault)
            for fault in FAULTS
        ),
    ],
    ids=lambda value: f"{type(value).__name__} {value.fault or ''}" if isinstance(value, ClonespeakerError) else "",
)
def test_exit_codes_and_faults(error: ClonespeakerError, exit_code: int, fault: str | None) -> None:
    assert (error.exit_code, error.fault) == (exit_code, fault)
    assert (str(error), error.detail) == ("x", "")


def test_exit_codes_are_what_design_md_says() -> None:
    codes = errors.EXIT_FAILED, errors.EXIT_USAGE, errors.EXIT_UNREACHABLE, errors.EXIT_REFUSED, errors.EXIT_CONFIG
    assert codes == (1, 2, 69, 77, 78)


def test_what_errors_carry() -> None:
    config = ConfigError(["line 1: no", "line 2: neither"])
    assert (str(config), config.problems) == ("line 1: no\nline 2: neither", ("line 1: no", "line 2: neither"))
    device = DeviceError("speaker", "x", busy=True, detail="EBUSY")
    assert (device.device, device.busy, device.detail) == ("speaker", True, "EBUSY")
    assert StatusError("x", code="busy").code == "busy"
    assert (DeviceError("speaker", "x").busy, CloneError("x", fault="busy").retryable) == (False, False)
    clone = CloneError("x", fault="busy", retryable=True, status=429, retry_after_s=2.0, detail="slow down")
    assert (clone.retryable, clone.status, clone.retry_after_s, clone.detail) == (True, 429, 2.0, "slow down")


def test_faults_are_told_in_sentences() -> None:
    for name, sentence in FAULTS.items():
        assert name == name.lower().strip()
        assert sentence[0].isupper()
        assert sentence.endswith(".")


@pytest.mark.parametrize("path", TREES)
def test_every_fault_that_is_named_is_known(path: str) -> None:
    named = {
        constant.value
        for node in ast.walk(TREES[path])
        if isinstance(node, ast.keyword) and node.arg == "fault"
        for constant in ast.walk(node.value)
        if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
    }
    assert named <= {*FAULTS}


def test_every_fault_that_is_known_is_named() -> None:
    constants = [node.value for tree in TREES.values() for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    assert [fault for fault in FAULTS if constants.count(fault) < 2] == [], "only FAULTS itself names them"
