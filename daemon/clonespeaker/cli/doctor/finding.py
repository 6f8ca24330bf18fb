"""What the doctor finds, and how a check is kept from spoiling the others."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from clonespeaker.errors import ClonespeakerError


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's.

    Attributes:
        name: what was looked at.
        result: how it is.
        words: what was seen.
        remedy: what to do, where something is to be done and `words` do not say it.
        detail: what a technician wants besides; in the JSON alone.
    """

    name: str
    result: Literal["ok", "warning", "failed"]
    words: str
    remedy: str = ""
    detail: str = ""


async def within(name: str, seconds: float, findings: AsyncGenerator[Finding, None]) -> AsyncIterator[Finding]:
    """`findings`, for so long in all. Whatever goes wrong with a check is a finding, and the next one has its turn.

    Args:
        name: of the check, should it fail itself.
        seconds: what it may take.
        findings: an async generator.
    """
    ends_at = asyncio.get_running_loop().time() + seconds
    try:
        async with aclosing(findings):
            while True:
                async with asyncio.timeout_at(ends_at):
                    finding = await anext(findings, None)
                if finding is None:
                    return
                yield finding
    except TimeoutError:
        yield Finding(name, "failed", f"did not end within {seconds:g} s", "try again; what is it that hangs?")
    except ClonespeakerError as error:
        yield Finding(name, "failed", str(error), detail=error.detail)
    except Exception as error:  # a bug of ours; its words are not told, for a key might be among them
        yield Finding(
            name,
            "failed",
            f"this check itself failed ({type(error).__name__} at {_place(error)})",
            "report it as a bug",
        )


def run(command: Sequence[str], *, seconds: float = 10.0) -> tuple[int, str] | None:
    """A program's exit code and what it says, on both channels; None where it is not here or does not end. Blocks."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"LC_ALL": "C.UTF-8"},
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.returncode, done.stdout


def of_this_machine(path: Path) -> str | None:
    """What a file of the kernel's says; None where it is not there or not for us."""
    try:
        return path.read_text(errors="replace").strip("\0\n ")
    except OSError:
        return None


def _place(error: Exception) -> str:
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = "?" if frame is None else f"{Path(frame.tb_frame.f_code.co_filename).name}:{frame.tb_lineno}"
    return f"{where}, Python {sys.version_info.major}.{sys.version_info.minor}"
