from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from clonespeaker.errors import StatusError
from clonespeaker.status import protocol, server
from tests.status.stand_in import SNAPSHOT, StandIn, ask, close_code, closed, dial, read, request, running, send_raw


async def test_snapshot_then_events() -> None:
    async with running() as daemon, dial(daemon) as program:
        assert await read(program) == SNAPSHOT
        daemon.server.publish("state", state="listening", turn=3)
        assert await read(program) == {"type": "event", "event": "state", "state": "listening", "turn": 3}


async def test_nothing_is_lost_or_told_twice_after_the_snapshot() -> None:
    async def follow(daemon: StandIn) -> None:
        async with dial(daemon) as program:
            volume = (await read(program))["volume"]
            for step in range(1, 50):
                assert (await read(program))["volume"] == volume + step

    async def change(daemon: StandIn) -> None:
        while True:
            daemon.set_volume(daemon.volume + 1)
            await asyncio.sleep(0)

    async with running() as daemon:
        changing = asyncio.create_task(change(daemon))
        await asyncio.gather(*(follow(daemon) for _ in range(20)))
        changing.cancel()


@pytest.mark.parametrize(
    ("fields", "command"),
    [
        ({"command": "press"}, protocol.Press()),
        ({"command": "release"}, protocol.Release()),
        ({"command": "say", "text": "Hello"}, protocol.Say(text="Hello")),
        ({"command": "mute"}, protocol.Mute()),
        ({"command": "unmute"}, protocol.Unmute()),
        ({"command": "new_conversation"}, protocol.NewConversation()),
    ],
)
async def test_commands_are_obeyed(fields: dict[str, Any], command: protocol.Command) -> None:
    async with running() as daemon, dial(daemon) as program:
        await read(program)
        assert await ask(program, {"id": "a", **fields}) == {"type": "result", "id": "a", "ok": True}
        assert daemon.obeyed == [command]


async def test_what_a_command_brings_about_comes_before_its_result() -> None:
    async with running() as daemon, dial(daemon) as program, dial(daemon) as other:
        await read(program)
        await read(other)
        event = {"type": "event", "event": "settings", "volume": 30}
        assert await ask(program, {"id": 1, "command": "volume", "level": 30}) == event
        assert await read(program) == {"type": "result", "id": 1, "ok": True}
        assert await read(other) == event
        assert await ask(program, {"id": 2, "command": "snapshot"}) == {**SNAPSHOT, "volume": 30}
        assert await read(program) == {"type": "result", "id": 2, "ok": True}


async def test_nothing_waits_for_a_new_conversation_and_another_one_meanwhile_is_the_same() -> None:
    async with running() as daemon, dial(daemon) as program:
        await read(program)
        daemon.makes_it.clear()
        await program.send('{"id":1,"command":"new_conversation"}')
        await program.send('{"id":2,"command":"press"}')
        await program.send('{"id":3,"command":"new_conversation"}')
        await program.send('{"id":4,"command":"release"}')
        assert [(await read(program))["id"] for _ in range(2)] == [2, 4]
        assert sorted(type(each).__name__ for each in daemon.obeyed) == ["NewConversation", "Press", "Release"]
        daemon.makes_it.set()
        assert [await read(program) for _ in range(2)] == [{"type": "result", "id": id, "ok": True} for id in (1, 3)]
        assert (await ask(program, {"id": 5, "command": "new_conversation"}))["ok"]
        assert daemon.obeyed.count(protocol.NewConversation()) == 2


async def test_a_new_conversation_is_made_though_its_visitor_has_hung_up() -> None:
    async with running() as daemon:
        daemon.makes_it.clear()
        async with dial(daemon) as program:
            await read(program)
            await program.send('{"id":1,"command":"new_conversation"}')
            await daemon.makes.wait()
        daemon.makes_it.set()
        await asyncio.sleep(0)
        async with dial(daemon) as program:
            await read(program)
            assert (await ask(program, {"id": 2, "command": "new_conversation"}))["ok"]
        assert daemon.obeyed.count(protocol.NewConversation()) == 2


async def test_stopping_does_not_wait_for_a_new_conversation() -> None:
    async with running() as daemon, dial(daemon) as program:
        await read(program)
        daemon.makes_it.clear()
        await program.send('{"id":1,"command":"new_conversation"}')
        await daemon.makes.wait()
        async with asyncio.timeout(5):
            await daemon.server.close()


