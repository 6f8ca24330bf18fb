"""The units as they are shipped and the daemon of this checkout, under a real systemd; with the simulated clone, and
neither sound cards nor gpio. `scenario.py` has done it all before the first test; each looks at one part of it.
"""

from __future__ import annotations

import pytest

from tests.systemd import container
from tests.systemd.conftest import Observed

pytestmark = pytest.mark.timeout(container.LONGEST_S + 60)


def test_all_units_find_what_they_run(observed: Observed) -> None:
    assert observed["units"] == {"code": 0, "said": ""}


def test_settings_and_key_on_the_boot_partition_are_taken_over_before_the_first_start(observed: Observed) -> None:
    after = observed["provisioned"]
    assert (after["unit"]["Result"], after["unit"]["ExecMainStatus"]) == ("success", "0")
    assert after["card"] == ["clonespeaker-done.txt", "clonespeaker-taken.yaml"]
    assert (after["settings"], after["key"]) == (container.SETTINGS, f"{container.KEY}\n")
    assert (after["key_mode"], after["key_owner"]) == ("0o600", "root")


def test_it_starts_at_boot(observed: Observed) -> None:
    unit = observed["booted"]["unit"]
    assert (unit["UnitFileState"], unit["ActiveState"], unit["NRestarts"]) == ("enabled", "active", "0")


def test_it_tells_systemd_how_it_is(observed: Observed) -> None:
    state, *faults = observed["booted"]["unit"]["StatusText"].replace(";", ",").split(", ")
    assert (state, set(faults)) == ("idle", {"no-microphone", "no-speaker"})


def test_it_is_active_once_it_is_ready_and_not_before(observed: Observed) -> None:
    starting = observed["starting"]  # its port was reached right after
    assert (starting["before"]["ActiveState"], starting["after"]["ActiveState"]) == ("activating", "active")
    assert starting["command"]["code"] == 0


def test_it_is_nobody_and_in_the_groups_of_sound_pins_and_spi(observed: Observed) -> None:
    process = observed["booted"]["process"]
    (user,) = set(process["Uid"])
    assert 61184 <= int(user) <= 65519  # made for the run, systemd.exec(5)
    assert set(process["Groups"]) - set(process["Gid"]) == {container.AUDIO, container.GPIO, container.SPI}


