"""What can go wrong, named.

Every error a user can cause or meet is one of these; each says what happened and what to do. Anything else
that is raised is our own bug, and crashes.

    ClonespeakerError          exit 1
    ├── ConfigError            exit 78   settings that can't be used; holds every problem at once
    ├── DeviceError            exit 1    microphone, speaker, button, lights
    ├── StuckError             exit 1    the sound system hangs; only a fresh process can help
    ├── StateError             exit 1    the state directory or another daemon in it
    ├── CardError              exit 1    the boot partition, or where settings go: full, read-only, broken
    ├── StatusError            exit 1    the local websocket: port taken, no daemon there, command refused
    ├── OutputError            exit 1    standard output takes no more: a full disk, a reader that has gone
    ├── MediaError             exit 1    sound that can't be read or written (a broken WAV, no codec, a full disk)
    └── CloneError             exit 1, 69 (can't be reached) or 77 (refused)
"""

from __future__ import annotations

from collections.abc import Sequence

EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 69
EXIT_REFUSED = 77
EXIT_CONFIG = 78

FAULTS = {
    "no-microphone": "I have no microphone.",
    "no-speaker": "I have no speaker.",
    "button-stuck": "My button seems to be stuck.",
    "muted": "My microphone is muted.",
    "offline": "I can't reach my server.",
    "refused": "My key was refused.",
    "prerequisites": "I'm not ready to talk yet.",
    "no-clone": "I don't know who I am.",
    "no-conversation": "I lost the thread of our conversation.",
    "busy": "I'm very busy right now.",
    "rejected": "I couldn't take what you said.",
    "server-error": "Something went wrong on my side.",
    "reply-broken": "My answer broke off.",
    "no-codec": "I can't play my own voice.",
    "no-sound": "I hear nothing at all.",
    "too-loud": "That was too loud for me.",
    "too-quiet": "I could hardly hear you.",
    "nothing-heard": "I heard nothing.",
}
"""Name → what a person is told in English, for every fault that the protocol may carry; `words/` has all languages."""

HINTS = frozenset({"no-sound", "too-loud", "too-quiet", "nothing-heard"})
"""Faults of the last utterance, not of the device (`audio/loudness.py` has the rules). A hint begins where the
utterance ends, and is over with the next press, or by itself 20 s after the turn; so no lamp blinks all night for
somebody who whispered. `/healthz` leaves hints out. `no-sound` fails its turn, and `nothing-heard` ends one that
waited for somebody to speak (tap mode), for nothing was said that could be answered; the others let it go on."""


class ClonespeakerError(Exception):
    """Something a user can cause or meet. `str(error)` says what happened and what to do.

    Attributes:
        fault: name in `FAULTS` under which the daemon tells it, or None where only a command meets it.
        detail: what a technician wants besides (the server's own words, an errno), or "".
        exit_code: what a command that ends by this error exits with.
    """

    exit_code = EXIT_FAILED

    def __init__(self, message: str, *, fault: str | None = None, detail: str = "") -> None:
        super().__init__(message)
        self.fault = fault
        self.detail = detail


class ConfigError(ClonespeakerError):
    """Settings that can't be used. `problems` holds all of them, each naming file, line, key and remedy."""

    exit_code = EXIT_CONFIG

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class DeviceError(ClonespeakerError):
    """A sound device or button that can't be used.

    Attributes:
        device: "microphone", "speaker", "button" or "lights".
        busy: it exists, but another program holds it.
    """

    def __init__(self, device: str, message: str, *, busy: bool = False, detail: str = "") -> None:
        fault = {"microphone": "no-microphone", "speaker": "no-speaker"}.get(device)
        super().__init__(message, fault=fault, detail=detail)
        self.device = device
        self.busy = busy


class StuckError(ClonespeakerError):
    """A call into the sound system does not return; only a fresh process can help."""


class StateError(ClonespeakerError):
    """The state directory can't be used, or another daemon uses it."""


class CardError(ClonespeakerError):
    """What was left on the boot partition is right, but can't be taken over, or can't be cleared away there."""


class StatusError(ClonespeakerError):
    """The local websocket: the port is taken, no daemon answers, or a command was refused.

    Attributes:
        code: the protocol's error code where the daemon refused a command, else "".
    """

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class OutputError(ClonespeakerError):
    """Standard output can't be written.

    Attributes:
        reader_gone: somebody read it (`clonespeaker history | head`), and had enough; nobody wants to be told.
    """

    def __init__(self, message: str, *, reader_gone: bool = False) -> None:
        super().__init__(message)
        self.reader_gone = reader_gone


class MediaError(ClonespeakerError):
    """Sound that can't be read: not a WAV, a truncated one, a codec that is not installed; or can't be written."""


class CloneError(ClonespeakerError):
    """The clone could not be reached, refused, or broke off.

    Attributes:
        retryable: the same request may well succeed a moment later.
        status: the HTTP status, or None where none came.
        retry_after_s: how long the server asked to wait, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        fault: str,
        retryable: bool = False,
        status: int | None = None,
        retry_after_s: float | None = None,
        detail: str = "",
    ) -> None:
        super().__init__(message, fault=fault, detail=detail)
        self.retryable = retryable
        self.status = status
        self.retry_after_s = retry_after_s

    def with_words(self, words: str) -> CloneError:
        """The same with something more to say."""
        return CloneError(
            f"{self}; {words}",
            fault=self.fault or "rejected",
            retryable=self.retryable,
            status=self.status,
            retry_after_s=self.retry_after_s,
            detail=self.detail,
        )

    @property
    def exit_code(self) -> int:  # type: ignore[override]
        """69 where nobody answered, 77 where the key or the clone's prerequisites are at fault, else 1."""
        return {
            "offline": EXIT_UNREACHABLE,
            "refused": EXIT_REFUSED,
            "prerequisites": EXIT_REFUSED,
        }.get(self.fault or "", EXIT_FAILED)
