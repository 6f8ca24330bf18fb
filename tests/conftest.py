"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# A loaded machine, or a Pi, now and then takes longer than hypothesis' 200 ms; pytest has a limit of its own.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

pytest_plugins = ["tests.sound.takes"]
