"""The step for the service: systemd's clonespeaker.service stopped, started, and how it is."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from clonespeaker.cli.setup.dialogue import Dialogue
from clonespeaker.cli.terminal import say
from clonespeaker.config.credentials import SERVICE_KEY
from clonespeaker.config.load import DEFAULT_PATH
from clonespeaker.errors import ClonespeakerError, OutputError

UNIT = "clonespeaker.service"
_CALL_S = 150.0  # a start waits for the unit's own limit, 90 s, and the provisioning's before it, 45 s
_STARTS_WITHIN_S = 100.0
_LOOK_EVERY_S = 0.25
_LINES = 12


class Service:
    """The daemon as systemd knows it. All methods block."""

    def __init__(self) -> None:
        self._ours_to_start = False  # because we stopped it

    def is_known(self) -> bool:
        """Whether there is a systemd here, with a unit of ours."""
        return self._told().get("LoadState") == "loaded"

    def runs(self) -> bool:
        """Whether it is up, or about to be."""
        return self._told().get("ActiveState") in ("active", "activating", "reloading")

    @contextlib.contextmanager
    def stopped(self, talk: Dialogue) -> Iterator[None]:
        """Meanwhile it does not hold cards and pins; it is started again, however the block ends.

        Raises:
            ClonespeakerError: it can't be stopped.
        """
        if not self.runs():
            yield
            return
        question = "The clonespeaker service runs and holds the sound cards. Stop it meanwhile?"
        if talk.asks and not talk.yes(question):
            yield
            return
        try:
            self._ours_to_start = True
            self._do("stop", UNIT)
            talk.tell("The service is stopped meanwhile; it is started again, however this ends.")
            yield
        except BaseException:
            with contextlib.suppress(OutputError):  # the terminal may be gone
                try:
                    self._start_again(talk)
                except ClonespeakerError as error:
                    talk.warn(str(error))
            raise  # what went wrong before
        self._start_again(talk)

    def _start_again(self, talk: Dialogue) -> None:
        if not self._ours_to_start:
            return
        with contextlib.suppress(OutputError):  # the terminal may be gone
            talk.tell("Starting the service again.")
        self._do("start", UNIT)

    def start(self, talk: Dialogue, config: Path) -> bool:
        """Start it, now and at each boot; where it runs, start it anew. Whether all is well.

        Raises:
            ClonespeakerError: systemd refuses.
        """
        if not self.is_known():
            talk.tell("There is no clonespeaker service on this machine (systemd/README.md installs it). By hand: "
                      f"clonespeaker run{_config(config)}")  # fmt: skip
            return True
        if config.absolute() != DEFAULT_PATH:
            talk.warn(f"The service reads {DEFAULT_PATH}, not {config}.")
        anew = self.runs() or self._ours_to_start
        question = "Start the service anew?" if anew else "Start the service now, and at each boot?"
        if talk.asks and not talk.yes(question):
            return True
        self._ours_to_start = False
        failure = self._try("restart", UNIT) if anew else self._try("enable", "--now", UNIT)
        return self._is_well(talk, failure)

    def _is_well(self, talk: Dialogue, failure: str) -> bool:
        give_up_at = time.monotonic() + _STARTS_WITHIN_S
        while (state := self._told()).get("ActiveState") == "activating" and time.monotonic() < give_up_at:
            time.sleep(_LOOK_EVERY_S)
        if state.get("ActiveState") == "active" and not failure:
            talk.tell(f"The service runs: {state.get('StatusText') or 'ready'}")
            return True
        talk.warn(failure or f"The service does not run: it is {state.get('ActiveState', 'unknown')}.")
        if not SERVICE_KEY.exists():
            talk.warn(f"There is no {SERVICE_KEY}, where it takes the key from; setup --only clone asks for one.")
        if lines := _journal():
            talk.tell("The last that it said (journalctl -u clonespeaker has the rest):")
            say(lines)
        return False

    def _told(self) -> dict[str, str]:
        done = _call("show", UNIT, "--property=LoadState,ActiveState,StatusText")
        return dict(line.partition("=")[::2] for line in done.stdout.splitlines()) if done is not None else {}

    def _do(self, *arguments: str) -> None:
        if failure := self._try(*arguments):
            raise ClonespeakerError(failure)

    def _try(self, *arguments: str) -> str:
        """Why it failed, or ""."""
        done = _call(*arguments)
        assert done is not None  # it has been asked before
        if done.returncode == 0:
            return ""
        why = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        return f"systemctl {' '.join(arguments)} failed: {why}"


def _config(path: Path) -> str:
    return "" if path.absolute() == DEFAULT_PATH else f" --config {path}"


def _journal() -> str:
    if shutil.which("journalctl") is None:
        return ""
    done = subprocess.run(
        ["journalctl", "--unit", UNIT, "--lines", str(_LINES), "--no-pager", "--output", "cat"],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_CALL_S,
        check=False,
    )
    return done.stdout.rstrip()


def _call(*arguments: str) -> subprocess.CompletedProcess[str] | None:
    """What systemctl answers; None where there is no such program."""
    if shutil.which("systemctl") is None:
        return None
    try:
        return subprocess.run(
            ["systemctl", "--no-ask-password", *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_CALL_S,
            check=False,
            start_new_session=True,  # a Ctrl-C at the terminal is for us alone
        )
    except subprocess.TimeoutExpired as error:
        raise ClonespeakerError(f"systemctl {' '.join(arguments)} does not return; see systemctl status") from error
