from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from clonespeaker.cli.main import parser
from clonespeaker.cli.provision import BOOT_PARTITION
from clonespeaker.provision.card import sort

_SYSTEMD = Path(__file__).parents[2] / "systemd"
UNIT = (_SYSTEMD / "clonespeaker-provision.service").read_text().splitlines()


@pytest.mark.parametrize(
    "name",
    [
        "clonespeaker.yaml", "CLONESPEAKER.YML.TXT", "Clonespeaker.key", "clonespeaker.key.txt", "clonespeaker.erase",
        "clonespeaker", "clonespeaker.rtf", "clonespeaker (1).yaml", "clonespeaker(1).key", "clonespeaker~",
        "clonespeaker-done.txt", "clonespeaker-taken.yaml", "clonespeaker-problems.txt", "._clonespeaker.yaml",
        "clonespeaker_0.1.0_arm64.deb", "clonespeaker-done.txt.new", "config.txt", "user-data",
    ],
)  # fmt: skip
def test_it_runs_where_there_is_something_to_do_and_only_there(name: str) -> None:
    globs = [line.partition("=|")[2] for line in UNIT if line.startswith("ConditionPathExistsGlob=")]
    assert any(fnmatchcase(f"/boot/firmware/{name}", glob) for glob in globs) == bool(sort([name]))


def test_it_runs_a_command_that_there_is_before_the_daemon() -> None:
    (command,) = (line.partition("=")[2] for line in UNIT if line.startswith("ExecStart="))
    options = parser().parse_args(command.split()[1:])
    assert (options.card, str(BOOT_PARTITION)) == (None, "/boot/firmware")
    assert (str(options.device), options.silent) == ("/etc/clonespeaker", False)
    daemon = (_SYSTEMD / "clonespeaker.service").read_text().splitlines()
    assert {"Wants=clonespeaker-provision.service", "After=clonespeaker-provision.service"} <= set(daemon)
    (settings,) = (line.partition(":")[2] for line in daemon if line.startswith("LoadCredential="))
    assert settings == f"{options.device}/api-key"
