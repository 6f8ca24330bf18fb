"""What happens to an appliance, from its first minute to its last: `scenario.py STAGE`, a boot for each."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from tools import (
    RATE_HZ,
    Follower,
    ask_host,
    check,
    conversation,
    failed,
    lamp,
    likeness,
    press,
    property_of,
    question,
    sh,
    speak,
    start_clone,
    turn,
    until,
)

CARD = Path("/boot/firmware")
ETC = Path("/etc/clonespeaker")
KEY = Path("/shared/key").read_text()
ALIKE = 0.1  # of what was said, where a loaded machine loses much; of other speech it is 0.00
DAMAGED = "clone:\n  slug: my-clone\nspeaker: {volumee: 80}\n"


def install() -> None:
    """A fresh system, the package, and a card prepared wrongly."""
    begun_at = time.monotonic()
    words = sh("dpkg --install /shared/clonespeaker.deb", within_s=600)
    check("installs", property_of("LoadState") == "loaded", f"{time.monotonic() - begun_at:.0f} s")
    print(words)
    check("the USB card is named for what it does", "[Speaker " in Path("/proc/asound/cards").read_text())
    check("the pins belong to their group", Path("/dev/gpiochip0").group() == "gpio")
    check("is enabled", sh("systemctl is-enabled clonespeaker") == "enabled")
    check("waits for a key, without failing", property_of("ActiveState") == "inactive", property_of("ConditionResult"))
    check("nothing on the machine has failed", not sh("systemctl --failed --no-legend"), sh("systemctl --failed"))
    exposure = re.search(r"exposure level for \S+: ([\d.]+)", sh("systemd-analyze security clonespeaker --no-pager"))
    check("exposure is 1.5 or less", exposure and float(exposure[1]) <= 1.5, exposure and exposure[1])
    check("the shell can complete it", Path("/usr/share/bash-completion/completions/clonespeaker").exists())

    (CARD / "clonespeaker.yaml").write_text(DAMAGED)
    (CARD / "clonespeaker.key").write_text(KEY)
    sh("systemctl start clonespeaker")
    problems = CARD / "clonespeaker-problems.txt"
    check("a mistake on the card is written beside it", problems.exists())
    if problems.exists():
        print(problems.read_text())
        check(
            "with the line and the right word",
            {"line 3", "volume?"} <= set(re.findall(r"line 3|volume\?", problems.read_text())),
        )
    check("and nothing is taken over", (CARD / "clonespeaker.key").exists() and not (ETC / "api-key").exists())
    for left in CARD.iterdir():
        left.unlink()


def live() -> None:
    """A card prepared rightly; then what life does to an appliance."""
    start_clone(KEY)
    daemon = Follower()
    check("starts by itself", until(lambda: daemon.connected(), 120), property_of("ActiveState"))
    key = ETC / "api-key"
    check("has taken the key over", key.exists() and key.read_text().strip() == KEY)
    check("for root alone", key.exists() and (key.stat().st_mode & 0o777, key.stat().st_uid) == (0o600, 0))
    names = sorted(path.name for path in CARD.iterdir())
    check("and removed it from the card", "clonespeaker.key" not in names, " ".join(names))
    check("runs as nobody's user", property_of("MainPID") != "0" and owner() not in ("0", ""), owner())
    check("finds the clone", until(lambda: no_faults(daemon), 60) is not None, sh("clonespeaker status"))
    ready = sh("journalctl -u clonespeaker -o cat --grep 'Started|Starting' --output=short-monotonic | tail -2")
    print(ready)

    ended, alike = turn(daemon)
    check("button, microphone, clone, speaker", ended and ended["outcome"] == "answered", ended)
    check("what is heard is what was said", alike > ALIKE, f"{alike:.2f}")
    other = likeness(question(4.0)[2 * RATE_HZ :], np.fromfile("/tmp/heard", np.int16))
    check("and nothing else", other < ALIKE / 5, f"{other:.2f}")

    lights(daemon)
    unplug_and_plug(daemon)
    freeze(daemon)
    bad_settings()
    real_time()
    usb_card()
    doctor = sh("clonespeaker doctor")
    print(doctor)
    check("doctor finds nothing failed", "failed" not in doctor and "GPIO17, in use by the daemon" in doctor)

    # The power goes while the clone speaks.
    mark = len(daemon.events)
    press(True)
    until(lambda: daemon.last(mark, event="state", state="listening"), 20)
    speak(question(4.0))
    press(False)
    check("speaks", until(lambda: daemon.last(mark, event="state", state="speaking"), 40) is not None)
    Path("/shared/conversation").write_text(conversation() or "")
    print("cutting the power")
    sys.stdout.flush()
    os.sync()  # what is printed is to reach the host; the daemon's files are its own business
    ask_host("cut-power")
    time.sleep(600)


def after_the_power_cut() -> None:
    """The same disk again; then upgrade, remove, purge."""
    saved = list(Path("/var/lib/private/clonespeaker").iterdir())
    before = Path("/shared/conversation").read_text()
    check("its state is whole", before and any(before in each.read_text() for each in saved if each.is_file()), before)
    start_clone(KEY)
    daemon = Follower()
    check("starts after a power cut", until(lambda: daemon.connected(), 120), property_of("ActiveState"))
    ended, alike = turn(daemon)
    check("answers", ended and ended["outcome"] == "answered" and alike > ALIKE, f"{alike:.2f}")

    settings = (ETC / "config.yaml").read_text()
    begun_at = time.monotonic()
    print(sh("DEBIAN_FRONTEND=noninteractive dpkg --install /shared/newer.deb </dev/null", within_s=600))
    check("upgrades", "99." in sh("dpkg-query -W clonespeaker"), f"{time.monotonic() - begun_at:.0f} s")
    check("settings survive", (ETC / "config.yaml").read_text() == settings)
    check("runs on", until(lambda: property_of("ActiveState") == "active", 60) is not None)
    mark = len(daemon.events)
    until(lambda: daemon.connected(mark), 60)
    ended, _ = turn(daemon)
    check("answers", ended and ended["outcome"] == "answered")

    print(sh("dpkg --remove clonespeaker"))
    check("removed: stopped", property_of("ActiveState") == "inactive")
    check("removed: settings and key are kept", (ETC / "config.yaml").exists() and (ETC / "api-key").exists())
    check("removed: no modules left", not Path("/usr/lib/clonespeaker").exists())
    (ETC / "status-token").write_text("a secret, too")
    print(sh("dpkg --purge clonespeaker"))
    left = [
        path for path in (ETC, Path("/var/lib/private/clonespeaker"), Path("/var/lib/clonespeaker")) if path.exists()
    ]
    check("purged: nothing left", not left, left)


def unplug_and_plug(daemon: Follower) -> None:
    """The sound card goes and comes back."""
    mark, driver = len(daemon.events), "/sys/bus/platform/drivers/snd_aloop"
    subprocess.Popen(f"echo snd_aloop.0 >{driver}/unbind", shell=True)
    told = until(lambda: daemon.last(mark, event="fault", fault="no-microphone", active=True), 20)
    check("unplugged: told", told is not None, told and f"{told:.1f} s")
    until(lambda: "Loopback" not in Path("/proc/asound/cards").read_text(), 20)
    mark = len(daemon.events)
    sh(f"echo snd_aloop.0 >{driver}/bind")
    back = until(lambda: daemon.last(mark, event="fault", fault="no-microphone", active=False), 60)
    check("plugged in: heard of", back is not None, back and f"{back:.1f} s")
    until(lambda: no_faults(daemon), 30)
    ended, alike = turn(daemon)
    check("plugged in: answers", ended and ended["outcome"] == "answered" and alike > ALIKE, f"{alike:.2f}")
    check("without a restart", property_of("NRestarts") == "0")


def freeze(daemon: Follower) -> None:
    """The process stops, as a hang would; the service manager has to see it."""
    before, mark = conversation(), len(daemon.events)
    os.kill(int(property_of("MainPID")), 19)
    back = until(lambda: daemon.connected(mark), 120)
    check("frozen: started afresh", back is not None and property_of("NRestarts") == "1", back and f"{back:.0f} s")
    check("frozen: the watchdog did it", "watchdog" in sh("journalctl -b -u clonespeaker --grep -i watchdog").lower())
    until(lambda: no_faults(daemon), 30)
    check("frozen: in its conversation", before and conversation() == before, before)


def bad_settings() -> None:
    """Exit code 78 is not tried again."""
    good = (ETC / "config.yaml").read_text()
    (ETC / "config.yaml").write_text("clone: {slugg: x}\n")
    sh("systemctl restart clonespeaker")
    time.sleep(8)
    code, restarts = property_of("ExecMainStatus"), property_of("NRestarts")
    check(
        "bad settings: failed once, not again",
        (code, restarts, state()) == ("78", "0", "failed"),
        (code, restarts, state()),
    )
    (ETC / "config.yaml").write_text(good)
    sh("systemctl start clonespeaker")
    check("mended: starts", until(lambda: state() == "active", 60) is not None)


def real_time() -> None:
    """With the file that grants it; 2 is SCHED_RR."""
    drop_in = Path("/run/systemd/system/clonespeaker.service.d/realtime.conf")
    drop_in.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy("/usr/share/doc/clonespeaker/realtime.conf", drop_in)
    sh("systemctl daemon-reload; systemctl restart clonespeaker")
    running = until(lambda: state() == "active", 60) is not None
    policy = Path(f"/proc/{property_of('MainPID')}/stat").read_text().rpartition(")")[2].split()[38]
    check("real time, where it is asked for", running and policy == "2", policy)


def usb_card() -> None:
    """A USB card that is plugged in again has the name that the rules give it."""
    cards = Path("/proc/asound/cards")
    check("USB: named for what it does", "[Speaker " in cards.read_text())
    ask_host("unplug-usb")
    gone = until(lambda: "[Speaker " not in cards.read_text(), 30)
    ask_host("plug-usb")
    check("USB: the same name again", gone and until(lambda: "[Speaker " in cards.read_text(), 30), cards.read_text())


def lights(daemon: Follower) -> None:
    """A LED on a pin, through lgpio: by what share of the time it shines."""
    until(lambda: lamp(0.2) == 0, 10)
    seen = lamp(1.0)
    check("the lamp is dark while nothing goes on", seen == 0, f"{seen:.2f}")
    mark = len(daemon.events)
    press(True)
    until(lambda: daemon.last(mark, event="state", state="listening"), 20)
    seen = lamp(1.0)
    check("pulses, faintly, while it listens to silence", 0 < seen < 0.7, f"{seen:.3f}")
    press(False)
    until(lambda: daemon.last(mark, event="turn"), 60)
    until(lambda: no_faults(daemon), 60)  # that there was no sound is told for some seconds, and blinks
    sh("clonespeaker mute")
    until(lambda: lamp(0.2) == 1, 10)
    seen = lamp(1.0)
    check("steady while it is muted", seen == 1, f"{seen:.2f}")
    sh("clonespeaker unmute")
    until(lambda: lamp(0.2) == 0, 10)
    seen = lamp(1.0)
    check("and dark again", seen == 0, f"{seen:.2f}")


def no_faults(daemon: Follower) -> bool:
    """Whether the last word on every fault is that it is over."""
    snapshot = daemon.last(type="snapshot")
    if snapshot is None:
        return False
    there = set(snapshot["faults"])
    for event in daemon.events[daemon.events.index(snapshot) :]:
        if event.get("event") == "fault":
            (there.add if event["active"] else there.discard)(event["fault"])
    return not there


def owner() -> str:
    """The number of the user that the daemon runs as."""
    return sh(f"awk '/^Uid/ {{print $2}}' /proc/{property_of('MainPID')}/status")


def state() -> str:
    """The service's."""
    return property_of("ActiveState")


try:
    {"install": install, "live": live, "after-the-power-cut": after_the_power_cut}[sys.argv[1]]()
finally:
    if failed():
        print(sh("journalctl -b -u clonespeaker -u clonespeaker-provision -o cat --no-pager | tail -80"))
sys.exit(failed())
