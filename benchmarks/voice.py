"""What noise suppression and automatic gain do to a recording, on speech made here, in noise made here.

Speech by espeak-ng: four sentences, each in another voice, brought to −26 dBFS. Noise: pink, a fan (a hum and its
overtones in brown noise), and babble (six voices at once). All of it is seeded, so that each run has the same samples.

- Segmental SNR, frequency-weighted (fwSegSNR, after Hu and Loizou, 2008): how far speech is above what is not speech,
  band by band in windows of 30 ms, as an ear hears it that does not mind phases. What it has become, less what it was.
- SI-SDR (Le Roux et al., 2019): the same sample by sample, so that any shift of phases counts as noise.
- Pauses: how much less noise there is while nobody speaks, in dB.
- Speech: how much of its level a clean recording loses, in dB.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from benchmarks.result import NotHere, Result
from clonespeaker.audio import wav
from clonespeaker.audio.cleaner import FRAME, RATE_HZ, Cleaner, open_cleaner
from clonespeaker.audio.convert import open_resampler
from clonespeaker.audio.loudness import Loudness
from clonespeaker.audio.pcm import Samples, level_dbfs, to_int16
from clonespeaker.errors import ConfigError

Wide = npt.NDArray[np.float64]
Clean = Callable[[Samples], Samples]
"""A whole recording → what is sent of it."""

_SPEECH_DBFS = -26.0
_LEAD_S, _TAIL_S = 0.5, 1.0  # nobody speaks
_BLOCK = 882  # as the microphone hands them over
_SENTENCES = (
    ("en-gb", "When did you begin to write, and what did you read as a child?"),
    ("en-us+f3", "I would like to know which of your books you would recommend to somebody like me."),
    ("de", "Was würdest du heute anders machen, wenn du noch einmal von vorne anfangen könntest?"),
    ("fr+f2", "Pourquoi avez-vous choisi ce métier, et que diriez-vous à un débutant?"),
)
_CROWD = ("en-gb+m1", "en-us+f1", "de+m3", "fr+f4", "es+m2", "en-gb+f5")


def voice(quick: bool) -> Iterator[Result]:
    """Both, against what the microphone heard."""
    try:
        open_cleaner(noise_suppression=True, auto_gain=True)
    except ConfigError as error:
        raise NotHere(str(error)) from error
    sentences = [spoken(name, text) for name, text in (_SENTENCES[:1] if quick else _SENTENCES)]
    noises = {"pink": pink, "fan": fan, "babble": babble}
    for kind, noise in noises.items():
        for ratio_db in (20, 10, 5, 0):
            runs = [in_noise(sentence, noise(sentence.size), ratio_db) for sentence in sentences]
            for name, measure in (("fwSegSNR", segmental_snr_db), ("SI-SDR", si_sdr_db)):
                gains = [_gain_db(run, measure) for run in runs]
                yield Result.of(f"suppression, {kind} at {ratio_db} dB: {name} gained", "dB", gains)
        pauses = [_pause_db(in_noise(sentence, noise(sentence.size), 10)) for sentence in sentences]
        yield Result.of(f"suppression, {kind} at 10 dB: less noise in pauses", "dB", pauses)
    kept = [level_dbfs(_suppressed()(to_int16(each))) - level_dbfs(to_int16(each)) for each in sentences]
    yield Result.of("suppression, no noise: change of the speech's level", "dB", kept)
    for level in (-50, -45, -35, -25, -15):
        yield from _gained(sentences, level)
    yield from _cost(sentences[0])


def _gained(sentences: list[Wide], level: float) -> Iterator[Result]:
    """Three utterances of the same voice, one after the other, in a quiet room."""
    firsts, thirds, pauses, clipped = [], [], [], []
    for sentence in sentences:
        clean = cleaned_by(open_cleaner(noise_suppression=False, auto_gain=True))
        at_level = sentence * 10 ** ((level - _SPEECH_DBFS) / 20)
        room = _seeded(8).normal(0, 32_768 * 10 ** (-75 / 20), sentence.size)
        outs = [clean(to_int16(at_level + room)) for _ in range(3)]
        speech = slice(round(_LEAD_S * RATE_HZ), -round(_TAIL_S * RATE_HZ))
        firsts.append(level_dbfs(outs[0][speech]))
        thirds.append(level_dbfs(outs[2][speech]))
        pauses.append(level_dbfs(outs[2][-round(_TAIL_S / 2 * RATE_HZ) :]))
        clipped.append(Loudness.of(outs[0], RATE_HZ).clipped_samples)
    yield Result.of(f"gain, speech at {level} dBFS: first utterance", "dBFS", firsts)
    yield Result.of(f"gain, speech at {level} dBFS: third utterance", "dBFS", thirds)
    yield Result.of(f"gain, speech at {level} dBFS: pauses, from −75", "dBFS", pauses)
    yield Result.of(f"gain, speech at {level} dBFS: clipped samples, first utterance", "", clipped)


def _cost(sentence: Wide) -> Iterator[Result]:
    samples = to_int16(sentence)
    for name, options in (
        ("suppression", {"noise_suppression": True, "auto_gain": False}),
        ("gain", {"noise_suppression": False, "auto_gain": True}),
        ("both", {"noise_suppression": True, "auto_gain": True}),
    ):
        cleaner, runs = open_cleaner(**options), []
        for _ in range(5):
            before = time.process_time()
            cleaned_by(cleaner)(samples)
            runs.append((time.process_time() - before) / (samples.size / RATE_HZ) * 1_000)
        yield Result.of(f"{name}: processor time for a second of sound", "ms", runs)
        cleaning, held = cleaner.begin(), []
        for at in range(0, samples.size, _BLOCK):
            cleaning.add(samples[at : at + _BLOCK])
            held.append(cleaning.held_back / RATE_HZ * 1_000)
        yield Result.of(f"{name}: held back while the user speaks", "ms", held)


def cleaned_by(cleaner: Cleaner) -> Clean:
    """What becomes of recordings, block by block as they come."""

    def clean(samples: Samples) -> Samples:
        cleaning = cleaner.begin()
        blocks = [cleaning.add(samples[at : at + _BLOCK]) for at in range(0, samples.size, _BLOCK)]
        return np.concatenate([*blocks, cleaning.finish()])

    return clean


def _suppressed() -> Clean:
    return cleaned_by(open_cleaner(noise_suppression=True, auto_gain=False))


def _gain_db(run: tuple[Wide, Wide], measure: Callable[[Wide, Wide], float]) -> float:
    speech, noise = run
    heard = to_int16(speech + noise)
    return measure(_suppressed()(heard).astype(float), speech) - measure(heard.astype(float), speech)


def _pause_db(run: tuple[Wide, Wide]) -> float:
    speech, noise = run
    heard = to_int16(speech + noise)
    pause = slice(-round(_TAIL_S / 2 * RATE_HZ), None)
    return level_dbfs(heard[pause]) - level_dbfs(_suppressed()(heard)[pause])


def si_sdr_db(heard: Wide, speech: Wide) -> float:
    """Scale-invariant signal-to-distortion ratio, in dB."""
    target = speech * (heard @ speech) / (speech @ speech)
    rest = heard - target
    return float(10 * np.log10((target @ target) / (rest @ rest)))


def segmental_snr_db(heard: Wide, speech: Wide) -> float:
    """Frequency-weighted segmental signal-to-noise ratio in 25 mel bands up to 8 kHz, where there is speech, in dB."""
    window, hop = round(0.03 * RATE_HZ), round(0.0075 * RATE_HZ)
    at = np.arange(0, speech.size - window, hop)[:, None] + np.arange(window)
    power = np.mean(speech[at] ** 2, axis=1)
    at = at[power > np.max(power) / 10_000]
    clean, noisy = (np.abs(np.fft.rfft(each[at] * np.hanning(window), 2_048)) @ _bands() for each in (speech, heard))
    noisy *= np.sum(clean * noisy) / np.sum(noisy**2)
    ratios_db = np.clip(10 * np.log10(clean**2 / ((clean - noisy) ** 2 + 1e-9) + 1e-9), -10, 35)
    weights = clean**0.2
    return float(np.mean(np.sum(weights * ratios_db, axis=1) / np.sum(weights, axis=1)))


def _bands() -> Wide:
    hz = np.fft.rfftfreq(2_048, 1 / RATE_HZ)
    edges = 700 * (10 ** (np.linspace(0, np.log10(1 + 8_000 / 700), 27)) - 1)
    triangles = [
        np.clip(np.minimum((hz - low) / (middle - low), (high - hz) / (high - middle)), 0, None)
        for low, middle, high in zip(edges, edges[1:], edges[2:], strict=False)
    ]
    return np.array(triangles).T


def in_noise(speech: Wide, noise: Wide, ratio_db: float) -> tuple[Wide, Wide]:
    """Speech, and the noise brought to so much below it, where somebody speaks."""
    spoken_at = slice(round(_LEAD_S * RATE_HZ), -round(_TAIL_S * RATE_HZ))
    there = np.mean(speech[spoken_at] ** 2) / np.mean(noise[spoken_at] ** 2)
    return speech, noise * np.sqrt(there * 10 ** (-ratio_db / 10))


def spoken(name: str, text: str) -> Wide:
    """A sentence at −26 dBFS, with quiet before and after.

    Raises:
        NotHere: espeak-ng is not installed.
    """
    try:
        done = subprocess.run(["espeak-ng", "--stdout", "-v", name, text], capture_output=True, check=True, timeout=30)
    except FileNotFoundError as error:
        raise NotHere("espeak-ng is not installed (make test installs it)") from error
    samples, rate_hz = wav.read(done.stdout)
    speech = open_resampler(rate_hz, RATE_HZ).convert(samples, last=True).astype(float)
    speech *= 32_768 * 10 ** (_SPEECH_DBFS / 20) / np.sqrt(np.mean(speech**2))
    quiet = [np.zeros(round(seconds * RATE_HZ)) for seconds in (_LEAD_S, _TAIL_S)]
    whole: Wide = np.concatenate([quiet[0], speech, quiet[1]])
    return whole[: whole.size // FRAME * FRAME]


def pink(count: int) -> Wide:
    """Noise with as much in each octave."""
    return _coloured(1, count, slope=0.5)


def fan(count: int) -> Wide:
    """A hum of 120 Hz with overtones, in noise that is mostly low."""
    at_s = np.arange(count) / RATE_HZ
    hum = sum(np.sin(2 * np.pi * 120 * overtone * at_s + overtone) / overtone for overtone in range(1, 12))
    brown = _coloured(2, count, slope=1.0)
    whole: Wide = hum / np.std(hum) + 2 * brown / np.std(brown)
    return whole


def babble(count: int) -> Wide:
    """Six voices at once."""
    text = " ".join(text for _, text in _SENTENCES)
    voices = []
    for number, name in enumerate(_CROWD):
        one = spoken(name, text)
        voices.append(np.roll(np.resize(one, count), number * RATE_HZ))
    whole: Wide = np.sum(voices, axis=0)
    return whole


def _coloured(seed: int, count: int, *, slope: float) -> Wide:
    spectrum = np.fft.rfft(_seeded(seed).normal(size=count))
    hz = np.fft.rfftfreq(count, 1 / RATE_HZ)
    spectrum[hz < 30] = 0
    coloured: Wide = np.fft.irfft(spectrum / np.maximum(hz, 30) ** slope, count)
    return coloured


def _seeded(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)
