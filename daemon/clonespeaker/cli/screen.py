"""The demo's screen: what the status protocol tells, in a terminal."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

from clonespeaker.cli.terminal import coloured, draw, say
from clonespeaker.errors import OutputError
from clonespeaker.timeline import in_words

_SIGNS = {
    "starting": ("○", "dim"),
    "idle": ("○", "dim"),
    "listening": ("●", "red"),
    "thinking": ("◌", "yellow"),
    "speaking": ("◉", "green"),
}
_QUIETEST_DBFS = -60.0
_BAR = 30


class Screen:
    """Lines as things happen, and, while `live`, one line at the bottom that moves.

    Args:
        quiet: show nothing; `turn_over` still tells.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._live = False
        self._state = "idle"
        self._levels = {"microphone": _QUIETEST_DBFS, "speaker": _QUIETEST_DBFS}
        self._over: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

    def on_event(self, event: str, **fields: Any) -> None:
        """An event of the status protocol."""
        if event == "turn" and not self._over.done():
            self._over.set_result(fields)
        if self._quiet:
            return
        match event:
            case "state":
                self._state = fields["state"]
                self._levels = dict.fromkeys(self._levels, _QUIETEST_DBFS)
                if not self._live and self._state != "idle":
                    self._line(self._words())
            case "level":
                self._levels[fields["source"]] = fields["dbfs"]
            case "caption" if fields["final"]:
                self._line(f"{'you  ' if fields['who'] == 'user' else 'clone'}: {fields['text']}")
            case "turn" if self._live:
                self._line(coloured(f"turn {fields['turn']} {fields['outcome']}: {in_words(fields)}", "dim"))
            case "fault" if fields["active"]:
                self._line(coloured(fields["detail"], "red"))
            case "settings" if "muted" in fields:
                self._line(f"the microphone is {'muted' if fields['muted'] else 'open'}")
            case "settings" if "volume" in fields:
                self._line(f"volume {fields['volume']}")
        self._draw()

    async def turn_over(self) -> dict[str, Any]:
        """The fields of the next turn that ends."""
        return await self._over

    @contextlib.contextmanager
    def live(self) -> Iterator[None]:
        """With the moving line, until the block ends."""
        self._live = True
        self._draw()
        try:
            yield
        finally:
            self._live = False
            say()

    def _words(self) -> str:
        sign, colour = _SIGNS[self._state]
        return coloured(f"{sign} {self._state}", colour)

    def _line(self, text: str) -> None:
        with contextlib.suppress(OutputError):  # whoever read this may have gone; the turn goes on all the same
            if self._live:
                draw("\r\033[K")
            say(text)

    def _draw(self) -> None:
        if self._live:
            source = "speaker" if self._state == "speaking" else "microphone"
            loud = 1 - max(self._levels[source], _QUIETEST_DBFS) / _QUIETEST_DBFS
            bar = "▮" * round(loud * _BAR) if self._state in ("listening", "speaking") else ""
            draw(f"\r\033[K{self._words()} {bar}")
