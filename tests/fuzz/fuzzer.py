"""`python -m tests.fuzz.fuzzer TARGET [libFuzzer's options]`: one target, in this process, until it breaks."""

from __future__ import annotations

import logging
import sys

import atheris

# What is ours, and what reads for us in Python; msgspec and FFmpeg are not seen into.
with atheris.instrument_imports(include=["clonespeaker", "yaml", "email"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Does not return: libFuzzer ends the process."""
    logging.disable()  # what is passed over is told, thousands of times a second
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
