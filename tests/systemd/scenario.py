"""Runs as root inside the container, once the daemon is up; does things with the unit and notes what comes of it.

It judges nothing; `test_running.py` does, from what is written to /observed.json.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

UNIT = "clonespeaker.service"
SETTINGS = Path("/etc/clonespeaker/config.yaml")
KEY = Path("/etc/clonespeaker/api-key")
CARD = Path("/boot/firmware")
GATE = Path("/run/gate")  # holds the daemon up before its first line
DROP_INS = Path(f"/run/systemd/system/{UNIT}.d")
HERE = Path(__file__).parent
OBSERVED = Path("/observed.json")


def run(*command: str) -> dict[str, Any]:
    """Run it to its end → its exit code and what it said."""
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return {"code": ended.returncode, "said": ended.stdout + ended.stderr}


def show(unit: str = UNIT) -> dict[str, str]:
    """What systemd knows of a unit."""
    lines = run("systemctl", "show", unit)["said"].splitlines()
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def until(condition: Callable[[], object], what: str) -> None:
    """Return once it holds; patient, for the machine may be busy."""
    give_up = time.monotonic() + 60
    while not condition():
        if time.monotonic() > give_up:
            raise TimeoutError(what)
        time.sleep(0.05)


def journal(*options: str) -> str:
    """What the daemon said, and systemd of it."""
    return str(run("journalctl", "--unit", UNIT, "--output=cat", *options)["said"])


def conversations() -> list[str]:
    """Those that the daemon told of in the journal, in order: one at each start."""
    return [found[1] for found in re.finditer(r"^I conversation: (\S+) ", journal(), re.MULTILINE)]


def until_started_again_after(signal: str) -> dict[str, Any]:
    """Send it, and wait until another process runs, is ready and in a conversation."""
    before, talking = show(), conversations()
    run("systemctl", "kill", "--kill-whom=main", f"--signal={signal}", UNIT)

    def is_back() -> bool:
        now = show()
        is_another = now["ActiveState"] == "active" and now["MainPID"] != before["MainPID"]
        return is_another and len(conversations()) > len(talking)

    until(is_back, "it did not come back")
    return {"restarts": show()["NRestarts"], "before": talking[-1], "after": conversations()[-1]}


def after_its_end() -> dict[str, str]:
    """The unit, once it has failed: for good, or until it is started again."""
    until(lambda: show()["SubState"] in ("failed", "auto-restart"), "it did not fail")
    return show()


def drop_in(text: str) -> None:
    """Change the unit until the next change."""
    shutil.rmtree(DROP_INS, ignore_errors=True)
    DROP_INS.mkdir(parents=True)
    (DROP_INS / "test.conf").write_text(f"[Service]\n{text}")
    run("systemctl", "daemon-reload")


# What is done, in this order.


def units() -> dict[str, Any]:
    return run("systemd-analyze", "verify", *map(str, (HERE.parents[1] / "systemd").glob("*.service")))


def provisioned() -> dict[str, Any]:
    return {
        "unit": show("clonespeaker-provision.service"),
        "card": sorted(os.listdir(CARD)),
        "settings": SETTINGS.read_text(),
        "key": KEY.read_text(),
        "key_mode": oct(KEY.stat().st_mode & 0o777),
        "key_owner": KEY.owner(),
    }


def turn() -> dict[str, Any]:
    return run("clonespeaker", "say", "Good morning")


def booted() -> dict[str, Any]:
    now = show()
    process = Path("/proc", now["MainPID"], "status").read_text().splitlines()
    return {
        "unit": now,
        "process": {name: value.split() for name, _, value in (each.partition(":") for each in process)},
    }


def reloaded() -> dict[str, Any]:
    before = show()
    SETTINGS.write_text(SETTINGS.read_text() + "speaker: {volume: 33}\n")
    command = run("systemctl", "reload", UNIT)
    until(
        lambda: json.loads(run("clonespeaker", "status", "--json")["said"])["volume"] == 33,
        "it did not take over the volume",
    )
    return {"command": command, "before": before, "after": show()}


def killed() -> dict[str, Any]:
    return until_started_again_after("KILL")


def files() -> list[str]:
    """All that belong to the user that exists only while the daemon runs."""
    user = Path("/proc", show()["MainPID"]).stat().st_uid
    elsewhere = [f"-path {path} -prune -o" for path in ("/proc", "/sys", "/opt", "/usr")]
    return str(run("sh", "-c", f"find / {' '.join(elsewhere)} -uid {user} -print")["said"]).splitlines()


def stopped() -> dict[str, Any]:
    command = run("systemctl", "stop", UNIT)
    return {"command": command, "unit": show(), "left": os.path.lexists("/run/clonespeaker")}


def sandbox() -> dict[str, Any]:
    """Another program in the daemon's place: what could it do?"""
    for directory in ("/srv/everybodys", "/home/somebody"):
        Path(directory).mkdir()
        Path(directory).chmod(0o777)
    Path("/home/somebody/diary").write_text("secret")
    drop_in(f"Type=oneshot\nRestart=no\nExecStart=\nExecStart=python {HERE}/probe.py\n")
    run("systemctl", "start", UNIT)
    return json.loads(Path("/var/lib/private/clonespeaker/probe.json").read_text())  # type: ignore[no-any-return]