async def test_refusals_are_told_and_the_connection_stays() -> None:
    async with running() as daemon, dial(daemon) as program:
        await read(program)
        answer = await ask(program, {"id": 1, "command": "talk", "seconds": 3})
        assert answer["id"] == 1
        assert answer["error"] == {"code": "muted", "message": "The microphone is muted: unmute it first."}
        refusals: list[tuple[str | bytes, int | None, str]] = [
            (b"\x00", None, "bad-frame"),
            ("nonsense", None, "bad-frame"),
            ('{"command":"press"}', None, "bad-id"),
            ('{"id":2,"command":"pres"}', 2, "unknown-command"),
            ('{"id":3,"command":"volume","level":101}', 3, "bad-fields"),
        ]
        for frame, id, code in refusals:
            answer = await ask(program, frame)
            assert (answer["ok"], answer["id"], answer["error"]["code"]) == (False, id, code)
        assert (await ask(program, {"id": 4, "command": "press"}))["ok"]


async def test_who_may_only_follow_gives_no_commands() -> None:
    async with running(token="s3cret", read_token="r3ad") as daemon:
        port = daemon.server.port
        async with (
            dial(daemon, additional_headers={"Authorization": "Bearer r3ad"}) as follower,
            dial(daemon, additional_headers={"Authorization": "Bearer s3cret"}) as program,
        ):
            assert await read(follower) == await read(program) == SNAPSHOT
            fields: dict[str, dict[str, Any]] = {"talk": {"seconds": 1}, "say": {"text": "Hi"}, "volume": {"level": 3}}
            for name, command in protocol._COMMANDS.items():
                answer = await ask(follower, {"id": name, "command": name, **fields.get(name, {})})
                if command is protocol.GetSnapshot:
                    assert answer == SNAPSHOT
                    assert (await read(follower))["ok"]
                else:
                    assert (answer["ok"], answer["id"], answer["error"]["code"]) == (False, name, "forbidden")
            assert daemon.obeyed == []
            assert (await ask(program, {"id": 1, "command": "press"}))["ok"]
            assert daemon.obeyed == [protocol.Press()]
            daemon.server.publish("state", state="listening", turn=1)
            assert (await read(follower))["state"] == "listening"
        for target in ("/", "/metrics"):
            assert (await request(port, f"{target}?token=r3ad"))[0] == 200
            assert (await request(port, f"{target}?token=wrong"))[0] == 401


async def test_no_page_is_for_other_sites() -> None:
    async with running(token="s3cret") as daemon:
        for target in ("/", "/healthz", "/metrics?token=s3cret", "/?token=s3cret", "/nowhere?token=s3cret"):
            _, headers, _ = await request(daemon.server.port, target)
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cross-origin-resource-policy"] == "same-origin"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'self'"
            assert headers["cache-control"] == "no-store"
            assert not [name for name in headers if name.startswith("access-control-")]


async def test_our_own_bug_is_logged_and_costs_only_who_met_it(caplog: pytest.LogCaptureFixture) -> None:
    async with running() as daemon, dial(daemon) as program, dial(daemon) as other:
        await read(other)
        await program.send('{"id":1,"command":"cancel"}')
        assert close_code(await closed(program)) == 1011
        assert (await ask(other, {"id": 1, "command": "press"}))["ok"]
    assert "ZeroDivisionError" in caplog.text


async def test_pages_over_http() -> None:
    async with running(token="s3cret") as daemon:
        port = daemon.server.port
        status, headers, body = await request(port, "/healthz")
        assert (status, headers["content-type"]) == (200, "application/json")
        assert json.loads(body) == daemon.health
        daemon.health = {"ok": False}
        assert (await request(port, "/healthz"))[0] == 503
        status, headers, _ = await request(port, "/")
        assert (status, headers["www-authenticate"]) == (401, "Bearer")
        assert (await request(port, "/", "Authorization: Bearer s3cret"))[0] == 200
        assert (await request(port, "/?token=s3cret"))[0] == 200
        assert (await request(port, "/nothing?token=s3cret"))[0] == 404
        assert (await request(port, "/healthz", "Host: evil.example"))[0] == 403
        assert (await request(port, "/healthz", f"Host: 127.0.0.1:{port}", f"Host: 127.0.0.1:{port}"))[0] == 403


