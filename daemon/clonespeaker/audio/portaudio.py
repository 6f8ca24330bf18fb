"""PortAudio: streams of sound devices. The only importer of PyAudio.

Where a card refuses 44.1 kHz or mono, the nearest that it takes is opened; whoever uses the stream converts.

PortAudio and ALSA write notes of their own to file descriptor 2 while they enumerate and open; those are kept off the
terminal and the journal, and shown where something fails.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from clonespeaker.audio.devices import (
    RATES_HZ,
    Device,
    Direction,
    card_of,
    cards_held,
    devices_there,
    holder,
    match,
    shapes,
)
from clonespeaker.audio.stream import Fill, OnBlock, Stream
from clonespeaker.errors import DeviceError

log = logging.getLogger(__name__)

_INVALID_RATE, _INVALID_CHANNELS, _UNAVAILABLE = -9997, -9998, -9985  # PortAudio's error numbers
_FRESH_S = 0.5  # so soon after it was opened, a device is taken to be still there
# PortAudio keeps its streams in a list that knows no threads: two opened at once have crashed the process. And there
# is one file descriptor 2. Starting, stopping and asking concern a stream alone.
_one_at_a_time = threading.RLock()


class SoundSystem:
    """PortAudio, initialised when it is first needed. New devices appear only after a `refresh`."""

    def __init__(self) -> None:
        import pyaudio

        self._pyaudio = pyaudio
        self._initialised: Any = None
        self.notes = _Notes()
        """What PortAudio and ALSA had to say while they looked around."""

    @property
    def _portaudio(self) -> Any:
        if self._initialised is None:
            with _quiet() as self.notes:
                try:
                    self._initialised = self._pyaudio.PyAudio()
                except OSError as error:
                    raise DeviceError(
                        "speaker", f"the sound system can't be used ({error}); clonespeaker doctor tells more"
                    ) from error
        return self._initialised

    def there(self) -> object:
        """What devices and sound servers there are: differs where one has come or gone since. Quick."""
        return devices_there()

    def held(self) -> object:
        """Which cards other programs hold: differs where one has been taken or set free since. Quick."""
        return cards_held()

    def refresh(self) -> None:
        """Look for devices anew; no stream is open. Blocks.

        Not more often than needed: plugins of ALSA's (a52) leak some kilobytes whenever PortAudio looks at them.
        """
        self.close()
        _ = self._portaudio

    def close(self) -> None:
        """Give PortAudio back; no stream is open."""
        initialised, self._initialised = self._initialised, None
        if initialised is not None:
            with _one_at_a_time:
                initialised.terminate()

    def devices(self) -> list[Device]:
        """All that there are, in PortAudio's order."""
        return [self._device(index) for index in range(self._portaudio.get_device_count())]

    def _device(self, index: int) -> Device:
        info = self._portaudio.get_device_info_by_index(index)
        card = card_of(info["name"])
        return Device(
            index=index,
            name=info["name"],
            card_id=card.id,
            is_usb=card.is_usb,
            usb_port=card.usb_port,
            microphone_channels=info["maxInputChannels"],
            speaker_channels=info["maxOutputChannels"],
            default_rate_hz=int(info["defaultSampleRate"]),
        )

    def find(self, wanted: str, direction: Direction) -> list[Device]:
        """The devices that `wanted` may mean, best first.

        Raises:
            DeviceError: none; says which there are.
        """
        able = [device for device in self.devices() if device.channels(direction)]
        found = match(able, wanted, default_index=self._default_index(direction))
        if found:
            return found
        names = ", ".join(sorted({device.stable_name for device in able})) or "none at all"
        if wanted == "auto" or not able:
            raise DeviceError(
                direction,
                f"no {direction} found; plug one in (clonespeaker devices lists what there is)",
                detail=self.notes.strip(),
            )
        if wanted.startswith("usb:"):
            ports = ", ".join(sorted({f"usb:{device.usb_port}" for device in able if device.usb_port})) or "none at all"
            raise DeviceError(
                direction,
                f"no {direction} sits in {wanted!r}; there are: {ports}. Plug it in there, or set {direction}.device",
            )
        raise DeviceError(
            direction, f"no {direction} is called {wanted!r}; there are: {names}. Set {direction}.device to one of them"
        )

    def _default_index(self, direction: Direction) -> int | None:
        ask = "get_default_input_device_info" if direction == "microphone" else "get_default_output_device_info"
        try:
            return int(getattr(self._portaudio, ask)()["index"])
        except OSError:
            return None

    def open_microphone(self, wanted: str, *, period_ms: float, on_block: OnBlock) -> Stream:
        """A stream that captures, not started. Raises DeviceError."""
        return self._open(wanted, "microphone", period_ms, on_block)

    def open_speaker(self, wanted: str, *, period_ms: float, fill: Fill) -> Stream:
        """A stream that plays, not started. Raises DeviceError."""
        return self._open(wanted, "speaker", period_ms, fill)

    def _open(self, wanted: str, direction: Direction, period_ms: float, call: Any) -> Stream:
        failures: list[DeviceError] = []
        for device in self.find(wanted, direction):
            try:
                return self._open_device(device, direction, period_ms, call)
            except DeviceError as error:
                failures.append(error)
        raise failures[0]

    def _open_device(self, device: Device, direction: Direction, period_ms: float, call: Any) -> Stream:
        """With the first rate and channel count that the device takes."""
        refused: OSError | None = None
        with _quiet() as notes:
            for rate_hz, channels in shapes(device, direction):
                try:
                    return _PortAudioStream(
                        self._portaudio, self._pyaudio, device, direction, rate_hz, channels, period_ms, call
                    )
                except OSError as error:
                    refused = error
                    if error.errno not in (_INVALID_RATE, _INVALID_CHANNELS):
                        break
        assert refused is not None
        detail = f"{refused}; {notes}".strip("; \n")
        if refused.errno == _UNAVAILABLE:
            raise DeviceError(
                direction,
                f"the {direction} {device.stable_name!r} is busy{holder(device)}; stop what uses it, or choose another "
                f"card ({direction}.device)",
                busy=True,
                detail=detail,
            ) from refused
        raise DeviceError(
            direction,
            f"the {direction} {device.stable_name!r} can't be opened ({refused.args[-1]}); "
            f"clonespeaker doctor tells more",
            detail=detail,
        ) from refused

    def rates_hz(self, device: Device, direction: Direction) -> list[int]:
        """The usual rates that the device takes, lowest first."""
        side = "input" if direction == "microphone" else "output"
        taken = []
        with _quiet():
            for rate_hz in sorted(RATES_HZ):
                shape = {
                    f"{side}_device": device.index,
                    f"{side}_channels": min(2, device.channels(direction)),
                    f"{side}_format": self._pyaudio.paInt16,
                }
                with contextlib.suppress(ValueError):
                    self._portaudio.is_format_supported(rate_hz, **shape)
                    taken.append(rate_hz)
        return taken


