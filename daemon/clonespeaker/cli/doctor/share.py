"""`--share`: what a bug report wants besides the findings, without what says whose device it is."""

from __future__ import annotations

import contextlib
import getpass
import importlib.metadata
import os
import platform
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from clonespeaker import __version__
from clonespeaker.cli.doctor.finding import Finding, of_this_machine, run
from clonespeaker.cli.doctor.scrub import Scrubber
from clonespeaker.cli.doctor.system import UNIT, pi_model
from clonespeaker.config.credentials import read_api_key, read_status_tokens
from clonespeaker.config.load import DEFAULT_PATH, Loaded, show
from clonespeaker.config.settings import Settings
from clonespeaker.errors import ClonespeakerError
from clonespeaker.state import StateDir

_LIBRARIES = "PyAudio aiohttp av gpiozero lgpio msgspec numpy prometheus-client PyYAML soxr websockets".split()
_JOURNAL_LINES = 60
# Settings whose values tell whose device it is.
_TELLING = ("slug", "instance_slug", "conversation_id", "user_email", "image_url")
_PUBLIC_HOSTS = {"api.delphi.ai", "api.withdelphi.com", "127.0.0.1", "localhost", "::1"}
_USB = Path("/sys/bus/usb/devices")


def report(
    findings: Sequence[Finding],
    loaded: Loaded | None,
    config: Path | None,
    names: Sequence[str],
    environ: Mapping[str, str],
) -> dict[str, Any]:
    """Everything, scrubbed. Blocks.

    Args:
        findings: of the doctor.
        loaded: the settings; None where they can't be read.
        config: their file; None: the usual one.
        names: what else must not be told: the clone's name, words of the daemon's.
        environ: the environment.
    """
    known = [*_of_settings(loaded, config or DEFAULT_PATH, environ), *_of_this_machine()]
    scrubber = Scrubber([*known, *((name, "<clone>") for name in names)])
    journal = run(
        ["journalctl", "-u", UNIT, "-n", str(_JOURNAL_LINES), "--no-pager", "--no-hostname", "-o", "short-iso"]
    )
    return {
        "ok": all(finding.result != "failed" for finding in findings),
        "versions": scrubber.value(_versions()),
        "findings": [scrubber.value(asdict(finding)) for finding in findings],
        "settings": scrubber.text(show(loaded) if loaded else "can't be read").splitlines(),
        "journal": scrubber.text(journal[1] if journal else "no journalctl here").splitlines(),
    }


def as_text(report: dict[str, Any]) -> str:
    """The same, to be read."""
    lines = [
        "clonespeaker doctor --share. Secrets, names, addresses and ids were taken out; look it over all the same.",
        "",
    ]
    lines += ["## versions", *(f"{name}: {words}" for name, words in report["versions"].items()), ""]
    lines += ["## findings"]
    for finding in report["findings"]:
        lines.append(f"{finding['result']:7}  {finding['name']}: {finding['words']}")
        lines += [f"         → {finding['remedy']}"] if finding["remedy"] else []
        lines += [f"         ({' '.join(finding['detail'].split())})"] if finding["detail"] else []
    lines += ["", "## settings", *report["settings"], "", "## journal", *report["journal"]]
    return "\n".join(lines)


def _versions() -> dict[str, str]:
    os_release = of_this_machine(Path("/etc/os-release")) or ""
    system = re.search(r'(?m)^PRETTY_NAME="?(.*?)"?$', os_release)
    versions = {
        "clonespeaker": __version__,
        "Python": platform.python_version(),
        "system": system[1] if system else "?",
        "kernel": f"{platform.release()} {platform.machine()}",
        "model": pi_model() or "no Raspberry Pi",
        "PortAudio": _portaudio(),
    }
    for name in _LIBRARIES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


def _portaudio() -> str:
    try:
        import pyaudio

        return str(pyaudio.get_portaudio_version_text()).partition(",")[0]
    except (ImportError, OSError):
        return "?"


def _lines_of(path: Path) -> list[str]:
    return (of_this_machine(path) or "").splitlines()


def _of_settings(loaded: Loaded | None, path: Path, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What settings, files and environment have that must not be told."""
    for name, value in environ.items():
        if name.endswith(("API_KEY", "TOKEN", "PASSWORD", "SECRET")):
            yield value, "<secret>"
    if loaded is not None:
        yield from _in_force(loaded.settings, environ)
    for name, value in environ.items():
        if re.search("|".join(_TELLING), name.rpartition("__")[2].lower()):
            yield value, "<setting>"
    for line in _lines_of(path):  # also of a file that is no good
        for told in re.finditer(rf"\b({'|'.join(_TELLING)})[\"']?\s*:\s*[\"']?([^\s\"',}}]+)", line):
            yield told[2], "<setting>"


def _in_force(settings: Settings, environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    clone = settings.clone
    with contextlib.suppress(ClonespeakerError):
        yield read_api_key(settings, environ), "<key>"
    with contextlib.suppress(ClonespeakerError):
        for token in read_status_tokens(settings):
            yield token or "", "<token>"
    saved = StateDir(Path(settings.state_dir)).load().conversation
    for ours in (clone, saved):
        if ours is not None:
            yield ours.conversation_id or "", "<conversation>"
            yield ours.slug or "", "<slug>"
            yield ours.instance_slug or "", "<slug>"
            yield ours.user_email or "", "<e-mail>"
            host = urlsplit(ours.base_url).hostname or ""
            yield "" if host in _PUBLIC_HOSTS else host, "<host>"
    yield clone.image_url or "", "<url>"
    yield urlsplit(clone.image_url or "").hostname or "", "<host>"
    yield "" if settings.status.host in (*_PUBLIC_HOSTS, "0.0.0.0", "::") else settings.status.host, "<host>"
    for origin in settings.status.allowed_origins:
        yield origin, "<url>"
        yield urlsplit(origin).hostname or "", "<host>"


def _of_this_machine() -> Iterator[tuple[str, str]]:
    name = socket.gethostname()
    yield name, "<host>"
    yield name.partition(".")[0], "<host>"
    with contextlib.suppress(KeyError, OSError):
        yield getpass.getuser(), "<user>"
    yield os.environ.get("SUDO_USER", ""), "<user>"
    yield Path(os.environ.get("HOME", "/root")).name, "<user>"
    for serial in _USB.glob("*/serial"):
        number = of_this_machine(serial) or ""
        yield number if len(number) >= 5 else "", "<serial>"  # many devices say 0001, and that is in other words
