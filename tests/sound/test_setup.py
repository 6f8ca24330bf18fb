"""`setup` as a person goes through it: spoken into, listened to, pressed. Without cards: tests/cli/test_setup.py."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from clonespeaker.audio.pcm import Samples
from clonespeaker.config.load import load
from clonespeaker.simulate.server import SimulatedClone
from tests.cli.guided import Button, Systemd, Terminal
from tests.sound.card import SoundCard

SHIPPED = Path(__file__).parents[2] / "config" / "config.yaml"
_LOUD = 3_000


@pytest.fixture
def systemd(tmp_path: Path) -> Systemd:
    systemd = Systemd(tmp_path / "bin")
    systemd.state = "active"
    return systemd


@pytest.fixture
def button(tmp_path: Path) -> Iterator[Button]:
    with closing(Button(tmp_path / "presses")) as button:
        yield button


@pytest.fixture
def config(tmp_path: Path) -> Path:
    shutil.copy(SHIPPED, tmp_path / "config.yaml")
    return tmp_path / "config.yaml"


@pytest.fixture
async def clone() -> AsyncIterator[SimulatedClone]:
    clone = SimulatedClone(name="Ada Lovelace", slug="ada")
    yield clone
    await clone.stop()


@pytest.fixture
def at_terminal_of(
    systemd: Systemd, button: Button, config: Path
) -> Iterator[Callable[[SoundCard], Callable[..., Terminal]]]:
    started: list[Terminal] = []
    plain = {key: value for key, value in os.environ.items() if not key.startswith("CLONESPEAKER_")}
    plain |= {"PATH": f"{systemd.directory}:{plain['PATH']}", "TEST_PRESSES": str(button.path)}

    def at_terminal_of(card: SoundCard) -> Callable[..., Terminal]:
        def at_terminal(*arguments: str, columns: int = 80) -> Terminal:
            environment = plain | card.environment
            started.append(Terminal(environment, "--config", str(config), *arguments, columns=columns))
            return started[-1]

        return at_terminal

    yield at_terminal_of
    for terminal in started:
        terminal.close()


@pytest.fixture
def at_terminal(
    card: SoundCard, at_terminal_of: Callable[[SoundCard], Callable[..., Terminal]]
) -> Callable[..., Terminal]:
    return at_terminal_of(card)


@pytest.mark.sound
@pytest.mark.parametrize("columns", [80, 40])
async def test_all_of_it(
    at_terminal: Callable[..., Terminal],
    card: SoundCard,
    clone: SimulatedClone,
    systemd: Systemd,
    button: Button,
    config: Path,
    question: Samples,
    columns: int,
) -> None:
    url = await clone.start()
    terminal = at_terminal(columns=columns)
    await terminal.answers("Stop it meanwhile", "")
    await terminal.answers("Which microphone", "default")
    heard_from = card.position
    await terminal.answers("Which speaker", "1")
    await terminal.answers("Did you hear them", "n")
    await terminal.answers("another speaker", "a")
    await terminal.answers("Did you hear them", "y")
    tones = card.heard(heard_from)
    assert np.abs(tones).max() > _LOUD / 10  # at the volume of the settings
    await terminal.answers("to begin", "", end="")
    await terminal.shows("Speak now")
    heard_from = card.position
    await card.speak(question[: 3 * 44_100])
    await terminal.shows(r"\d s \|#+ *\| +-\d+ dB")
    await terminal.shows("at its loudest: good")
    await terminal.answers("Did you hear yourself", "")
    assert np.abs(card.heard(heard_from)).max() > _LOUD / 10
    await terminal.answers("Pin, keyboard", "GPIO4")
    await terminal.shows("Press the button")
    button.press(4)
    await terminal.shows("Let it go")
    button.release(4)
    await terminal.answers("server", url)
    await terminal.answers("web address", "ada")
    await terminal.answers("API key", clone.api_key)
    await terminal.shows("Ada Lovelace at .* takes the key")
    await terminal.answers("Write this", "")
    await terminal.answers("Start the service anew", "")
    await terminal.shows(r"clonespeaker doctor.* checks all of it")
    assert await terminal.ends() == 0
    print(terminal.raw.replace("\r\n", "\n").replace("\r", "\n"))  # noqa: T201 - shown where it fails
    settings = load(config, {}).settings
    assert (settings.microphone.device, settings.speaker.device) == ("default", "auto")
    assert (settings.button.pin, settings.clone.slug, settings.clone.base_url) == ("GPIO4", "ada", url)
    assert config.with_name("api-key").read_text() == clone.api_key + "\n"
    assert systemd.asked == ["stop", "restart"]
    assert clone.api_key not in terminal.raw
    bars = [line for line in terminal.raw.replace("\r", "\n").splitlines() if "|" in line]
    assert max(map(len, bars)) < columns
    assert terminal.raw.isascii()  # so that any terminal can show it
    assert "\x1b" not in terminal.raw


@pytest.mark.sound
@pytest.mark.parametrize("moment", ["Speak now", "Now you should hear it", "tones are played"])
async def test_ended_while_it_sounds(
    at_terminal: Callable[..., Terminal], systemd: Systemd, config: Path, moment: str
) -> None:
    before = config.read_bytes()  # noqa: ASYNC240
    step = "speaker" if "tones" in moment else "hearing"
    terminal = at_terminal("--only", step)
    await terminal.answers("Stop it meanwhile", "")
    if step == "speaker":
        await terminal.answers("Which speaker", "")
    else:
        await terminal.answers("to begin", "", end="")
    await terminal.shows(moment)
    terminal.type("\x03")
    assert await terminal.ends() == 130
    assert "ended; nothing was written" in terminal.shown
    assert "Traceback" not in terminal.raw
    assert terminal.is_as_before
    assert config.read_bytes() == before  # noqa: ASYNC240
    assert systemd.asked == ["stop", "start"]


@pytest.mark.sound
async def test_silence_is_told(at_terminal: Callable[..., Terminal], systemd: Systemd) -> None:
    systemd.state = "not-found"
    terminal = at_terminal("--only", "hearing", "--no-start")
    await terminal.answers("to begin", "", end="")
    await terminal.shows("No sound at all came")
    await terminal.answers("Did you hear yourself", "n")
    await terminal.answers("another microphone", "m")
    await terminal.answers("Which microphone", "skip")
    await terminal.answers("to begin", "", end="")
    await terminal.answers("Did you hear yourself", "n")
    await terminal.answers("another microphone", "g")
    assert await terminal.ends() == 0


@pytest.mark.sound
async def test_a_sound_server_that_hangs(
    own_card: SoundCard, at_terminal_of: Callable[..., Callable[..., Terminal]], systemd: Systemd
) -> None:
    terminal = at_terminal_of(own_card)("--only", "speaker")
    await terminal.answers("Stop it meanwhile", "")
    await terminal.shows("Which speaker")
    own_card.freeze()
    terminal.type("1\n")
    await terminal.shows("does not answer")
    terminal.type("\x03")
    assert await terminal.ends() == 130
    assert "ended; nothing was written" in terminal.shown
    assert systemd.asked == ["stop", "start"]


@pytest.mark.sound
async def test_cards_by_options(at_terminal: Callable[..., Terminal], config: Path, systemd: Systemd) -> None:
    options = ("--yes", "--only", "microphone", "--microphone")
    terminal = at_terminal(*options, "mic")
    assert await terminal.ends() == 0
    assert load(config, {}).settings.microphone.device == "mic"
    assert systemd.asked == ["stop", "restart"]
    wrong = at_terminal(*options, "Jabra")
    assert await wrong.ends() == 1
    assert "no microphone is called 'Jabra'; there are: default, mic" in wrong.shown
    assert systemd.asked == ["stop", "restart", "stop", "start"]
