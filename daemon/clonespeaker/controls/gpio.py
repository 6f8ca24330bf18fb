"""GPIO pins, whatever is on them: what gpiozero and lgpio need, and what their errors mean to people."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from clonespeaker.errors import DeviceError


@contextmanager
def claiming(device: str, pin: str, *, setting: str, elsewhere: str, factory: Any) -> Iterator[None]:
    """Open a gpiozero device within.

    Args:
        device: what it is, for `DeviceError`.
        pin: as gpiozero names it.
        setting: that names the pin.
        elsewhere: what to set on a machine without pins: "button.source to none".
        factory: gpiozero's pin factory; None: the one it finds.

    Raises:
        DeviceError: no GPIO on this machine, a pin it has not, or one that another program holds.
    """
    if factory is None:
        _give_lgpio_a_directory()
    try:
        with warnings.catch_warnings(record=True) as tried:  # what gpiozero found unusable, one by one
            warnings.simplefilter("always")
            yield
    except ImportError as error:  # gpiozero's BadPinFactory is one; so is the lack of what the environment asks for
        raise DeviceError(
            device,
            "this machine has no GPIO pins that gpiozero can use; on a Raspberry Pi install lgpio "
            f"(pip install 'clonespeaker[pi]', or apt install python3-lgpio), elsewhere set {elsewhere}",
            detail="; ".join([str(error), *(str(warning.message) for warning in tried)]),
        ) from error
    except Exception as error:
        match _origin(error):
            case "gpiozero":
                raise DeviceError(
                    device, f"{setting} {pin} can't be used: {str(error) or type(error).__name__}"
                ) from error
            case "lgpio":
                words = "is this user in the group gpio, and does no other program hold it?"
                raise DeviceError(device, f"{pin} can't be claimed ({error}); {words}") from error
        raise


@contextmanager
def using(device: str) -> Iterator[None]:
    """Use an opened gpiozero device within.

    Raises:
        DeviceError: its pins have failed.
    """
    try:
        yield
    except Exception as error:
        if _origin(error) is None:
            raise
        raise DeviceError(device, f"its pins fail: {error}") from error


def _origin(error: Exception) -> str | None:
    import gpiozero.exc

    if isinstance(error, gpiozero.exc.GPIOZeroError):
        return "gpiozero"
    # lgpio raises a class of its own, which has no base but Exception and is not always there to be named.
    return "lgpio" if type(error).__module__ == "lgpio" or isinstance(error, OSError) else None


def _give_lgpio_a_directory() -> None:
    """It makes pipes in the directory that it finds itself in, which may be anybody's, or take none."""
    if "LG_WD" not in os.environ:
        os.environ["LG_WD"] = tempfile.mkdtemp(prefix="clonespeaker-")
        atexit.register(shutil.rmtree, os.environ["LG_WD"], ignore_errors=True)