async def test_metrics_over_http() -> None:
    async with running(token="s3cret") as daemon, dial(daemon, additional_headers={"Authorization": "Bearer s3cret"}):
        port = daemon.server.port
        assert (await request(port, "/metrics"))[0] == 401
        status, headers, body = await request(port, "/metrics", "Authorization: Bearer s3cret")
        assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
        assert int(headers["content-length"]) == len(body.encode())
        assert "\nclonespeaker_status_clients 1.0\n" in body
        accept = "Accept: application/openmetrics-text; version=1.0.0"
        _, headers, body = await request(port, "/metrics?token=s3cret", accept)
        assert headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
        assert body.endswith("\n# EOF\n")


async def test_many_scrapes_at_once() -> None:
    async with running() as daemon, dial(daemon) as program:
        await read(program)
        scrapes = [asyncio.create_task(request(daemon.server.port, "/metrics")) for _ in range(20)]
        assert (await ask(program, {"id": 1, "command": "press"}))["ok"]
        assert {status for status, _, _ in await asyncio.gather(*scrapes)} == {200}


async def test_who_may_open_a_websocket() -> None:
    async with running(token="s3cret", allowed_origins=("https://panel.example",)) as daemon:
        port = daemon.server.port
        bearer = {"Authorization": "Bearer s3cret"}
        for origin in (None, f"http://127.0.0.1:{port}", "https://panel.example"):
            async with dial(daemon, origin=origin, additional_headers=bearer) as program:
                assert await read(program) == SNAPSHOT
        for headers, status in [
            ({}, 401),
            ({"Authorization": "Bearer wrong"}, 401),
            ({**bearer, "Origin": "https://evil.example"}, 403),
        ]:
            with pytest.raises(InvalidStatus) as caught:
                await dial(daemon, additional_headers=headers)
            assert caught.value.response.status_code == status


async def test_a_rebound_name_is_refused() -> None:
    async with running() as daemon:
        host = f"evil.example:{daemon.server.port}"
        status, _, body = await request(
            daemon.server.port, "/", f"Host: {host}", f"Origin: http://{host}", "Upgrade: websocket"
        )
        assert status == 403
        assert "evil.example" in body


async def test_strangers_leave_no_trace_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with running() as daemon, dial(daemon):
        port = daemon.server.port
        await send_raw(port, b"", then_eof=True)
        await send_raw(port, b"SSH-2.0-scanner\r\n")
        await send_raw(port, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", then_eof=True)
        await send_raw(port, b"GET / HTTP/1.1\r\n" + b"x" * 10_000)
        await send_raw(port, b"GET / HTTP/1.1\r\nHost: half", then_eof=True)
        await send_raw(port, b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", then_eof=True)
        await request(port, "/nowhere")
        await request(port, "/", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: bad")
        await request(port, "/", "Upgrade: h2c", "Connection: Upgrade")
    assert caplog.records == []


async def test_close_says_goodbye_even_to_the_half_open() -> None:
    async with running() as daemon, dial(daemon) as program:
        reader, writer = await asyncio.open_connection("127.0.0.1", daemon.server.port)
        await read(program)
        async with asyncio.timeout(server.HANDSHAKE_S / 2):
            await daemon.server.close()
        assert close_code(await closed(program)) == 1001
        try:
            assert await reader.read() == b""
        except ConnectionResetError:
            pass
        writer.close()
    with pytest.raises(ConnectionRefusedError):
        await dial(daemon)


async def test_a_port_in_use() -> None:
    async with running() as daemon:
        port = daemon.server.port
        with pytest.raises(StatusError, match=rf"port {port} on 127.0.0.1 is taken.*`status\.port`"):
            async with running(port=port):
                pass
    async with running(port=port) as daemon:  # and free again at once
        assert daemon.server.port == port


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-name.invalid"])
async def test_an_address_that_is_not_ours(host: str) -> None:
    with pytest.raises(StatusError, match=rf"can't listen on {host}.*`status\.host`"):
        async with running(host=host, token="s3cret"):
            pass


async def test_an_open_address_needs_a_token() -> None:
    with pytest.raises(StatusError, match="token"):
        async with running(host="0.0.0.0"):
            pass