def starting() -> dict[str, Any]:
    drop_in("WatchdogSec=5\n")  # for what follows
    GATE.touch()
    run("systemctl", "start", "--no-block", UNIT)
    until(lambda: show()["MainPID"] != "0", "it was not started")
    time.sleep(0.3)
    before = show()
    GATE.unlink()
    command = run("systemctl", "start", UNIT)
    with socket.create_connection(("127.0.0.1", 8777), timeout=5):
        return {"command": command, "before": before, "after": show()}


def frozen() -> dict[str, Any]:
    return {**until_started_again_after("STOP"), "journal": journal()}


def mistake_on_the_card() -> dict[str, Any]:
    silent = Path("/run/systemd/system/clonespeaker-provision.service.d/test.conf")
    silent.parent.mkdir(parents=True)  # without a speaker it would look for one for eight seconds
    silent.write_text("[Service]\nExecStart=\nExecStart=clonespeaker provision --silent\n")
    run("systemctl", "daemon-reload")
    settings = SETTINGS.read_text()
    (CARD / "clonespeaker.yaml").write_text("speaker: {loudness: 11}\n")
    command = run("systemctl", "restart", UNIT)
    observed = {
        "command": command,
        "provision": show("clonespeaker-provision.service"),
        "daemon": show(),
        "problems": (CARD / "clonespeaker-problems.txt").read_text(),
        "kept": SETTINGS.read_text() == settings,
    }
    (CARD / "clonespeaker.yaml").unlink()
    return observed


def wrong_settings() -> dict[str, Any]:
    right = SETTINGS.read_text()
    SETTINGS.write_text("speaker: {volume: 1000}\n")
    command = run("systemctl", "restart", UNIT)
    unit = after_its_end()
    SETTINGS.write_text(right)
    return {"command": command, "unit": unit, "journal": journal("--lines=20")}


def leave_alone() -> dict[str, Any]:
    """What does not mend by itself, by the exit code in systemd/README.md."""
    causes = {
        "2": "ExecStart=\nExecStart=clonespeaker run --fast\n",
        "203": "ExecStart=\nExecStart=/usr/local/bin/not-installed\n",
        "216": "SupplementaryGroups=no-such-group\n",
        "243": "LoadCredential=status-token:/etc/clonespeaker/no-such-file\n",
    }
    observed = {}
    for code, cause in causes.items():
        drop_in(cause)
        run("systemctl", "start", UNIT)
        observed[code] = after_its_end()
    drop_in("")
    return observed


def of_a_home() -> dict[str, Any]:
    """A program that only pipx has installed, looked for where the service of a session looks."""
    program = Path("/root/.local/bin/of-a-home")
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    lines = (HERE.parents[1] / "systemd/clonespeaker-user.service").read_text().splitlines()
    search = "\n".join(line for line in lines if line.startswith("ExecSearchPath="))
    unit = Path("/run/systemd/system/of-a-home.service")
    unit.write_text(f"[Service]\nType=oneshot\n{search}\nExecStart=of-a-home\n")
    run("systemctl", "daemon-reload")
    return run("systemctl", "start", unit.name)


def without_key() -> dict[str, Any]:
    """On a machine that has no boot partition either. This still belongs to the boot, as systemd sees it."""
    shutil.rmtree(CARD)
    shutil.rmtree("/run/systemd/system/clonespeaker-provision.service.d")
    run("systemctl", "daemon-reload")
    KEY.unlink()
    run("systemctl", "reset-failed", UNIT)
    return {
        "command": run("systemctl", "start", UNIT),
        "unit": show(),
        "provision": show("clonespeaker-provision.service"),
        "said": run("journalctl", "--unit=clonespeaker-provision", "--output=cat")["said"],
    }


def main() -> None:
    """Do it all; what goes wrong in one step is noted in its place, and the next one done."""
    observed: dict[str, Any] = {}
    for step in (
        units, provisioned, turn, booted, reloaded, killed, files, stopped, sandbox, starting, frozen,
        mistake_on_the_card, wrong_settings, leave_alone, of_a_home, without_key,
    ):  # fmt: skip
        began = time.monotonic()
        try:
            observed[step.__name__] = step()
        except Exception:
            observed[step.__name__] = {"error": f"{traceback.format_exc()}\n{journal('--lines=30')}"}
        observed.setdefault("seconds", {})[step.__name__] = time.monotonic() - began
        # Whole or not at all: this may be ended any time.
        OBSERVED.with_suffix(".new").write_text(json.dumps(observed))
        OBSERVED.with_suffix(".new").replace(OBSERVED)


if __name__ == "__main__":
    main()
