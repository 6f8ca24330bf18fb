"""The step for the button: which pin, and does it tell when it is pressed."""

from __future__ import annotations

import asyncio

from clonespeaker.cli.setup.dialogue import Dialogue
from clonespeaker.cli.setup.draft import Draft
from clonespeaker.controls.button import Button, OnButton, open_button, release_pins
from clonespeaker.errors import ConfigError, DeviceError

LIMIT_S = 20.0
"""How long a press, and then its end, is waited for."""

_OTHERS = ("keyboard", "none")
_SKIP = "skip"


def choose_given(given: str, draft: Draft, talk: Dialogue) -> None:
    """Take what an option names; a pin is claimed once.

    Raises:
        ConfigError: there is no such pin.
        DeviceError: it can't be claimed.
    """
    if wrong := _wrong(given, draft):
        raise ConfigError([f"--button {given}: {wrong}"])
    _set(given, draft)
    if given not in _OTHERS:
        talk.interrupts.run(_claim(draft))


def choose(draft: Draft, talk: Dialogue, given: str | None) -> None:
    """Ask for a pin until a press is seen, or the answer is another one."""
    talk.tell(
        "A button on a GPIO pin is pressed to speak. Or: keyboard (SPACE, for `clonespeaker run` in a terminal; the "
        "service has none), none (programs alone start turns)."
    )
    button = draft.settings.button
    default = button.pin if button.source == "gpio" else button.source
    if given is not None and (wrong := _wrong(given, draft)):
        talk.warn(f"--button {given}: {wrong}")
        given = None
    while True:
        answer = given or talk.ask(
            f"Pin, keyboard or none; {_SKIP} leaves it as it is", default, lambda answer: _wrong(answer, draft)
        )
        given = None
        if answer == _SKIP:
            return
        _set(answer, draft)
        if answer in _OTHERS:
            return
        default = answer
        try:
            if talk.interrupts.run(_try(draft, talk)):
                return
        except DeviceError as error:
            talk.warn(str(error))
            default = "none"
        finally:
            talk.forget_typed()


def _wrong(answer: str, draft: Draft) -> str:
    return "" if answer in (*_OTHERS, _SKIP) else draft.wrong("button.pin", answer)


def _set(answer: str, draft: Draft) -> None:
    draft.set("button.source", answer if answer in _OTHERS else "gpio")
    if answer not in _OTHERS:
        draft.set("button.pin", answer)


async def _claim(draft: Draft) -> None:
    _close(_open(draft, lambda down: None))


def _open(draft: Draft, on_change: OnButton) -> Button:
    button = draft.settings.button
    return open_button(button.pin, pull=button.pull, bounce_ms=button.bounce_ms, on_change=on_change)


def _close(button: Button) -> None:
    button.close()
    release_pins()  # the service, which is started by this same process, wants to claim it


async def _try(draft: Draft, talk: Dialogue) -> bool:
    """Whether it is seen to be pressed and let go."""
    settings = draft.settings.button
    changes: asyncio.Queue[bool] = asyncio.Queue()
    button = _open(draft, changes.put_nowait)
    try:
        if button.down:
            talk.warn(
                f"{settings.pin} is down already. If nobody presses it, it is wired the other way round "
                "(button.pull) or to another pin."
            )
        else:
            talk.tell(f"Press the button on {settings.pin} now ({LIMIT_S:.0f} seconds).")
            if not await _next(changes):
                talk.warn(
                    f"No press seen on {settings.pin}. Is the button between that pin and "
                    f"{'3.3 V' if settings.pull == 'down' else 'ground'}? hardware/README.md has a drawing."
                )
                return False
            talk.tell("Pressed. Let it go.")
        if await _next(changes):
            talk.tell("Let go: it works.")
            return True
        talk.warn(f"It stays down, as if {settings.pin} were connected for good. Check the wiring.")
        return False
    finally:
        _close(button)


async def _next(changes: asyncio.Queue[bool]) -> bool:
    try:
        async with asyncio.timeout(LIMIT_S):
            await changes.get()
            return True
    except TimeoutError:
        return False
