"""A check that goes wrong in any way is a finding, and keeps no other from its turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from clonespeaker.cli.doctor.finding import Finding, run, within
from clonespeaker.errors import DeviceError

FIRST = Finding("first", "ok", "well")


async def hanging() -> AsyncGenerator[Finding, None]:
    yield FIRST
    await asyncio.sleep(60)


async def failing(error: Exception) -> AsyncGenerator[Finding, None]:
    yield FIRST
    raise error


async def test_what_hangs_is_told_and_ended() -> None:
    first, last = [finding async for finding in within("sound", 0.05, hanging())]
    assert first == FIRST
    assert (last.name, last.result, last.words) == ("sound", "failed", "did not end within 0.05 s")


async def test_a_failure_with_words_is_told_in_them() -> None:
    error = DeviceError("speaker", "the speaker is gone", detail="-9999")
    first, last = [finding async for finding in within("sound", 5, failing(error))]
    assert first == FIRST
    assert last == Finding("sound", "failed", "the speaker is gone", detail="-9999")


@pytest.mark.parametrize("error", [ZeroDivisionError("dsk-secret"), OSError(5, "dsk-secret"), KeyError("dsk-secret")])
async def test_a_bug_is_told_without_its_words(error: Exception) -> None:
    _, last = [finding async for finding in within("sound", 5, failing(error))]
    assert last.result == "failed"
    assert f"{type(error).__name__} at test_finding.py:" in last.words
    assert "dsk-secret" not in str(last)


def test_programs() -> None:
    assert run(["sh", "-c", "echo out; echo err >&2; exit 3"]) == (3, "out\nerr\n")
    assert run(["/nowhere/program"]) is None
    assert run(["sleep", "60"], seconds=0.05) is None
