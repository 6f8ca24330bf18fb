"""Every way in which the clone can misbehave, with a whole daemon: told, no hang, and the next turn works."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from clonespeaker import attempts, exchange, lookout
from clonespeaker.audio import earcons
from clonespeaker.cues import FAULTS as CUES
from clonespeaker.errors import FAULTS as TOLD
from clonespeaker.errors import CloneError
from clonespeaker.simulate.faults import FAULTS, TLS_FAULTS
from clonespeaker.simulate.server import SimulatedClone
from tests import matrix
from tests.daemon import SPEECH, running
from tests.matrix import MATRIX, MISHAPS, TLS
from tests.peers import IMPATIENT, connected, until

ROOT = Path(__file__).parents[1]
PATIENCE = replace(IMPATIENT, answer_s=5.0)  # with what is no fault, on a busy machine
EARCONS = {name: earcons.make(cue.earcon).tobytes() for name, cue in CUES.items() if cue.earcon}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "_BACKOFF_S", 0.02)
    monkeypatch.setattr(exchange, "_TEXT_AFTER_S", (0.0, 0.05))
    monkeypatch.setattr(lookout, "_AFTER_A_TURN_S", 30.0)  # what is told here ends with the next answer


@pytest.mark.parametrize("name", MATRIX)
async def test_every_fault(tmp_path: Path, name: str) -> None:
    row = MATRIX[name]
    settings = {"retry_for_s": 0.5 if name == "refuse" else 5}
    sounds = {"earcons": True}
    async with running(tmp_path, patience=PATIENCE, clone_settings=settings, sounds=sounds) as daemon:
        daemon.clone.snippet_ms = 5
        daemon.clone.fault = name
        await daemon.hold()
        if name == "endless-stream":
            await daemon.event("state", state="speaking")
            await until(lambda: daemon.sound.peak > 1_000)
            daemon.cancel()
            assert (await daemon.event("turn"))["outcome"] == "cancelled"
        else:
            turn = await daemon.event("turn")
            assert (turn["outcome"], turn["fault"]) == ("failed" if row.fault else "answered", row.fault)
            heard_ms = row.heard * turn["utterance_ms"]
            if name == "cut-after":  # so many events of the reply, however long a busy machine took for the question
                heard_ms = (FAULTS[name].at or 0) * daemon.clone.snippet_ms
            assert turn["reply_ms"] == pytest.approx(heard_ms, abs=25)
        if row.fault is not None:
            await until(lambda: EARCONS[str(row.fault)] in daemon.sound.heard)
            told = daemon.told("fault")[-1]
            assert (told["fault"], told["active"], told["message"]) == (row.fault, True, TOLD[row.fault])
            assert daemon.app.news.faults.keys() == {row.fault}
        if row.heard:
            assert daemon.told("caption")[-1]["text"].startswith(("I heard you for", "("))
        daemon.clone.fault = None
        assert (await daemon.talk())["outcome"] == "answered"
        assert SPEECH.tobytes() in daemon.clone.received[-1].pcm
        assert daemon.app.news.faults == {}


def test_the_table_has_every_fault() -> None:
    assert set(MATRIX) == set(FAULTS)
    assert set(TLS) == set(TLS_FAULTS)


@pytest.mark.parametrize("name", TLS)
async def test_every_certificate_that_is_no_good(name: str) -> None:
    clone = SimulatedClone(tls=name.removeprefix("tls-"))  # type: ignore[arg-type]  # one of its kinds
    url = await clone.start()
    try:
        async with connected(url, ca_file=clone.ca_file) as client:
            with pytest.raises(CloneError, match=TLS[name]) as refused:
                await client.profile("my-clone")
        assert refused.value.fault == "offline"
    finally:
        await clone.stop()


def test_the_page_is_written_from_the_table() -> None:
    assert (ROOT / "docs" / "faults.md").read_text() == matrix.page(), "python -m tests.matrix > docs/faults.md"


def test_what_the_page_says_has_tests() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert [mishap.test for mishap in MISHAPS if f"def {mishap.test}(" not in sources] == []
    assert {mishap.fault for mishap in MISHAPS} <= {None, *TOLD}


def tasks() -> int:
    """Without those of the simulated clone, which runs beside the daemon."""
    return len([task for task in asyncio.all_tasks() if "RequestHandler" not in repr(task.get_coro())])


async def test_nothing_is_left_of_any_of_them(tmp_path: Path) -> None:
    """All in one daemon, one after the other."""
    async with running(tmp_path, patience=PATIENCE, clone_settings={"retry_for_s": 0.1}) as daemon:
        await daemon.talk()
        before = tasks()
        for name in MATRIX:
            if name not in ("refuse", "endless-stream"):
                daemon.clone.fault = name
                daemon.say("Hello")
                await daemon.event("turn")
        daemon.clone.fault = None
        assert (await daemon.talk())["outcome"] == "answered"
        await until(lambda: tasks() <= before)
        numbers = [turn["turn"] for turn in daemon.told("turn")]
        assert numbers == list(range(1, len(numbers) + 1))
