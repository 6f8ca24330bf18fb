"""Writes hardware/boards.md from the board files.

`PYTHONPATH=daemon python -m hardware.table > hardware/boards.md`
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from msgspec import UNSET

from clonespeaker.config.boards import Board, read

_BOARDS = Path(__file__).parent / "boards"

_HEAD = """\
# Sound boards for the header

<!-- Written from hardware/boards/*.yaml by `python -m hardware.table`; a test holds both together. -->

`board: NAME` in the settings fills in `microphone.device`, `speaker.device`, `button.pin`, `button.pull` and, unless
you set `lights.kind`, the lights, as far as the board has them and you left them empty; `clonespeaker config show`
tells where each comes from. The lines go to the end of `/boot/firmware/config.txt`, then restart.

**None of these boards was tried by this project.** The facts are their makers' and the kernel's, as linked; what no
source was found for is said to be missing. If you have one: run the [tests part by
part](README.md#test-it-part-by-part), and tell us.
"""


def page() -> str:
    """The page, as Markdown."""
    boards = {path.stem: read(path.read_bytes()) for path in sorted(_BOARDS.glob("*.yaml"))}
    lines = [_HEAD, "| `board:` | what | button | card | lights |", "|---|---|---|---|---|"]
    lines += [f"| [`{name}`](#{name}) | {board.title} | {' | '.join(_row(board))} |" for name, board in boards.items()]
    for name, board in boards.items():
        lines += ["", f"## {name}", "", f"{board.title}: {'; '.join(board.has)}.", "", *_section(board)]
    return "\n".join(lines) + "\n"


def _row(board: Board) -> Iterator[str]:
    button = board.settings.button
    yield "none" if button is UNSET else f"{button.pin}, pull {button.pull}"
    yield ", ".join(f"`{card.id}`" for card in board.cards) or "whatever is on USB"
    yield ", ".join(f"{lights.count} × {lights.kind}" for lights in board.lights) or "none"


def _section(board: Board) -> Iterator[str]:
    if board.overlay.lines:
        yield from ("```ini", *board.overlay.lines, "```", "")
    yield from (f"- {remark}" for remark in board.overlay.remarks)
    yield from (f"- Lights: {lights.kind}; {lights.note}." for lights in board.lights if lights.note)
    yield from (f"- Missing: {what}." for what in board.missing)
    yield f"- Pins it takes: {', '.join(f'{pin} ({use})' for use, pin in board.pins.items())}."
    for group, urls in board.sources.items():
        if urls:
            yield f"- Sources, {group}: {', '.join(f'[{_short(url)}]({url})' for url in urls)}"


def _short(url: str) -> str:
    host, *path = url.removeprefix("https://").split("/")
    end = path[-1].partition("#")[0]
    if host != "github.com":
        return f"{host} {end}"
    return f"{path[1]} #{end}" if path[2:3] == ["issues"] else path[1] if len(path) == 2 else f"{path[1]} {end}"


if __name__ == "__main__":
    sys.stdout.write(page())
