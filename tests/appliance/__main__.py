"""`make appliance`: the package in a machine that behaves like a Pi, from the first installation to the last purge.

python -m tests.appliance IMAGE PACKAGE     exit code 1 where something is not as it should be
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from tests.appliance.machine import Machine
from tests.appliance.newer import make_newer

GUEST = Path(__file__).parent / "guest"
KEY = "dsk-appliance-0123456789"
SETTINGS = """\
# Written on another computer.
clone:
  base_url: http://127.0.0.1:8700
  slug: my-clone
microphone: {device: Loopback}
speaker: {device: Loopback, volume: 100}
lights: {kind: led, pins: [GPIO27], brightness: 100}
"""
WITHIN_S = 900.0


def main() -> int:
    """Each stage is a boot; the disk stays."""
    image, package = Path(sys.argv[1]), Path(sys.argv[2])
    machine = Machine(image, image / "machine")
    for script in GUEST.glob("*.py"):
        shutil.copy(script, machine.share)
    shutil.copy(package, machine.share / "clonespeaker.deb")
    make_newer(package, machine.share / "newer.deb")
    (machine.share / "key").write_text(KEY)

    def stage(name: str, *, power_is_cut: bool = False) -> bool:
        begun_at = time.monotonic()
        code, output = machine.boot(name, within_s=WITHIN_S)
        print(f"--- {name}, {time.monotonic() - begun_at:.0f} s\n{output}", end="", flush=True)
        if power_is_cut:
            return code is None and output.endswith("cutting the power\n") and "\nFAILED" not in output
        return code == 0

    if not stage("install"):
        return 1
    machine.put_on_card("clonespeaker.yaml", SETTINGS.replace("\n", "\r\n").encode("utf-8-sig"))
    machine.put_on_card("clonespeaker.key", f"{KEY}\r\n".encode())
    good = stage("live", power_is_cut=True) and stage("after-the-power-cut")
    print("all as it should be" if good else "NOT as it should be")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
