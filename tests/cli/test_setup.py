"""`setup` on a machine without sound cards; with one, see tests/sound/test_setup.py."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clonespeaker.config.credentials import SERVICE_KEY
from clonespeaker.config.load import load
from clonespeaker.simulate.server import SimulatedClone
from tests.cli.conftest import Run
from tests.cli.guided import Button, Systemd, Terminal
from tests.cli.test_secrecy import KEY, tattler

SHIPPED = Path(__file__).parents[2] / "config" / "config.yaml"
CLONE = ("--only", "clone")


@pytest.fixture
def systemd(tmp_path: Path) -> Systemd:
    return Systemd(tmp_path / "bin")


@pytest.fixture
def button(tmp_path: Path) -> Iterator[Button]:
    button = Button(tmp_path / "presses")
    yield button
    button.close()


@pytest.fixture
def machine(environment: dict[str, str], systemd: Systemd, button: Button) -> dict[str, str]:
    """The environment of a fresh device; nothing of the settings is in it."""
    plain = {key: value for key, value in environment.items() if not key.startswith("CLONESPEAKER_")}
    return plain | {"PATH": f"{systemd.directory}:{environment['PATH']}", "TEST_PRESSES": str(button.path)}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "etc" / "config.yaml"
    path.parent.mkdir()
    shutil.copy(SHIPPED, path)
    return path


@pytest.fixture
def at_terminal(machine: dict[str, str], config: Path) -> Iterator[Callable[..., Terminal]]:
    started: list[Terminal] = []

    def at_terminal(*arguments: str, columns: int = 80, **variables: str) -> Terminal:
        started.append(Terminal(machine | variables, "--config", str(config), *arguments, columns=columns))
        return started[-1]

    yield at_terminal
    for terminal in started:
        terminal.close()


@pytest.fixture
def scripted(run: Run, machine: dict[str, str], environment: dict[str, str], config: Path) -> Run:
    unset = dict.fromkeys(key for key in environment if key not in machine)
    return lambda *arguments, **more: run("setup", "--config", str(config), *arguments, **(unset | machine | more))


def url(clone: SimulatedClone) -> str:
    return clone.url  # type: ignore[attr-defined,no-any-return]


def key_of(config: Path) -> Path:
    return config.with_name("api-key")


# ---- at a terminal


def test_a_wrong_key_an_unknown_name_then_the_right_ones(
    at_terminal: Callable[..., Terminal], clone: SimulatedClone, config: Path
) -> None:
    before = config.read_text()
    terminal = at_terminal(*CLONE, "--no-start", columns=40)
    terminal.answer("server", "http://clone.example")
    terminal.wait_for("plain http would show the API key")
    terminal.answer("server", url(clone))
    terminal.answer("web address", "no clone")
    terminal.wait_for("that is not a name")
    terminal.answer("web address", "dsk-0123456789abcdef")
    terminal.wait_for("looks like a secret")
    terminal.answer("web address", "another")
    terminal.answer("API key", "")
    terminal.wait_for("there is no key")
    terminal.answer("API key", "dsk-wrong-0123456789")
    terminal.wait_for("refused the API key")
    terminal.answer("asks again", "")
    terminal.answer(r"API key \(not shown\)", clone.api_key)
    terminal.wait_for("no such clone")
    terminal.answer("asks again", "")
    terminal.answer("server", "")
    terminal.answer("web address.*another", clone.slug)
    terminal.wait_for("takes the key")
    assert config.read_text() == before
    terminal.answer("Write this", "")
    assert terminal.end() == 0
    for key in (clone.api_key, "dsk-wrong-0123456789"):
        assert key not in terminal.raw  # never shown
    assert key_of(config).read_text() == clone.api_key + "\n"
    assert stat.S_IMODE(key_of(config).stat().st_mode) == 0o600
    settings = load(config, {}).settings
    assert (settings.clone.slug, settings.clone.base_url) == (clone.slug, url(clone))
    assert settings.clone.api_key_file == str(key_of(config))  # it is not where the service looks
    assert len(config.read_text().splitlines()) == len(before.splitlines())
    assert max(map(len, terminal.raw.replace("\r", "").splitlines())) < 120


def test_a_second_time_enter_keeps_all(
    at_terminal: Callable[..., Terminal], clone: SimulatedClone, config: Path
) -> None:
    first = at_terminal(*CLONE, "--no-start", "--slug", clone.slug, "--base-url", url(clone))
    first.answer("API key", clone.api_key)
    first.answer("Write this", "")
    assert first.end() == 0
    written = config.stat().st_mtime_ns, key_of(config).stat().st_mtime_ns
    second = at_terminal(*CLONE, "--no-start")
    second.answer("server", "")
    second.answer("web address", "")
    second.answer("API key", "")
    second.wait_for("stays as it is")
    assert second.end() == 0
    assert (config.stat().st_mtime_ns, key_of(config).stat().st_mtime_ns) == written


def test_a_clone_out_of_reach_is_taken_unchecked(at_terminal: Callable[..., Terminal], config: Path) -> None:
    terminal = at_terminal(*CLONE, "--no-start", "--slug", "ada", "--base-url", "http://127.0.0.1:9")
    terminal.answer("API key", "dsk-0123456789abcdef")
    terminal.wait_for("can't connect")
    terminal.answer("asks again", "skip")
    terminal.answer("Write this", "")
    assert terminal.end() == 0
    assert load(config, {}).settings.clone.slug == "ada"


def test_another_clone_knows_nothing_of_the_one_before(
    at_terminal: Callable[..., Terminal], clone: SimulatedClone, config: Path
) -> None:
    config.write_text("clone:\n  slug: before\n  conversation_id: 123e4567-e89b-12d3-a456-426614174000\n")
    terminal = at_terminal(*CLONE, "--no-start", "--slug", clone.slug, "--base-url", url(clone))
    terminal.answer("API key", clone.api_key)
    terminal.answer("Write this", "")
    assert terminal.end() == 0
    assert load(config, {}).settings.clone.conversation_id is None


def test_a_button_that_is_pressed(at_terminal: Callable[..., Terminal], button: Button, config: Path) -> None:
    terminal = at_terminal("--only", "button", "--no-start", TEST_LIMIT_S="1")
    terminal.answer("Pin", "GPIO99")
    terminal.wait_for("that is not a pin")
    terminal.answer("Pin", "")
    terminal.wait_for("No press seen on GPIO17")
    terminal.close()

    terminal = at_terminal("--only", "button", "--no-start")
    terminal.answer("Pin", "GPIO4")
    terminal.wait_for("Press the button on GPIO4")
    button.press(4)
    terminal.wait_for("Let it go")
    button.release(4)
    terminal.wait_for("it works")
    terminal.answer("Write this", "y")
    assert terminal.end() == 0
    assert load(config, {}).settings.button.pin == "GPIO4"


def test_a_button_that_stays_down(at_terminal: Callable[..., Terminal], button: Button) -> None:
    terminal = at_terminal("--only", "button", "--no-start", TEST_LIMIT_S="1")
    terminal.answer("Pin", "")
    terminal.wait_for("Press the button")
    button.press(17)
    terminal.wait_for("Let it go")
    terminal.wait_for("stays down")
    terminal.answer("Pin", "keyboard")
    terminal.answer("Write this", "n")
    terminal.wait_for("ended; nothing was written")
    assert terminal.end() == 1


def test_a_button_that_was_down_before(at_terminal: Callable[..., Terminal], button: Button, config: Path) -> None:
    config.write_text("button:\n  pull: none\n")
    terminal = at_terminal("--only", "button", "--no-start")
    button.press(4)
    terminal.answer("Pin", "GPIO4")
    terminal.wait_for("GPIO4 is down already")
    button.release(4)
    terminal.wait_for("it works")
    terminal.answer("Write this", "")
    assert terminal.end() == 0


def test_no_cards(at_terminal: Callable[..., Terminal], config: Path) -> None:
    before = config.read_bytes()
    terminal = at_terminal("--only", "microphone", "--no-start")
    terminal.wait_for("No microphone found. Plug one in")
    terminal.answer("Which microphone", "")
    terminal.wait_for("No microphone found")
    terminal.answer("Which microphone", "hw:1")
    terminal.wait_for("card numbers change")
    terminal.answer("Which microphone", "7")
    terminal.wait_for("a number from 1 to")
    terminal.answer("Which microphone", "skip")
    terminal.wait_for("stays as it is")
    assert terminal.end() == 0
    assert config.read_bytes() == before


# ---- ended half-way

HALF_WAY: dict[str, tuple[str, list[str | tuple[str, str]]]] = {
    "microphone": ("microphone", ["Which microphone"]),
    "speaker": ("speaker", ["Which speaker"]),
    "hearing": ("hearing", ["Enter to begin"]),
    "button": ("button", ["Pin, keyboard"]),
    "press": ("button", [("Pin, keyboard", "\n"), "Press the button"]),
    "server": ("clone", ["server"]),
    "key": ("clone", [("server", "\n"), ("web address", "ada\n"), "API key"]),
    "write": ("button", [("Pin, keyboard", "none\n"), "Write this"]),
}


@pytest.mark.parametrize("keys", ["\x03", "\x04"], ids=["Ctrl-C", "Ctrl-D"])
@pytest.mark.parametrize("moment", HALF_WAY)
def test_ended_half_way(
    at_terminal: Callable[..., Terminal], systemd: Systemd, config: Path, moment: str, keys: str
) -> None:
    if (moment, keys) == ("press", "\x04"):
        return  # nothing is read then
    systemd.state = "active"
    before = config.read_bytes()
    step, way = HALF_WAY[moment]
    terminal = at_terminal("--only", step)
    if step != "clone":
        terminal.answer("Stop it meanwhile", "")
        terminal.wait_for("is stopped meanwhile")
        assert systemd.state == "inactive"
    for stage in way:
        question, answer = stage if isinstance(stage, tuple) else (stage, keys)
        terminal.wait_for(question + (r".*?:( |$)" if question not in ("Enter to begin", "Press the button") else ""))
        terminal.type(answer)
    assert terminal.end() == (130 if keys == "\x03" else 1)
    assert "ended; nothing was written" in terminal.shown
    assert "Traceback" not in terminal.raw
    assert terminal.is_as_before
    assert config.read_bytes() == before
    assert os.listdir(config.parent) == ["config.yaml"]
    assert systemd.state == "active"
    assert systemd.asked == ([] if step == "clone" else ["stop", "start"])


def test_ctrl_c_while_python_clears_away(at_terminal: Callable[..., Terminal]) -> None:
    terminal = at_terminal("--only", "button", TEST_LOST="1")
    assert terminal.end() == 130
    assert "ended; nothing was written" in terminal.shown


def test_ended_before_the_service(at_terminal: Callable[..., Terminal], systemd: Systemd, config: Path) -> None:
    systemd.state = "active"
    terminal = at_terminal("--only", "button")
    terminal.answer("Stop it meanwhile", "y")
    terminal.answer("Pin", "none")
    terminal.answer("Write this", "y")
    terminal.wait_for("Start the service anew")
    terminal.type("\x03")
    assert terminal.end() == 130
    assert "ended; what was asked for is written" in terminal.shown
    assert load(config, {}).settings.button.source == "none"
    assert systemd.asked == ["stop", "start"]


def test_a_terminal_that_is_closed(at_terminal: Callable[..., Terminal], systemd: Systemd) -> None:
    systemd.state = "active"
    terminal = at_terminal("--only", "button")
    terminal.answer("Stop it meanwhile", "y")
    terminal.wait_for("Pin, keyboard")
    terminal.hang_up()
    terminal.wait()
    assert systemd.state == "active"
    assert systemd.asked == ["stop", "start"]


# ---- the service


def test_the_service_is_started_at_the_end(at_terminal: Callable[..., Terminal], systemd: Systemd) -> None:
    systemd.state = "inactive"
    terminal = at_terminal("--only", "button", "--button", "none")
    terminal.answer("Write this", "")
    terminal.answer("at each boot", "")
    terminal.wait_for("The service runs: idle")
    assert terminal.end() == 0
    assert systemd.asked == ["enable --now"]


def test_a_service_that_ran_is_started_anew(at_terminal: Callable[..., Terminal], systemd: Systemd) -> None:
    systemd.state = "active"
    terminal = at_terminal("--only", "button")
    terminal.answer("Stop it meanwhile", "")
    terminal.answer("Pin", "none")
    terminal.answer("Write this", "")
    terminal.answer("anew", "")
    assert terminal.end() == 0
    assert systemd.asked == ["stop", "restart"]


def test_no_start_means_as_it_was(at_terminal: Callable[..., Terminal], systemd: Systemd) -> None:
    systemd.state = "active"
    terminal = at_terminal("--only", "button", "--no-start")
    terminal.answer("Stop it meanwhile", "")
    terminal.answer("Pin", "none")
    terminal.answer("Write this", "")
    assert terminal.end() == 0
    assert systemd.asked == ["stop", "start"]


def test_a_service_that_does_not_start(scripted: Run, systemd: Systemd) -> None:
    systemd.state = "inactive"
    systemd.break_unit()
    done = scripted("--only", "service", "--yes")
    assert done.returncode == 1
    assert "Job for clonespeaker.service failed." in done.stderr
    assert "clone.slug: not set" in done.stdout  # the journal's words
    assert (f"There is no {SERVICE_KEY}" in done.stderr) != SERVICE_KEY.exists()  # whatever machine this is


def test_a_service_that_does_not_start_again_hides_nothing(scripted: Run, systemd: Systemd) -> None:
    systemd.state = "active"
    systemd.break_unit()
    done = scripted("--only", "microphone", "--yes", "--microphone", "Jabra")
    assert done.returncode == 1
    assert "Job for clonespeaker.service failed." in done.stderr
    assert "no microphone" in done.stderr


def test_no_service(scripted: Run, config: Path) -> None:
    done = scripted("--only", "service", "--yes")
    assert done.returncode == 0
    assert "no clonespeaker service" in done.stdout
    assert f"clonespeaker run --config {config}" in done.stdout


# ---- by options


def test_all_of_it_by_options(scripted: Run, clone: SimulatedClone, systemd: Systemd, config: Path) -> None:
    systemd.state = "inactive"
    options = ["--yes", "--skip-sound", "--microphone", "USB", "--speaker", "Headphones", "--button", "keyboard"]
    options += ["--base-url", url(clone), "--slug", clone.slug, "--key-file", "-"]
    done = scripted(*options, input=f"{clone.api_key}\n")
    assert done.returncode == 0
    assert done.stderr == f"clonespeaker: The service reads /etc/clonespeaker/config.yaml, not {config}.\n"
    assert clone.api_key not in done.stdout
    settings = load(config, {}).settings
    assert (settings.microphone.device, settings.speaker.device) == ("USB", "Headphones")
    assert (settings.button.source, settings.clone.slug) == ("keyboard", clone.slug)
    assert key_of(config).read_text() == clone.api_key + "\n"
    assert systemd.asked == ["enable --now"]
    # Repeated: nothing is written, and what was not given stays.
    written = config.stat().st_mtime_ns
    again = scripted("--yes", "--slug", clone.slug)
    assert (again.returncode, config.stat().st_mtime_ns) == (0, written)
    assert systemd.asked == ["enable --now", "restart"]


def test_a_file_where_there_was_none(scripted: Run, clone: SimulatedClone, config: Path, tmp_path: Path) -> None:
    shutil.rmtree(config.parent)
    (tmp_path / "key").write_text(clone.api_key)
    options = ["--base-url", url(clone), "--slug", clone.slug, "--key-file", str(tmp_path / "key"), "--no-start"]
    done = scripted("--yes", *options)
    assert done.returncode == 0, done.stderr
    assert load(config, {}).settings.clone.slug == clone.slug
    assert stat.S_IMODE(config.stat().st_mode) == 0o644


def test_what_the_shell_has_set_is_told(scripted: Run, config: Path) -> None:
    done = scripted("--yes", "--only", "button", "--button", "none", CLONESPEAKER_BUTTON__SOURCE="gpio")
    assert done.returncode == 0
    assert "CLONESPEAKER_BUTTON__SOURCE is set in this shell" in done.stderr
    assert load(config, {}).settings.button.source == "none"


def test_a_board_that_fills_in(at_terminal: Callable[..., Terminal], config: Path) -> None:
    config.write_text("board: aiy-voice-hat-v1\n")
    terminal = at_terminal("--only", "button", "--no-start")
    terminal.answer("Pin.*GPIO23", "none")
    terminal.answer("Write this", "")
    assert terminal.end() == 0
    assert config.read_text() == "board: aiy-voice-hat-v1\nbutton:\n  source: none\n"


def test_modes_and_links_stay(scripted: Run, config: Path) -> None:
    real = config.with_name("real.yaml")
    config.rename(real)
    real.chmod(0o640)
    config.symlink_to(real)
    assert scripted("--yes", "--only", "button", "--button", "none", "--no-start").returncode == 0
    assert config.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert load(real, {}).settings.button.source == "none"


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ((), 2, "this is no terminal"),
        (("--yes", "--only", "hearing"), 2, "somebody who speaks"),
        (("--yes", "--only", "button", "--slug", "ada"), 2, "--slug belongs to another step"),
        (("--yes", "--base-url", "http://127.0.0.1:1", "--slug", "ada", "--key-file", "-"), 69, "can't connect"),
        (("--yes", "--key-file", "no-such-file"), 78, "--key-file no-such-file: can't be read"),
        (("--yes",), 78, "give the clone's name with --slug"),
        (("--yes", "--slug", "ada"), 78, "give a file that holds it with --key-file"),
        (("--yes", "--slug", "a b"), 78, "--slug a b: that is not a name"),
        (("--yes", "--button", "GPIO99"), 78, "--button GPIO99: that is not a pin"),
        (("--yes", "--microphone", "3"), 78, "--microphone 3: that is not"),
        (("--yes", "--microphone", "Device"), 1, "no microphone found"),
        (("--yes", "--key-to", "."), 1, "is a directory"),
        (("--yes", "--slug", "ada", "--key-file", "-", "--base-url", "http://127.0.0.1:9"), 69, "can't connect"),
    ],
)
def test_what_is_missing_is_told(
    scripted: Run, systemd: Systemd, config: Path, options: tuple[str, ...], code: int, words: str
) -> None:
    systemd.state = "active"
    before = config.read_bytes()
    done = scripted(*options, input="dsk-0123456789abcdef\n")
    assert words in done.stderr
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert config.read_bytes() == before
    assert os.listdir(config.parent) == ["config.yaml"]
    assert systemd.state == "active"


def test_a_key_that_the_server_refuses(scripted: Run, clone: SimulatedClone, config: Path) -> None:
    options = ["--yes", "--base-url", url(clone), "--slug", clone.slug, "--key-file", "-"]
    done = scripted(*options, input="dsk-wrong-0123456789\n")
    assert done.returncode == 77
    assert "refused the API key" in done.stderr
    assert "0123456789" not in done.stderr + done.stdout
    assert not key_of(config).exists()


async def test_a_server_that_tells_the_key(scripted: Run, config: Path) -> None:
    async with tattler() as address:
        for _ in range(3):
            options = ("--yes", "--base-url", address, "--slug", "ada", "--key-file", "-")
            done = await asyncio.to_thread(scripted, *options, input=KEY + "\n")
            assert done.returncode != 0
            assert done.stderr
            assert KEY not in done.stdout + done.stderr
            assert not key_of(config).exists()


def test_settings_with_mistakes_are_not_touched(scripted: Run, config: Path) -> None:
    config.write_text("speaker:\n  volum: 3\n")
    done = scripted("--yes", "--only", "button", "--button", "none")
    assert done.returncode == 78
    assert "did you mean volume?" in done.stderr
    assert config.read_text() == "speaker:\n  volum: 3\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_who_may_not_write_is_told_first(scripted: Run, config: Path) -> None:
    config.parent.chmod(0o555)
    done = scripted("--yes", "--button", "none")
    assert done.returncode == 1
    assert "run it with sudo" in done.stderr
