"""Commands with a key and tokens that everything goes wrong for: what they say never holds one."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.peers import Peer, serving
from tests.tattling import tattling

KEY = "dsk-recognisable0123456789"
TOKEN = "tok-recognisable-control"
READ_TOKEN = "tok-recognisable-reading"


@contextlib.asynccontextmanager
async def tattler() -> AsyncIterator[str]:
    """A clone that tells the key, each time in another way; its address."""
    answers = itertools.cycle([answer for _, answer in tattling(KEY)])

    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.send(next(answers))

    async with serving(talk) as server:
        yield server.url


@pytest.mark.parametrize(
    "arguments",
    [
        ("ask", "hello"),
        ("ask", "hello", "--json", "--reply", "text"),
        ("doctor", "--json"),
        ("doctor", "--upload"),
        ("doctor", "--share"),
    ],
    ids=" ".join,
)
async def test_a_clone_that_tells_the_key(run: Run, arguments: tuple[str, ...]) -> None:
    async with tattler() as url:
        for _ in range(3):
            done = await asyncio.to_thread(
                run, *arguments, CLONESPEAKER_CLONE__BASE_URL=url, CLONESPEAKER_API_KEY=KEY, PYTHONASYNCIODEBUG="1"
            )
            assert done.returncode != 0
            assert done.stdout + done.stderr
            assert KEY not in done.stdout + done.stderr
            assert "Traceback" not in done.stderr


async def test_a_daemon_that_logs_all_it_can(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "read-token").write_text(READ_TOKEN)
    async with tattler() as url:
        changed = {
            "CLONESPEAKER_CLONE__BASE_URL": url,
            "CLONESPEAKER_API_KEY": KEY,
            "CLONESPEAKER_STATUS__TOKEN_FILE": str(tmp_path / "token"),
            "CLONESPEAKER_STATUS__READ_TOKEN_FILE": str(tmp_path / "read-token"),
            "PYTHONASYNCIODEBUG": "1",
        }
        daemon = await asyncio.create_subprocess_exec(
            *(sys.executable, "-X", "dev", "-m", "clonespeaker", "run", "--verbose"),
            env=environment | changed,
            stderr=subprocess.PIPE,
        )
        try:
            assert daemon.stderr is not None
            log = ""
            async with asyncio.timeout(60):
                while log.count("can't") + log.count("clone") < 8:
                    log += (await daemon.stderr.readline()).decode()
        finally:
            daemon.send_signal(signal.SIGTERM)
            log += (await daemon.communicate())[1].decode()
    assert daemon.returncode == 0
    assert "key dsk-****6789" in log
    for secret in (KEY, TOKEN, READ_TOKEN):
        assert secret not in log
        assert not [path for path in (tmp_path / "state").rglob("*") if path.is_file() and secret in path.read_text()]


CONFIGURED = f"""\
{KEY}: {KEY}
api_key: {KEY}
clone:
  slug: {KEY}
  api_key: {KEY}
  base_url: https://{KEY}@api.delphi.ai
  conversation_id: {KEY}
  image_url: https://eve:{TOKEN}@example.org/?{KEY}
  user_email: "{KEY}"
  api_key_file: {KEY}
microphone: {KEY}
speaker: {{volume: {KEY}, {KEY}: 3}}
button: {{pin: {KEY}}}
status:
  port: {KEY}
  token: {KEY}
  allowed_origins: [{KEY}, "https://eve:{TOKEN}@example.org"]
"""


@pytest.mark.parametrize("what", ["check", "show"])
def test_keys_where_none_belong(run: Run, tmp_path: Path, what: str) -> None:
    (tmp_path / "config.yaml").write_text(CONFIGURED)
    variables = {
        "CLONESPEAKER_CLONE__SLUG": KEY,
        "CLONESPEAKER_CLONE__API_KEY": TOKEN,
        "CLONESPEAKER_APIKEY": TOKEN,
        "CLONESPEAKER_STATUS__PORT": KEY,
        "CLONESPEAKER_CLONE__BASE_URL": f"https://eve:{TOKEN}@example.org",
    }
    for arguments in (("config", what), ("doctor", "--json"), ("ask", "hello"), ("status",)):
        done = run(*arguments, "--config", "config.yaml", CLONESPEAKER_API_KEY=KEY, **variables)
        assert done.returncode in (1, 78)
        assert len((done.stdout + done.stderr).splitlines()) > 10 or "--json" in arguments
        assert KEY not in done.stdout + done.stderr
        assert TOKEN not in done.stdout + done.stderr


def test_what_is_in_force_holds_no_secret(run: Run, tmp_path: Path) -> None:
    for name, secret in (("key", KEY), ("token", TOKEN), ("read-token", READ_TOKEN)):
        (tmp_path / name).write_text(secret)
    variables = {
        "CLONESPEAKER_API_KEY": KEY,
        "CLONESPEAKER_CLONE__API_KEY_FILE": str(tmp_path / "key"),
        "CLONESPEAKER_STATUS__TOKEN_FILE": str(tmp_path / "token"),
        "CLONESPEAKER_STATUS__READ_TOKEN_FILE": str(tmp_path / "read-token"),
    }
    for what in ("check", "show", "schema"):
        done = run("config", what, **variables)
        assert done.returncode == 0
        for secret in (KEY, TOKEN, READ_TOKEN):
            assert secret not in done.stdout + done.stderr