class _PortAudioStream:
    """A `Stream` of PortAudio's. Opening raises OSError, as PyAudio does."""

    def __init__(
        self,
        portaudio: Any,
        pyaudio: Any,
        device: Device,
        direction: Direction,
        rate_hz: int,
        channels: int,
        period_ms: float,
        call: Any,
    ) -> None:
        self.device, self.rate_hz, self.channels = device.stable_name, rate_hz, channels
        self._direction = direction
        captures = direction == "microphone"
        self._open = partial(
            portaudio.open,
            rate=rate_hz,
            channels=channels,
            format=pyaudio.paInt16,
            input=captures,
            output=not captures,
            input_device_index=device.index if captures else None,
            output_device_index=None if captures else device.index,
            frames_per_buffer=round(rate_hz * period_ms / 1_000),
            start=False,
            stream_callback=self._captured if captures else self._wanted,
        )
        self._stream = self._open()
        self._opened_at = time.monotonic()
        self._call = call
        self._go_on = pyaudio.paContinue
        self._overflow, self._underflow = pyaudio.paInputOverflow, pyaudio.paOutputUnderflow

    def _captured(self, data: bytes, frames: int, when: dict[str, float], status: int) -> tuple[None, int]:
        # Thread: PortAudio.
        self._call(data, when["current_time"] - when["input_buffer_adc_time"], bool(status & self._overflow))
        return None, self._go_on

    def _wanted(self, _: None, frames: int, when: dict[str, float], status: int) -> tuple[bytes, int]:
        # Thread: PortAudio.
        delay_s = when["output_buffer_dac_time"] - when["current_time"]
        return self._call(frames, delay_s, bool(status & self._underflow)), self._go_on

    def start(self) -> None:
        try:
            if time.monotonic() - self._opened_at > _FRESH_S and not self._stream.is_active():
                # Where the device has gone meanwhile, opening it says so. Starting the stream of old would never
                # return: PortAudio 19.6 starts it on a thread of its own, and where that fails, the thread ends
                # with the mutex that Pa_StartStream waits for (CallbackThreadFunc in pa_linux_alsa.c).
                with _quiet():
                    self._stream.close()
                    self._stream = self._open()
                self._opened_at = time.monotonic()
            if not self._stream.is_active():
                self._stream.start_stream()
        except OSError as error:
            raise DeviceError(
                self._direction, f"the {self._direction} {self.device!r} does not start ({error})"
            ) from error

    def is_active(self) -> bool:
        with contextlib.suppress(OSError):
            return bool(self._stream.is_active())
        return False

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.stop_stream()

    def close(self) -> None:
        with _one_at_a_time, contextlib.suppress(OSError):
            self._stream.close()


class _Notes:
    text = ""

    def strip(self) -> str:
        return self.text.strip()

    def __str__(self) -> str:
        return self.strip()


@contextlib.contextmanager
def _quiet() -> Iterator[_Notes]:
    """Keep what is written to file descriptor 2 meanwhile; readable afterwards."""
    notes = _Notes()
    with _one_at_a_time, os.fdopen(os.memfd_create("notes"), "w+b") as kept:  # no disk: that may be full
        terminal = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield notes
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            kept.seek(0)
            notes.text = kept.read().decode(errors="replace")
            log.debug("portaudio: %s", notes)
