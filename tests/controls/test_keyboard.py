"""The keyboard, on a pseudo-terminal."""

from __future__ import annotations

import asyncio
import os
import pty
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from clonespeaker.controls import keyboard
from clonespeaker.controls.keyboard import Keyboard
from tests.peers import until


class Hands:
    """At the other end of the terminal."""

    def __init__(self) -> None:
        self.master, self.terminal = pty.openpty()
        self.told: list[bool] = []
        self.keys: list[str] = []
        self.ends = 0

    def is_down(self) -> bool:
        """What a device makes of it that obeys every press."""
        return bool(self.told) and self.told[-1]

    def on_end(self) -> None:
        self.ends += 1

    def listen(self) -> Keyboard:
        """The keyboard under test."""
        return Keyboard(
            self.terminal,
            on_change=self.told.append,
            on_key=self.keys.append,
            is_down=self.is_down,
            on_end=self.on_end,
        )

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    async def tap_space(self, keys: Keyboard) -> None:
        """Until it is clear that it is not held."""
        told = len(self.told)
        self.type(" ")
        await until(lambda: len(self.told) > told and keys._timer is None)

    async def hold_space(self, repeats: int) -> None:
        for _ in range(repeats):
            self.type(" ")
            await asyncio.sleep(0.02)

    def close(self) -> None:
        for end in (self.master, self.terminal):
            with suppress(OSError):
                os.close(end)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyboard, "_REPEAT_BEGINS_S", 0.7)
    monkeypatch.setattr(keyboard, "_REPEAT_ENDS_S", 0.6)  # a busy machine repeats far sooner than that


@asynccontextmanager
async def at_a_terminal() -> AsyncIterator[tuple[Hands, Keyboard]]:
    hands = Hands()
    keys = hands.listen()
    try:
        yield hands, keys
    finally:
        keys.close()
        hands.close()


async def test_space_held_is_down_until_its_repeats_stop() -> None:
    async with at_a_terminal() as (hands, _):
        await hands.hold_space(8)
        assert hands.told == [True]
        await until(lambda: len(hands.told) == 2)
        assert hands.told == [True, False]


async def test_space_tapped_is_down_until_it_is_tapped_again() -> None:
    async with at_a_terminal() as (hands, keys):
        await hands.tap_space(keys)
        assert hands.told == [True]
        hands.type(" ")
        await until(lambda: len(hands.told) == 2)
        hands.type(" ")
        await until(lambda: len(hands.told) == 3)
        assert hands.told == [True, False, True]


async def test_held_after_tapped() -> None:
    async with at_a_terminal() as (hands, keys):
        await hands.tap_space(keys)
        await hands.tap_space(keys)
        await hands.hold_space(8)
        await until(lambda: len(hands.told) == 4)
        assert hands.told == [True, False, True, False]


async def test_a_tap_after_a_refused_one_is_a_press_again() -> None:
    """Muted, say: the device did not take the first tap for a press, so the next one is no release."""
    async with at_a_terminal() as (hands, keys):
        keys._is_down = lambda: False
        for _ in range(2):
            await hands.tap_space(keys)
        assert hands.told == [True, True]


async def test_other_keys_are_told_as_they_are() -> None:
    async with at_a_terminal() as (hands, _):
        hands.type("qm+é\x1b[A")
        await until(lambda: len(hands.keys) == 7)
        assert "".join(hands.keys) == "qm+é\x1b[A"
        assert hands.told == []


async def test_bytes_that_are_no_text() -> None:
    async with at_a_terminal() as (hands, _):
        os.write(hands.master, b"\xff ")
        await until(lambda: hands.told)
        assert hands.keys == ["\ufffd"]


async def test_the_terminal_is_given_back_as_it_was() -> None:
    hands = Hands()
    before = termios.tcgetattr(hands.terminal)
    keys = hands.listen()
    assert not termios.tcgetattr(hands.terminal)[3] & (termios.ICANON | termios.ECHO)
    keys.close()
    assert termios.tcgetattr(hands.terminal) == before
    hands.type(" x")
    await asyncio.sleep(0.05)
    assert hands.told == []
    hands.close()


async def test_a_terminal_that_goes_away() -> None:
    """Its window is closed: told once, no error, no busy loop."""
    failures: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: failures.append(context))
    async with at_a_terminal() as (hands, _):
        hands.type("x")
        await until(lambda: hands.keys)
        os.close(hands.master)
        await until(lambda: hands.ends)
        await asyncio.sleep(0.05)
        assert hands.ends == 1
        assert asyncio.get_running_loop().remove_reader(hands.terminal) is False
    assert failures == []
