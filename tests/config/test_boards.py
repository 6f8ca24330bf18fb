"""The board files, each held against what may be set; and where what they say stands among the settings."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import yaml

from clonespeaker.config import boards
from clonespeaker.config.load import load, schema, show
from clonespeaker.config.reading import Reading
from clonespeaker.config.settings import Lights, Settings
from clonespeaker.errors import ConfigError
from tests.config.settings_text import leaves, problems, read

DIRECTORY = Path(__file__).parents[2] / "hardware" / "boards"
FILES = {path.stem: path for path in sorted(DIRECTORY.glob("*.yaml"))}
I2S = {"GPIO18", "GPIO19", "GPIO20", "GPIO21"}


@pytest.fixture(params=FILES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def board(name: str) -> boards.Board:
    return boards.read(FILES[name].read_bytes())


def test_the_names_to_choose_from_are_the_files() -> None:
    (listed,) = (
        choice["enum"] for choice in schema()["$defs"]["Settings"]["properties"]["board"]["anyOf"] if "enum" in choice
    )
    assert sorted(listed) == list(FILES)
    assert {path.suffix for path in DIRECTORY.iterdir()} == {".yaml"}


def test_what_it_fills_in_passes_for_settings(name: str, board: boards.Board) -> None:
    filled = boards.fills_in(name)
    assert filled
    sections = yaml.safe_load(FILES[name].read_text("utf-8"))["settings"]
    written = read(yaml.safe_dump(sections))  # as if a user had written it: all checks, conflicts too
    assert {key: leaves(written)[key] for key in filled} == filled
    assert msgspec.structs.replace(written, board=name) == read(f"board: {name}")


def test_its_pins_are_told_apart(board: boards.Board) -> None:
    taken = list(board.pins.values())
    assert len(taken) == len(set(taken))
    assert {pin for lights in board.lights for pin in lights.pins.values()} <= set(taken)
    if board.settings.button is not msgspec.UNSET:
        (use,) = (use for use, pin in board.pins.items() if pin == board.settings.button.pin)
        assert use.startswith("button")
    assert all(pin in I2S for use, pin in board.pins.items() if use.startswith("I²S"))


def test_each_pin_is_reserved_or_to_be_used(board: boards.Board) -> None:
    to_be_used = ("button", "driver", "Grove", "light", "servo", "STEMMA")
    assert all(use.startswith((*boards.RESERVED, *to_be_used)) for use in board.pins)
    assert set(board.reserved.values()) == {use for use in board.pins if use.startswith(boards.RESERVED)}


def test_its_lights_are_those_it_has(board: boards.Board) -> None:
    filled = board.settings.lights
    if isinstance(filled, msgspec.UnsetType):
        assert all(lights.kind == "ktd2027" for lights in board.lights)  # for which there is no driver here
        return
    (lights,) = board.lights
    assert (filled.kind, filled.count if isinstance(filled.count, int) else 1) == (lights.kind, lights.count)
    pins = tuple(lights.pins.values())
    if filled.spi is msgspec.UNSET:
        assert filled.pins == pins
    else:
        assert (filled.spi, pins) == ("0.0", ("GPIO10", "GPIO11"))


def test_its_cards_do_what_is_set(board: boards.Board) -> None:
    able = {(card.id, what) for card in board.cards for what in card.does}
    for sound, what in ((board.settings.microphone, "capture"), (board.settings.speaker, "playback")):
        assert isinstance(sound, msgspec.UnsetType) or sound.device == "auto" or (sound.device, what) in able


def test_every_fact_has_a_source(board: boards.Board) -> None:
    assert board.sources["pins"]
    assert board.sources["button"]
    for group, stated in (("lights", board.lights), ("overlay", board.overlay.lines), ("cards", board.cards)):
        assert board.sources[group] or not stated  # type: ignore[index]
    assert not board.tested  # whoever has tried one on the board itself: say so in hardware/README.md, and here


def test_its_overlay_lines_are_lines_of_config_txt(board: boards.Board) -> None:
    for line in board.overlay.lines:
        assert line.partition("=")[0] in ("dtoverlay", "dtparam", "gpio")
        assert line == "".join(line.split())


@pytest.mark.parametrize(
    "change",
    [
        {"colour": "green"},
        {"settings": {"button": {"pin": "GPIO28", "pull": "up"}}},
        {"settings": {"button": {"pin": "GPIO17", "pull": "up", "mode": "tap"}}},
        {"settings": {"speaker": {"device": "hw:1,0"}}},
        {"settings": {"clone": {"slug": "x"}}},
        {"pins": {"button": "GPIO170"}},
        {"lights": [{"kind": "candle", "count": 1}]},
        {"cards": [{"id": "sixteen-letters-x", "does": ["playback"]}]},
        {"sources": {"pins": ["a book"]}},
        {"title": ""},
    ],
)
def test_what_a_file_may_not_say(change: dict[str, object]) -> None:
    good = yaml.safe_load(FILES["gpio-usb"].read_text("utf-8"))
    with pytest.raises(msgspec.ValidationError):
        boards.read(yaml.safe_dump(good | change).encode())


# Among the settings: above the defaults, below the file and the environment.


def origins(text: str, environ: dict[str, str]) -> dict[str, str]:
    reading = Reading()
    reading.take_file("config.yaml", text.encode())
    reading.take_environment(environ)
    reading.finish()
    return {key: origin for key, origin in reading.origins.items() if origin != "default" and key != "board"}


BOARD = dict.fromkeys(
    ("microphone.device", "speaker.device", "button.pin", "button.pull", "lights.kind", "lights.pins"),
    "board aiy-voice-hat-v1",
)


@pytest.mark.parametrize(
    ("text", "environ", "others"),
    [
        ("board: aiy-voice-hat-v1", {}, {}),
        ("", {"CLONESPEAKER_BOARD": "aiy-voice-hat-v1"}, {}),
        ("board: wm8960", {"CLONESPEAKER_BOARD": "aiy-voice-hat-v1"}, {}),
        ("board: aiy-voice-hat-v1\nbutton: {pin: 17}", {}, {"button.pin": "config.yaml:2"}),
        ("button: {pin: GPIO17}\nboard: aiy-voice-hat-v1", {}, {"button.pin": "config.yaml:1"}),
        ("board: aiy-voice-hat-v1\nspeaker:\n  device:", {}, {}),
        ("board: aiy-voice-hat-v1\nspeaker: {device: auto}", {}, {"speaker.device": "config.yaml:2"}),
        (
            "board: aiy-voice-hat-v1",
            {"CLONESPEAKER_MICROPHONE__DEVICE": "Mic"},
            {"microphone.device": "environment CLONESPEAKER_MICROPHONE__DEVICE"},
        ),
        (
            "board: aiy-voice-hat-v1\nmicrophone: {device: Mic}",
            {"CLONESPEAKER_MICROPHONE__DEVICE": ""},  # takes back what the file says
            {},
        ),
    ],
)
def test_what_the_user_writes_wins(text: str, environ: dict[str, str], others: dict[str, str]) -> None:
    assert origins(text, environ) == BOARD | others
    settings = read(text, environ)
    assert settings.button.pin == ("GPIO23" if "button.pin" not in others else settings.button.pin)
    assert (settings.speaker.device == "sndrpigooglevoi") is ("speaker.device" not in others)


def test_lights_of_ones_own_are_not_mixed_with_the_boards() -> None:
    assert read("board: adafruit-voice-bonnet").lights == Lights(kind="apa102", count=3, pins=("GPIO5", "GPIO6"))
    own = read("board: adafruit-voice-bonnet\nlights: {kind: ws2812, count: 12}").lights
    assert own == Lights(kind="ws2812", count=12)
    assert read("board: adafruit-voice-bonnet\nlights: {kind: none}").lights == Lights()
    assert read("board: respeaker-2mic\nlights: {count: 12}").lights.count == 12
    assert read("board: respeaker-2mic\nlights: {kind: apa102}").lights == read("board: respeaker-2mic").lights


def test_without_a_board_nothing_is_filled_in() -> None:
    assert origins("board:", {}) == {}
    assert read("board:") == Settings()


def test_the_shipped_file_leaves_room_for_a_board(tmp_path: Path) -> None:
    shipped = Path(__file__).parents[2] / "config" / "config.yaml"
    loaded = load(shipped, {"CLONESPEAKER_BOARD": "aiy-voice-hat-v1"})
    assert BOARD.items() <= loaded.origins.items()
    assert "  pin: GPIO23" in show(loaded)
    assert "# board aiy-voice-hat-v1\n" in show(loaded)


def test_a_mistake_in_the_file_is_not_papered_over() -> None:
    assert problems("board: aiy-voice-hat-v1\nbutton: {pin: GPIO99}")[0].startswith(
        "config.yaml:2: button.pin: 'GPIO99'"
    )


def test_a_conflict_with_the_board_names_the_line_that_can_be_changed() -> None:
    assert problems("board: wm8960\nbutton: {pull: down, pin: GPIO2}")[0].startswith(
        "config.yaml:2: button.pull: GPIO2"
    )


def test_a_file_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(boards, "_PLACES", (tmp_path,))
    with pytest.raises(ConfigError, match=r"board: the file of 'wm8960' is not in .*; install clonespeaker again"):
        read("board: wm8960")
