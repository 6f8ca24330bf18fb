"""Is what was heard what was meant? Sample by sample.

Between a clone and the ear, a sound may be changed in these ways and no others: its first 5 ms are faded in; where
it runs dry it glides to silence within 5 ms, and is faded in again where it goes on; where the *device* ran dry there
is silence, and no fade. Everything else is bit-exact.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from clonespeaker.audio.pcm import Samples

FADE_FRAMES = 220  # 5 ms at 44.1 kHz

_HICCUPS = 0.5  # twice as many busy loops as cores made 0.12; no thread here has a real-time priority
_KEY_FRAMES = 64  # bit-exact, so many frames of speech occur once
_ROUNDING = 2  # two ramps, each rounded, may overlap
_ACCIDENT_FRAMES = 12  # a glide's first frames may happen to be those of the sound


class Unlike(AssertionError):
    """It is not what was meant; says where it goes wrong."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Silence in the middle of a sound.

    Attributes:
        at: frames of the sound that came before it.
        frames: how long it is.
    """

    at: int
    frames: int


@dataclass(slots=True)
class Trace:
    """A sound, found in a recording.

    Attributes:
        begins: where in the recording its first frame lies (before 0 where the recording began within its silence).
        ends: where in the recording its last frame that is not silent ends, or where it turns into something else.
        frames: how many of its frames were found.
        gaps: in it.
        unlike: why no more of it was found; None where all was.
    """

    begins: int
    ends: int = 0
    frames: int = 0
    unlike: Unlike | None = None
    gaps: list[Gap] = field(default_factory=list)

    @property
    def is_smooth(self) -> bool:
        """Whether there is no more silence in it than a busy machine may cause; on an idle one there is none."""
        return sum(gap.frames for gap in self.gaps) <= self.frames * _HICCUPS


def locate(part: Samples, whole: Samples, since: int = 0) -> int:
    """Where `part` lies in `whole`, bit-exact.

    Raises:
        Unlike: nowhere; says how much of its beginning does.
    """
    at = _find(part, whole, since)
    if at is not None:
        return at
    head = _find(part[:_KEY_FRAMES], whole, since)
    if head is None:
        raise Unlike(f"not even the first {_KEY_FRAMES} of {part.size} frames are in these {whole.size}")
    same = _same(part, whole[head:])
    raise Unlike(f"{same} of {part.size} frames are at {head}, then it is {whole[head + same :][:8]}…")


def trace(sound: Samples, heard: Samples, *, off: int = 0) -> Trace:
    """Find all of `sound` in what was heard, in order, changed only as the module's beginning tells.

    Before and after it, silence has to be. Its own silence at both ends can't be told from that.

    Args:
        sound: what was meant.
        heard: a recording.
        off: how far each frame may be off, where that is left to chance (soxr dithers).

    Raises:
        Unlike: a part is missing, or something is there that is not of the sound.
    """
    found = follow(sound, heard, off=off)
    if found.unlike is not None:
        raise found.unlike
    if np.abs(heard[: max(0, found.begins)]).max(initial=0) > off:
        raise Unlike("something was heard before it")
    after = heard[found.ends :]
    wanted = np.concatenate((sound[found.frames :], _glide(sound[-1], after.size)))
    if (same := _same(wanted, after, np.full(after.size, off, np.int16))) < after.size:
        raise Unlike(f"something was heard {same} frames after it: {after[same : same + 8]}…")
    return found


def follow(sound: Samples, heard: Samples, *, off: int = 0) -> Trace:
    """The same, as far as it goes.

    Raises:
        Unlike: not even its beginning is there.
    """
    wanted, tolerance = _faded_from(sound, 0, off)
    certain = np.flatnonzero(np.abs(wanted) > 100 * off)  # not to be taken for silence, nor silence for it
    if not certain.size:
        raise ValueError("this sound is silence")
    at, end = int(certain[0]), int(np.flatnonzero(np.abs(sound) > off)[-1]) + 1  # in the sound
    key = slice(at, min(end, at + _KEY_FRAMES))
    here = _find(wanted[key], heard, 0, tolerance[key])  # in what was heard
    if here is None:
        raise Unlike(f"its beginning is nowhere in {heard.size} frames, of which {np.count_nonzero(heard)} not silent")
    found = Trace(begins=here - at)
    begin = max(0, -found.begins)
    if _same(wanted[begin:at], heard[found.begins + begin :], tolerance[begin:]) < at - begin:
        raise Unlike(f"its first {at} frames, nearly silent, are others")
    while True:
        same = _same(wanted[at:end], heard[here:], tolerance[at:end])
        at, here = at + same, here + same
        found.ends, found.frames = here, at
        if at == end:
            return found
        on = _after_silence_of_the_device(wanted[at:end], tolerance[at:end], heard, here)
        if on is None:
            try:
                at, here, on, wanted = _after_running_dry(sound, end, at, heard, here, off)
            except Unlike as unlike:
                found.unlike = unlike
                return found
            tolerance = np.where(wanted == sound, off, off + _ROUNDING).astype(np.int16)
        found.gaps.append(Gap(at, on - here))
        here = on


def faded_out(sound: Samples, heard: Samples, found: Trace) -> int:
    """Where what broke off in a recording is silent: within one fade from where it was followed to.

    Raises:
        Unlike: it was cut off, or goes on otherwise.
    """
    ramp = np.linspace(1, 0, FADE_FRAMES)
    for back in range(min(_ACCIDENT_FRAMES, found.frames) + 1):
        begins = found.ends - back
        fade = heard[begins : begins + FADE_FRAMES]
        off = fade - sound[found.frames - back :][:FADE_FRAMES] * ramp[: fade.size]
        if fade.size == FADE_FRAMES and np.abs(off).max() <= 1:
            return begins + FADE_FRAMES
    raise Unlike(f"after {found.frames} frames comes no fade-out but {heard[found.ends :][:FADE_FRAMES]}")


def likeness(one: Samples, other: Samples) -> float:
    """How alike two sounds are at their best alignment: 1.0 is the same but for loudness, 0.0 has nothing in common."""
    size = one.size + other.size
    spectrum = np.fft.rfft(one.astype(float), size) * np.conj(np.fft.rfft(other.astype(float), size))
    energies = np.sum(one.astype(float) ** 2) * np.sum(other.astype(float) ** 2)
    return float(np.fft.irfft(spectrum, size).max() / np.sqrt(energies))


def share(sound: Samples, heard: Samples) -> float:
    """How many of a sound's pieces of 0.1 s are in a recording: for one that is resampled, or on a machine so busy that
    another process's sound has gaps, of which nobody here is told.
    """
    frames = 4_410
    size = 1 << (heard.size + frames).bit_length()
    spectrum = np.fft.rfft(heard.astype(float), size)
    sums = np.concatenate(([0.0], np.cumsum(heard.astype(float) ** 2)))
    energies = np.maximum(sums[frames:] - sums[:-frames], 1.0)
    pieces = [piece for at in range(0, sound.size - frames, frames) if (piece := sound[at : at + frames]).std() > 100]
    found = 0
    for piece in pieces:
        alike = np.fft.irfft(spectrum * np.conj(np.fft.rfft(piece.astype(float), size)), size)[: energies.size]
        found += bool((alike / np.sqrt(energies * np.sum(piece.astype(float) ** 2))).max() > 0.98)
    return found / len(pieces)


def _after_silence_of_the_device(wanted: Samples, tolerance: Samples, heard: Samples, here: int) -> int | None:
    """Where in what was heard it goes on as if nothing had been, after nothing but zeros."""
    zeros = int(np.argmax(heard[here:] != 0)) if heard[here:].any() else 0
    own = int(np.argmax(np.abs(wanted) > tolerance))  # frames of silence that may be the sound's
    key = wanted[: own + _KEY_FRAMES]
    for on in range(here + zeros, max(here, here + zeros - own - _ACCIDENT_FRAMES), -1):
        if _same(key, heard[on:], tolerance) == key.size:
            return on
    return None


def _after_running_dry(
    sound: Samples, end: int, at: int, heard: Samples, here: int, off: int
) -> tuple[int, int, int, Samples]:
    """Where it goes on, faded in, after a glide and silence.

    Returns:
        Where in the sound; where in what was heard it ran dry, and where it goes on; and what is to be heard from
        there on, as an array as long as the sound.
    """
    most = off + _ROUNDING
    for back in range(min(_ACCIDENT_FRAMES, at - 1, here) + 1):
        dry, dry_at = at - back, here - back
        left = heard[dry_at:]
        glide = _glide(sound[dry - 1], FADE_FRAMES)
        faded, _ = _faded_from(sound, dry, off)
        audible = int(np.argmax(np.abs(faded[dry:end]) > most))
        loud = np.flatnonzero(np.abs(left[FADE_FRAMES:]) > off)
        later = FADE_FRAMES + int(loud[0]) if loud.size else 0
        for gap in (*range(1, FADE_FRAMES), *range(later, max(FADE_FRAMES - 1, later - audible - 1), -1)):
            wanted = faded.copy()
            rest = glide[gap:]  # it may go on while it still glides
            wanted[dry : dry + rest.size] += rest[: wanted.size - dry]
            key = np.concatenate((_glide(sound[dry - 1], gap), wanted[dry:end][: audible + _KEY_FRAMES]))
            if np.abs(key[gap:]).max() > most and _same(key, left, np.full(key.size, most, np.int16)) == key.size:
                return dry, dry_at, dry_at + gap, wanted
    raise Unlike(
        f"{at} of {sound.size} frames were heard; then, at {here}, comes {heard[here : here + 8]}… instead of "
        f"{sound[at : at + 8]}…, and no silence after which it goes on"
    )


def _glide(last: np.int16, frames: int) -> Samples:
    """What follows the `last` frame of a sound."""
    out = np.zeros(frames, np.int16)
    out[:FADE_FRAMES] = np.linspace(float(last), 0, FADE_FRAMES + 1)[1:].astype(np.int16)[:frames]
    return out


def _faded_from(sound: Samples, start: int, off: int) -> tuple[Samples, Samples]:
    """`sound` with the fade-in that belongs to a start at `start`, and how far each frame may be off."""
    out, tolerance = sound.copy(), np.full(sound.size, off, np.int16)
    ramp = np.linspace(0, 1, FADE_FRAMES)[: sound.size - start]
    out[start : start + ramp.size] = np.trunc(sound[start : start + ramp.size] * ramp).astype(np.int16)
    tolerance[start : start + ramp.size] += 1
    return out, tolerance


def _same(wanted: Samples, heard: Samples, tolerance: Samples | None = None) -> int:
    """How many frames at the beginning agree."""
    size = min(wanted.size, heard.size)
    off = np.abs(wanted[:size].astype(int) - heard[:size]) > (0 if tolerance is None else tolerance[:size])
    return int(np.argmax(off)) if off.any() else size


def _find(part: Samples, whole: Samples, since: int, tolerance: Samples | None = None) -> int | None:
    """Where `part` lies in `whole` first, from `since` on."""
    last = whole.size - part.size
    if last < since:
        return None
    loudest = int(np.argmax(np.abs(part.astype(int))))
    values = whole[since + loudest : last + loudest + 1].astype(int)
    near = np.flatnonzero(np.abs(values - part[loudest]) <= (0 if tolerance is None else tolerance[loudest])) + since
    return next((int(at) for at in near if _same(part, whole[at:], tolerance) == part.size), None)
