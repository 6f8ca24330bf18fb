from __future__ import annotations

import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clonespeaker.audio import ring as ring_module
from clonespeaker.audio.pcm import Samples
from clonespeaker.audio.ring import CaptureRing, PlaybackRing

capacities = st.integers(1, 12)
sizes = st.integers(0, 30)


def numbers(start: int, count: int) -> Samples:
    """Samples of which each one tells its position (up to int16's wrap)."""
    return np.arange(start, start + count).astype(np.int16)


@given(capacities, st.lists(st.tuples(sizes, st.booleans())))
def test_capture_gives_the_newest_and_counts_what_is_lost(capacity: int, blocks: list[tuple[int, bool]]) -> None:
    ring, model, at = CaptureRing(capacity), list[int](), 0
    for size, then_read in blocks:
        ring.append(numbers(len(model), size).tobytes())
        model += range(len(model), len(model) + size)
        assert ring.end == len(model)
        if then_read:
            samples, lost = ring.read(at)
            assert lost == max(0, len(model) - capacity - at)
            assert samples.tolist() == model[at + lost :]
            at += lost + samples.size
            assert at == ring.end


@pytest.mark.parametrize(
    ("start", "samples", "lost"),
    [
        (4, [4, 5, 6, 7, 8, 9], 0),
        (7, [7, 8, 9], 0),
        (10, [], 0),
        (3, [4, 5, 6, 7, 8, 9], 1),
        (0, [4, 5, 6, 7, 8, 9], 4),
    ],
)
def test_capture_can_be_read_from_anywhere(start: int, samples: list[int], lost: int) -> None:
    ring = CaptureRing(6)
    ring.append(numbers(0, 5).tobytes())
    ring.append(numbers(5, 5).tobytes())
    got, lost_there = ring.read(start)
    assert (got.tolist(), lost_there) == (samples, lost)
    assert ring.read(start)[0].tolist() == samples  # reading takes nothing away


def test_capture_hands_out_copies() -> None:
    ring = CaptureRing(4)
    ring.append(numbers(0, 4).tobytes())
    samples, _ = ring.read(0)
    ring.append(numbers(4, 4).tobytes())
    assert samples.tolist() == [0, 1, 2, 3]


def test_capture_leaves_out_what_is_being_overwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    ring, seen = CaptureRing(8), list[tuple[list[int], int]]()
    ring.append(numbers(0, 8).tobytes())
    place = ring_module._place

    def place_and_look(*arguments: object) -> None:
        place(*arguments)  # type: ignore[arg-type]
        samples, lost = ring.read(0)  # as another thread may, between the copy and the note that it is done
        seen.append((samples.tolist(), lost))

    monkeypatch.setattr(ring_module, "_place", place_and_look)
    ring.append(numbers(8, 3).tobytes())
    assert seen == [([3, 4, 5, 6, 7], 3)]


@given(capacities, st.lists(st.tuples(st.sampled_from(["write", "read", "flush"]), sizes)))
def test_playback_is_a_queue_that_takes_what_fits(capacity: int, calls: list[tuple[str, int]]) -> None:
    ring, model, offered = PlaybackRing(capacity), list[int](), 0
    for call, size in calls:
        if call == "write":
            taken = ring.write(numbers(offered, size))
            assert taken == min(size, capacity - len(model))
            model += range(offered, offered + taken)
            offered += taken
        elif call == "read":
            assert ring.read(size).tolist() == model[:size]
            del model[:size]
        else:
            ring.flush()
            model.clear()
        assert (len(ring), ring.room) == (len(model), capacity - len(model))


def test_playback_hands_out_copies() -> None:
    ring = PlaybackRing(4)
    ring.write(numbers(0, 4))
    samples = ring.read(4)
    ring.write(numbers(4, 4))
    assert samples.tolist() == [0, 1, 2, 3]


@pytest.fixture
def _eager_switches() -> object:
    """Threads that take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_eager_switches")
@pytest.mark.parametrize("capacity", [70, 20_000], ids=["lossy", "ample"])
def test_capture_between_threads(capacity: int) -> None:
    total, ring, at, lost_total = 20_000, CaptureRing(capacity), 0, 0

    def capture() -> None:
        for start in range(0, total, 32):
            ring.append(numbers(start, 32).tobytes())

    thread = threading.Thread(target=capture)
    thread.start()
    while at < total:
        samples, lost = ring.read(at)
        at, lost_total = at + lost + samples.size, lost_total + lost
        assert np.array_equal(samples, numbers(at - samples.size, samples.size))
    thread.join()
    assert lost_total == 0 or capacity < total


@pytest.mark.usefixtures("_eager_switches")
def test_playback_between_threads() -> None:
    total, ring, heard = 20_000, PlaybackRing(70), list[Samples]()

    def play() -> None:
        while sum(part.size for part in heard) < total:
            part = ring.read(32)
            if part.size:
                heard.append(part)

    thread = threading.Thread(target=play)
    thread.start()
    written = 0
    while written < total:
        written += ring.write(numbers(written, min(50, total - written)))
    thread.join()
    assert np.array_equal(np.concatenate(heard), numbers(0, total))