def test_it_has_no_capabilities_and_no_way_to_any(observed: Observed) -> None:
    process = observed["booted"]["process"]
    assert {int(process[f"Cap{kind}"][0], 16) for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {0}
    assert (process["NoNewPrivs"], process["Seccomp"]) == (["1"], ["2"])


def test_a_question_is_answered(observed: Observed) -> None:
    """The clone takes no other key than the one that was left on the card."""
    assert observed["turn"] == {"code": 0, "said": "You wrote: Good morning\n"}


def test_a_reload_takes_new_settings_over_in_the_same_process(observed: Observed) -> None:
    reloaded = observed["reloaded"]
    assert reloaded["command"]["code"] == 0
    assert reloaded["before"]["MainPID"] == reloaded["after"]["MainPID"]


def test_killed_it_is_back_with_its_conversation(observed: Observed) -> None:
    killed = observed["killed"]
    assert killed["before"] == killed["after"] is not None
    assert killed["restarts"] == "1"


def test_frozen_it_is_ended_by_the_watchdog_and_back_with_its_conversation(observed: Observed) -> None:
    frozen = observed["frozen"]
    assert "Watchdog timeout" in frozen["journal"]
    assert "(most recent call first)" in frozen["journal"], "it did not write down where it hung"
    assert frozen["before"] == frozen["after"] is not None
    assert frozen["restarts"] == "1"


def test_stopped_it_ends_in_good_order(observed: Observed) -> None:
    stopped = observed["stopped"]
    assert stopped["command"]["code"] == 0
    assert (stopped["unit"]["ActiveState"], stopped["unit"]["Result"]) == ("inactive", "success")
    assert not stopped["left"], "/run/clonespeaker is still there"


def test_all_its_files_are_in_its_own_directories(observed: Observed) -> None:
    # PortAudio looks for JACK, whose library leaves an empty database in shared memory.
    own = (
        "/var/lib/private/clonespeaker",
        "/run/clonespeaker",
        "/run/credentials/clonespeaker.service",
        "/dev/shm/jack",
    )
    files = observed["files"]
    assert "/var/lib/private/clonespeaker/state.json" in files
    assert [path for path in files if not path.startswith(own)] == []


def test_a_program_in_its_place_could_write_nowhere_else(observed: Observed) -> None:
    # /tmp and /var/tmp are its own. The shared memory of all is where ALSA's dmix meets other programs.
    own = {"/run/clonespeaker", "/var/lib/clonespeaker", "/tmp", "/var/tmp", "/dev/shm"}
    assert set(observed["sandbox"]["writable"]) == own
    assert observed["sandbox"]["directory"] == "/run/clonespeaker"


def test_it_has_the_key_as_a_credential_and_not_the_file(observed: Observed) -> None:
    assert observed["sandbox"]["credential"] == f"{container.KEY}\n"
    assert observed["sandbox"]["refused"]["read the key's file"] == "EACCES"


@pytest.mark.parametrize(
    ("attempt", "error"),
    [
        ("read in a home directory", "EACCES"),
        ("become root", "EPERM"),
        ("write code and run it", "EPERM"),
        ("have a file run as its owner", "EPERM"),
        ("be root in a world of its own", "EPERM"),
        ("send raw packets", "EAFNOSUPPORT"),
        ("speak with the kernel's network", "EAFNOSUPPORT"),
        ("change a kernel setting", "EROFS"),
    ],
)
def test_a_program_in_its_place_could_not(observed: Observed, attempt: str, error: str) -> None:
    assert observed["sandbox"]["refused"][attempt] == error


def test_a_program_in_its_place_would_see_no_others(observed: Observed) -> None:
    assert observed["sandbox"]["processes"] == [observed["sandbox"]["own_process"]]


def test_a_mistake_on_the_boot_partition_changes_nothing(observed: Observed) -> None:
    mistake = observed["mistake_on_the_card"]
    assert (mistake["provision"]["Result"], mistake["provision"]["ExecMainStatus"]) == ("exit-code", "78")
    assert "speaker.loudness: no such setting" in mistake["problems"]
    assert mistake["kept"]
    assert (mistake["command"]["code"], mistake["daemon"]["ActiveState"]) == (0, "active")


def test_with_wrong_settings_it_is_not_started_again(observed: Observed) -> None:
    unit = observed["wrong_settings"]["unit"]
    assert (unit["ActiveState"], unit["ExecMainStatus"], unit["NRestarts"]) == ("failed", "78", "0")


@pytest.mark.parametrize("code", ["2", "203", "216", "243"])
def test_what_does_not_mend_by_itself_is_not_started_again(observed: Observed, code: str) -> None:
    unit = observed["leave_alone"][code]
    assert (unit["ActiveState"], unit["ExecMainStatus"], unit["NRestarts"]) == ("failed", code, "0")


def test_the_service_of_a_session_finds_what_pipx_has_installed(observed: Observed) -> None:
    assert observed["of_a_home"]["code"] == 0


def test_without_a_key_it_waits_and_has_not_failed(observed: Observed) -> None:
    without = observed["without_key"]
    assert without["command"]["code"] == 0
    assert (without["unit"]["ActiveState"], without["unit"]["ConditionResult"]) == ("inactive", "no")


def test_without_a_key_it_is_said_aloud_before(observed: Observed) -> None:
    """Where there is no boot partition, too. There is no speaker in the container; that it was looked for is all that
    can be seen.
    """
    without = observed["without_key"]
    assert (without["provision"]["ConditionResult"], without["provision"]["Result"]) == ("yes", "success")
    assert without["said"].count("there is no key yet") == 1
