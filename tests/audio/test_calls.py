from __future__ import annotations

import asyncio
import threading

import pytest

from clonespeaker.audio import calls as calls_module
from clonespeaker.audio.calls import DeviceCalls
from clonespeaker.errors import DeviceError
from tests.peers import until


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_module, "WITHIN_S", 1.0)


async def test_what_a_call_returns() -> None:
    calls = DeviceCalls()
    assert await calls.run("speaker", threading.current_thread) is not threading.current_thread()
    assert calls.oldest_s == 0


async def test_what_a_call_raises() -> None:
    def fail() -> None:
        raise DeviceError("speaker", "busy", busy=True)

    calls = DeviceCalls()
    with pytest.raises(DeviceError, match="busy"):
        await calls.run("speaker", fail)
    assert calls.oldest_s == 0


@pytest.mark.usefixtures("impatient")
async def test_a_call_that_hangs_is_left_behind_and_seen_until_it_returns() -> None:
    calls, go_on = DeviceCalls(), threading.Event()
    with pytest.raises(DeviceError, match="does not answer") as hung:
        await calls.run("microphone", lambda: go_on.wait() and None)
    assert hung.value.fault == "no-microphone"
    await calls.run("speaker", lambda: None)  # others go on
    assert calls.oldest_s >= 1.0
    go_on.set()
    await until(lambda: calls.oldest_s == 0)


async def test_who_does_not_wait_any_more_leaves_the_call_to_itself() -> None:
    calls, go_on, done = DeviceCalls(), threading.Event(), threading.Event()

    def work() -> None:
        go_on.wait()
        done.set()

    waiting = asyncio.create_task(calls.run("speaker", work))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert calls.oldest_s >= 0.01
    go_on.set()
    await until(lambda: calls.oldest_s == 0)
    assert done.is_set()


def test_a_call_that_outlives_the_loop() -> None:
    go_on, done = threading.Event(), threading.Event()

    def work() -> None:
        go_on.wait()
        done.set()

    async def main() -> None:
        task = asyncio.create_task(DeviceCalls().run("speaker", work))
        await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(main())
    go_on.set()
    assert done.wait(30)
