"""Settings read again while the daemon runs: what of them can take effect, and what needs a restart."""

from __future__ import annotations

from typing import Any

import msgspec

from clonespeaker.config.edit import leaves
from clonespeaker.config.settings import Settings

AT_ONCE = frozenset(
    {
        "clone.reply",
        "clone.upload",
        "clone.image_url",
        "clone.retry_for_s",
        "clone.new_conversation_after_s",
        "microphone.pre_roll_ms",
        "microphone.min_hold_ms",
        "microphone.max_seconds",
        "speaker.read_ahead_s",
        "speaker.lead_in_ms",
        "speaker.volume",
        "speaker.reply_rate_hz",
        "button.mode",
        "button.end_after_ms",
        "lights.brightness",
        "lights.quiet_hours",
        "lights.quiet_brightness",
        "sounds.earcons",
        "sounds.start",
        "sounds.speech",
        "kiosk.title",
        "kiosk.text_percent",
        "kiosk.theme",
        "kiosk.controls",
    }
)
"""Dotted names of what takes effect without a restart, with the next turn at the latest."""


def changed(before: Settings, after: Settings) -> list[str]:
    """Dotted names of what differs, in the settings' order."""
    old, new = leaves(before), leaves(after)
    return [name for name in old if old[name] != new[name]]


def take_at_once(before: Settings, after: Settings) -> Settings:
    """`before`, with what of `after` takes effect without a restart."""
    new = leaves(after)
    values: dict[str, Any] = msgspec.to_builtins(before)
    for name in AT_ONCE:
        section, _, key = name.partition(".")
        values[section][key] = new[name]
    return msgspec.convert(values, Settings)
