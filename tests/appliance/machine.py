"""A machine that behaves like a Pi, in qemu: `build-image.sh` makes it, this boots it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

_LOOK_EVERY_S = 0.05
_USB_CARD = {"driver": "usb-audio", "id": "usbsound", "bus": "xhci.0", "audiodev": "silence"}


class Machine:
    """One machine, whose disk lasts over boots and power cuts.

    Args:
        image: the directory that `build-image.sh` has filled.
        work: for its disk, its boot partition and what it shares with the host; emptied.
    """

    def __init__(self, image: Path, work: Path) -> None:
        shutil.rmtree(work, ignore_errors=True)
        self.share = work / "share"
        self.share.mkdir(parents=True)
        self._image = image
        self._disk, self._boot_partition = work / "disk.qcow2", work / "boot.img"
        self._monitor = work / "monitor"
        base = ["-b", str((image / "disk.img").resolve()), "-F", "raw"]
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *base, self._disk], check=True)
        with open(self._boot_partition, "wb") as empty:
            empty.truncate(64 << 20)
        subprocess.run(["mkfs.vfat", "-n", "BOOTFS", self._boot_partition], check=True, stdout=subprocess.DEVNULL)

    def put_on_card(self, name: str, content: bytes) -> None:
        """Write a file onto its boot partition, as any computer would."""
        target = ["-i", str(self._boot_partition), "-o", "-", f"::{name}"]
        subprocess.run(["mcopy", *target], input=content, check=True)

    def boot(self, stage: str, *, within_s: float) -> tuple[int | None, str]:
        """Run the scenario's `stage` in it, until it powers itself off or its power is cut.

        Returns:
            The scenario's exit code (None: it did not come to an end) and what it has printed.
        """
        for name in ("exit-code", "output", "request"):
            (self.share / name).unlink(missing_ok=True)
        machine = subprocess.Popen(self._command(stage))
        end_at = time.monotonic() + within_s
        try:
            while machine.poll() is None and time.monotonic() < end_at:
                self._obey(machine)
                time.sleep(_LOOK_EVERY_S)
        finally:
            machine.kill()
            machine.wait()
        code = self.share / "exit-code"
        output = self.share / "output"
        return int(code.read_text()) if code.exists() else None, output.read_text() if output.exists() else ""

    def _command(self, stage: str) -> list[str]:
        kernel = "root=/dev/vda rw console=ttyS0 net.ifnames=0 random.trust_cpu=on"
        kernel += " mitigations=off nokaslr apparmor=0 audit=0"  # quicker, where the processor is emulated
        usb_card = ",".join([_USB_CARD["driver"], *(f"{key}={_USB_CARD[key]}" for key in ("id", "bus", "audiodev"))])
        return [
            *("qemu-system-x86_64", "-M", "q35", "-smp", "2", "-m", "1024", "-display", "none", "-no-reboot"),
            *("-nodefaults", "-nic", "none", "-serial", f"file:{self.share / 'console'}"),
            *("-accel", os.environ.get("ACCEL", "tcg,thread=multi,tb-size=512"), "-cpu", "max"),
            *("-kernel", str(self._image / "vmlinuz"), "-initrd", str(self._image / "initrd.img")),
            *("-append", f"{kernel} appliance={stage}"),
            *("-drive", f"file={self._disk},format=qcow2,if=virtio,cache=writeback"),
            *("-drive", f"file={self._boot_partition},format=raw,if=virtio"),
            *("-virtfs", f"local,path={self.share},mount_tag=shared,security_model=none,id=shared"),
            *("-device", "virtio-rng-pci", "-device", "qemu-xhci,id=xhci", "-audiodev", "none,id=silence"),
            *("-device", usb_card, "-qmp", f"unix:{self._monitor},server=on,wait=off"),
        ]

    def _obey(self, machine: subprocess.Popen[bytes]) -> None:
        """Do what the machine asks for: what nobody can do to oneself."""
        request = self.share / "request"
        if not request.exists() or not (wanted := request.read_text().strip()):
            return
        if wanted == "cut-power":
            machine.kill()
        elif wanted == "unplug-usb":
            self._tell_monitor("device_del", {"id": _USB_CARD["id"]})
        elif wanted == "plug-usb":
            self._tell_monitor("device_add", _USB_CARD)
        request.unlink(missing_ok=True)

    def _tell_monitor(self, command: str, arguments: dict[str, str]) -> None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(10)
            connection.connect(str(self._monitor))
            lines = connection.makefile("rw")
            lines.readline()
            for each in ({"execute": "qmp_capabilities"}, {"execute": command, "arguments": arguments}):
                lines.write(json.dumps(each) + "\n")
                lines.flush()
                lines.readline()
