"""Two hundred strangers and a flood of bad frames while a question is asked and answered: the turn is untouched."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from websockets.asyncio.client import connect as connect_websocket
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from clonespeaker.status.server import MAX_CLIENTS
from tests.daemon import Daemon, running
from tests.peers import until
from tests.status.stand_in import frame

ATTEMPTS = 200

BAD: list[str | bytes] = [
    b"\x00\x01binary",
    "[" * 65_536,
    '{"a":' * 13_000,
    '{"id":1,"command":"volume","level":' + "9" * 5_000 + "}",
    '{"id":' + "9" * 5_000 + ',"command":"press"}',
    '{"id":1,"command":"volume","level":1e999}',
    '{"id":1,"command":"say","text":"\\ud800"}',
    '{"id":1,"command":"say","text":"","image_url":"file:///etc/passwd"}',
    '{"id":1,"command":"dance"}',
    '{"id":null,"command":"press"}',
    "null",
    "",
    "x" * 65_536,
    '{"id":1,"command":"snapshot"}',
]


async def attack(daemon: Daemon, number: int, met: Counter[str], go: asyncio.Event) -> None:
    """One stranger: in, where there is room, and then everything that is wrong, until it is cut off."""
    try:
        async with connect_websocket(
            f"ws://127.0.0.1:{daemon.app.port}/", proxy=None, compression=None, open_timeout=30, close_timeout=1
        ) as connection:
            met["in"] += 1
            await go.wait()
            for bad in BAD[number % len(BAD) :] + BAD:
                await connection.send(bad)
            if number % 3 == 0:
                await connection.send(b"\xff\xfe", text=True)  # no UTF-8
            elif number % 3 == 1:
                await connection.send("x" * 70_000)
            else:
                connection.transport.write(frame(9, b"ping") * 5_000)
            for _ in range(200):
                await connection.send("{}")
            while True:
                await connection.recv()
    except InvalidStatus as refusal:
        met[str(refusal.response.status_code)] += 1
    except ConnectionClosed as end:
        met[f"cut off {end.rcvd.code if end.rcvd else None}"] += 1
    except (WebSocketException, OSError) as error:
        met[type(error).__name__] += 1


@pytest.mark.parametrize("upload", ["live", "exact"])
async def test_a_crowd_that_floods_while_a_turn_goes_on(tmp_path: Path, upload: str) -> None:
    question = (9_000 * np.sin(np.arange(44_100) / 7) + 100).astype(np.int16)
    met: Counter[str] = Counter()
    told: list[dict[str, Any]] = []
    async with running(tmp_path, clone_settings={"upload": upload}, speaker={"start_ms": 20_000}) as daemon:
        await until(lambda: daemon.app.account.snapshot()["clone"]["name"])  # else it would come in between
        async with daemon.program() as follower:
            before = len(daemon.events)

            async def follow() -> None:
                async for event in follower.events():
                    told.append(event)

            following = asyncio.create_task(follow())
            go = asyncio.Event()
            crowd = [asyncio.create_task(attack(daemon, number, met, go)) for number in range(ATTEMPTS)]
            await until(lambda: met["in"] + met["503"] == ATTEMPTS, 60)
            assert met == {"in": MAX_CLIENTS - 1, "503": ATTEMPTS - MAX_CLIENTS + 1}

            daemon.app.appliance.hand.press()
            await daemon.event("state", state="listening")
            go.set()
            daemon.sound.hear(question)
            await until(lambda: not daemon.sound._unheard.size)
            await asyncio.sleep(0.1)
            daemon.app.appliance.hand.release()
            await until(lambda: daemon.told("turn"), 60)

            done, going_on = await asyncio.wait(crowd, timeout=60)
            assert not going_on
            await asyncio.gather(*done)
            assert sum(met[f"cut off {code}"] for code in (1007, 1008, 1009, 1013, None)) == MAX_CLIENTS - 1
            await until(lambda: told and told[-1] == {"type": "event", **msgspec.to_builtins(daemon.events[-1])})
            expected = daemon.events[before:]
            following.cancel()
        (turn,) = daemon.told("turn")
        assert (turn["outcome"], turn["fault"], turn["upload"], turn["retries"]) == ("answered", None, upload, 0)
        (received,) = daemon.clone.received
        assert question.tobytes() in received.pcm
        assert received.pcm in daemon.sound.heard  # it is an echo
        assert without_passing(told) == without_passing(expected)
    me = asyncio.current_task()
    assert me is not None
    await until(lambda: asyncio.all_tasks() <= {me, following})


def without_passing(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What nobody may miss: all but levels, and captions that go on."""
    kept = [each for each in events if each["event"] != "level" and each.get("final") is not False]
    return [{key: value for key, value in msgspec.to_builtins(each).items() if key != "type"} for each in kept]
