"""A report for others, of a device on which everything is told everywhere: nothing of it is in there."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from clonespeaker.simulate.server import SimulatedClone
from clonespeaker.state import SavedConversation, State, StateDir
from tests.cli.conftest import Run

KEY = "dsk-recognisable0123456789"
TOKEN = "tok-recognisable-control"
READ_TOKEN = "tok-recognisable-reading"
SAVED_ID = "5f0c1f2e-1111-4000-8000-00000000abcd"
ID = "5f0c1f2e-2222-4000-8000-00000000abcd"
SECRETS = {
    "key": KEY,
    "the key's last letters": "6789",
    "control token": TOKEN,
    "reading token": READ_TOKEN,
    "slug": "jane-doe-of-leeds",
    "instance": "mornings",
    "name": "Simulated Clone",
    "conversation": ID,
    "saved conversation": SAVED_ID,
    "e-mail": "jane.doe@example.org",
    "e-mail in an address": "jane.doe%40example.org",
    "picture": "cam.example.net",
    "origin": "panel.example.com",
    "user": "janedoe",
    "address": "192.168.77.20",
    "address of another": "2001:db8::77",
    "mac": "b8:27:eb:77:88:99",
    "serial": "20190808AB77",
    "host": socket.gethostname(),
}
JOURNAL = """\
2026-11-24T20:15:03+0000 clonespeaker[77]: talking with jane-doe-of-leeds at https://api.delphi.ai, key dsk-****6789
2026-11-24T20:15:04+0000 clonespeaker[77]: conversation: {ID} goes on; before: {SAVED_ID}
2026-11-24T20:15:05+0000 clonespeaker[77]: Simulated Clone says Authorization: Bearer {TOKEN}, x-api-key: {KEY}
2026-11-24T20:15:06+0000 clonespeaker[77]: https://cam.example.net/now.png?user=jane.doe%40example.org&token={READ_TOKEN}
2026-11-24T20:15:07+0000 clonespeaker[77]: 192.168.77.20:512, [2001:db8::77] at b8:27:eb:77:88:99 (jane.doe@example.org)
2026-11-24T20:15:08+0000 clonespeaker[77]: /home/janedoe/mornings on {host}.local; usb-C-Media_USB_20190808AB77-00
2026-11-24T20:15:09+0000 clonespeaker[77]: New USB device, SerialNumber: 20190808AB77; Origin https://panel.example.com
2026-11-24T20:15:10+0000 clonespeaker[77]: idle (turn 3)
"""


@pytest.fixture
def device(environment: dict[str, str], clone: SimulatedClone, tmp_path: Path) -> dict[str, str]:
    """The environment of one that has something to hide in every place there is."""
    clone.api_key, clone.slug = KEY, SECRETS["slug"]
    for name, secret in (("key", KEY), ("token", TOKEN), ("read-token", READ_TOKEN)):
        (tmp_path / name).write_text(secret)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "config.yaml").write_text(
        f"clone:\n  slug: {SECRETS['slug']}\n  instance_slug: mornings\n  conversation_id: {ID}\n"
        f"  user_email: {SECRETS['e-mail']}\n  image_url: https://cam.example.net/now.png?user=jane.doe%40example.org\n"
        f"  api_key_file: {tmp_path}/key\n"
        f"status: {{port: 0, token_file: {tmp_path}/token, read_token_file: {tmp_path}/read-token,\n"
        "  allowed_origins: ['https://panel.example.com']}\n"
    )
    saved = SavedConversation(
        conversation_id=SAVED_ID,
        base_url=environment["CLONESPEAKER_CLONE__BASE_URL"],
        slug=SECRETS["slug"],
        user_email=SECRETS["e-mail"],
    )
    StateDir(tmp_path / "state").save(State(conversation=saved))
    programs = tmp_path / "bin"
    programs.mkdir()
    told = JOURNAL.format(
        ID=ID, SAVED_ID=SAVED_ID, TOKEN=TOKEN, READ_TOKEN=READ_TOKEN, KEY=KEY, host=socket.gethostname()
    )
    (programs / "journal.txt").write_text(told)
    (programs / "journalctl").write_text(f"#!/bin/sh\ncat {programs}/journal.txt\n")
    (programs / "journalctl").chmod(0o755)
    return {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": "/home/janedoe",
        "USER": "janedoe",
        "LOGNAME": "janedoe",
        "CLONESPEAKER_API_KEY": KEY,
        "CLONESPEAKER_CLONE__SLUG": None,  # type: ignore[dict-item]
    }


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("state", ["well", "the clone tells", "bad settings"])
def test_nothing_tells_whose_device_it_is(
    run: Run, device: dict[str, str], clone: SimulatedClone, tmp_path: Path, form: str, state: str
) -> None:
    if state == "bad settings":
        config = tmp_path / "config.yaml"
        config.write_text(config.read_text().replace("status:", f"slag: {KEY}\nstatus:"))
    if state == "the clone tells":
        clone.slug = "another"  # "there is no such clone", with the server's words
    done = run("doctor", "--share", *(["--json"] if form == "json" else []), "--config", "config.yaml", **device)
    assert done.returncode == 1  # there are no sound cards here
    assert "Traceback" not in done.stderr
    assert "idle (turn 3)" in done.stdout
    assert "PyAudio" in done.stdout
    assert len(done.stdout) > 1_000
    for what, secret in SECRETS.items():
        if what == "name" and state != "well":
            continue  # who did not answer has no name
        if what == "host" and len(secret) < 3:
            continue
        assert secret.casefold() not in (done.stdout + done.stderr).casefold(), what
    if form == "json":
        told = json.loads(done.stdout)
        assert set(told) == {"ok", "versions", "findings", "settings", "journal"}
        assert told["ok"] is False


def test_without_a_journal(run: Run, device: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "bin" / "journalctl").write_text(
        "#!/bin/sh\necho 'No journal files were opened due to insufficient permissions.'\nexit 1\n"
    )
    done = run("doctor", "--share", "--config", "config.yaml", **device)
    assert "insufficient permissions" in done.stdout
    assert "## settings\nclone:" in done.stdout
    assert "slug: <slug>" in done.stdout
