from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from clonespeaker.cli.main import parser
from tests.cli.conftest import Run
from tests.cli.test_ask import write_wav


@pytest.mark.parametrize(
    ("text", "seconds"), [("3s", 3.0), ("800ms", 0.8), ("2.5", 2.5), ("600s", 600.0)], ids=lambda value: str(value)
)
def test_times_are_read_with_their_units(text: str, seconds: float) -> None:
    assert parser().parse_args(["talk", "--for", text]).seconds == seconds


@pytest.mark.parametrize(
    "arguments",
    [
        ("talk", "--for", "soon"),
        ("talk", "--for", "0"),
        ("talk", "--for", "nan"),
        ("talk", "--for", "601"),
        ("talk",),
        ("volume", "101"),
        ("volume", "loud"),
        ("volume", "+11"),
        ("volume", "-"),
        ("volume", "+-1"),
        ("dance",),
        (),
        ("config", "delete"),
    ],
    ids=" ".join,
)
def test_wrong_arguments_exit_2(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parser().parse_args(arguments)
    assert ended.value.code == 2
    assert "usage: clonespeaker" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "fields"), [("40", {"level": 40}), ("0", {"level": 0}), ("+1", {"step": 1}), ("-10", {"step": -10})]
)
def test_a_volume_is_a_level_or_steps(text: str, fields: dict[str, int]) -> None:
    assert parser().parse_args(["volume", text]).volume == fields


def test_every_command_has_words_and_a_module() -> None:
    commands = next(action for action in parser()._actions if isinstance(action, argparse._SubParsersAction))
    helps = {action.dest: action.help for action in commands._choices_actions}
    assert set(helps) == set(commands.choices)
    for name, command in commands.choices.items():
        __import__(command.get_default("module"))
        assert helps[name]


def test_five_mistakes_are_five_messages(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(
        "clone: {slag: x}\n"
        "microphone:\n  max_seconds: long\n  pre_roll_ms: -1\n"
        "speaker: {volume: 400}\n"
        "button: {mode: shout}\n"
    )  # fmt: skip
    done = run("config", "check", "--config", "bad.yaml")
    assert done.returncode == 78
    lines = done.stderr.strip().splitlines()
    assert [line.partition("bad.yaml:")[2][0] for line in lines] == ["1", "3", "4", "5", "6"]
    assert "slug" in lines[0]


def test_what_is_in_force_is_shown_with_its_origin(run: Run) -> None:
    shown = run("config", "show").stdout
    assert "environment CLONESPEAKER_CLONE__SLUG" in shown
    assert "dsk-" not in shown


def test_the_schema_is_json(run: Run) -> None:
    assert json.loads(run("config", "schema").stdout)["title"]


def test_devices_of_a_machine_without_any(run: Run) -> None:
    found = json.loads(run("devices", "--json").stdout)
    assert (found["microphones"], found["speakers"]) == ([], [])
    assert "none; plug one in" in run("devices").stdout


def test_control_without_a_daemon(run: Run) -> None:
    for command in (["press"], ["status"], ["history"], ["say", "hi"], ["talk", "--for", "1s"]):
        done = run(*command, "--url", "ws://127.0.0.1:1/")
        assert done.returncode == 1
        assert "no clonespeaker daemon answers at ws://127.0.0.1:1/" in done.stderr


def test_simulate_lists_its_faults(run: Run) -> None:
    assert "refuse-live" in run("simulate", "--fault", "list").stdout
    assert run("simulate", "--fault", "nonsense").returncode == 2


def test_doctor_tells_what_is_wrong_and_what_to_do(run: Run) -> None:
    done = run("doctor", "--json")
    told = json.loads(done.stdout)
    findings = {finding["name"]: finding for finding in told["findings"]}
    assert (done.returncode, told["ok"]) == (1, False)
    assert findings["microphone"]["result"] == findings["speaker"]["result"] == "failed"
    assert "plug one in" in findings["microphone"]["words"]
    assert findings["settings"]["result"] == findings["key"]["result"] == findings["clone"]["result"] == "ok"
    assert "dsk-simulated" not in done.stdout


def test_demo_does_a_turn_by_itself_without_a_terminal(run: Run, tmp_path: Path) -> None:
    done = run("demo", "--json", "--out", "played.wav")
    assert done.returncode == 0, done.stderr
    turn = json.loads(done.stdout)
    assert turn["outcome"] == "answered"
    assert turn["upload"] == "live"
    assert turn["pressed"] < 0 < turn["first_sound"] < turn["drained"]
    assert (tmp_path / "played.wav").stat().st_size > 100_000


def test_demo_without_room_for_anything(shell: Run) -> None:
    done = shell(f"ulimit -f 0; exec {sys.executable} -m clonespeaker demo --json")
    assert done.returncode == 1
    assert done.stderr.startswith("clonespeaker: no temporary directory can be written (")
    assert done.stderr.count("\n") == 1


def test_demo_asks_what_it_is_given(run: Run, tmp_path: Path) -> None:
    write_wav(tmp_path / "question.wav", rate_hz=48_000, channels=2, seconds=0.5)
    done = run("demo", "--wav", "question.wav", "--json", "--out", "played.wav")
    assert done.returncode == 0, done.stderr
    turn = json.loads(done.stdout)
    assert turn["outcome"] == "answered"
    assert 500 < turn["utterance_ms"] < 3_000  # the shipped question takes four seconds
    assert run("demo", "--wav", "no-question.wav").returncode == 1


@pytest.mark.parametrize("arguments", ["simulate --fault list", "config schema", "--help"])
def test_whoever_reads_us_may_go_away(environment: dict[str, str], arguments: str) -> None:
    read, write = os.pipe()
    os.close(read)  # before anything is written
    try:
        done = subprocess.run(
            [sys.executable, "-m", "clonespeaker", *arguments.split()],
            env=environment,
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
            check=False,
        )
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("arguments", ["config show", "devices", "sounds --json", "--help", "demo --json"])
def test_where_there_is_no_room_for_what_is_said(shell: Run, arguments: str) -> None:
    done = shell(f"clonespeaker {arguments} >/dev/full")
    assert done.returncode == 1
    assert done.stderr == "clonespeaker: standard output can't be written (No space left on device)\n"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("config show >&-", 0),
        ("config schema >&-", 0),
        ("sounds >&-", 0),
        ("--help >&-", 0),
        ("history --url ws://127.0.0.1:1/ >&-", 1),
        ("config check --config nowhere.yaml 2>&-", 78),
        ("config check --config nowhere.yaml 2>/dev/full", 78),
        ("dance 2>&-", 2),
        ("demo <&- >&- 2>&-", 0),
        ("setup <&-", 2),
        ("setup --config new.yaml --yes --only clone --slug ada --key-file - --key-to key --no-start <&-", 78),
        ("run <&- >&- 2>&-", 78),
    ],
)
def test_streams_that_are_closed_or_full(shell: Run, line: str, code: int) -> None:
    done = shell(f"clonespeaker {line}", CLONESPEAKER_SPEAKER__VOLUME="400" if line.startswith("run") else "40")
    assert done.returncode == code, done.stderr
    assert done.stdout == ""  # what belongs elsewhere did not get here either
    assert "Traceback" not in done.stderr


def test_what_is_opened_later_takes_no_stream_that_was_closed(shell: Run, tmp_path: Path) -> None:
    code = """if True:
        import subprocess
        from clonespeaker.cli.terminal import open_streams, say

        open_streams()
        with open("later", "w") as later:
            assert later.fileno() > 2
            say("to nobody")
            subprocess.run(["sh", "-c", "echo to nobody either; ls /proc/self/fd"], check=True)
    """
    done = shell(f"{sys.executable} -c '{code}' <&- >&- 2>&-")
    assert done.returncode == 0
    assert (tmp_path / "later").read_text() == ""


@pytest.mark.parametrize("command", ["config check", "setup --yes"])
def test_settings_without_end_are_refused(shell: Run, command: str) -> None:
    done = shell(f"ulimit -v 2000000; clonespeaker {command} --config /dev/full")
    assert done.returncode == 78
    assert done.stderr.startswith("clonespeaker: /dev/full: more than 256 KiB, which no settings have")


def test_commands_import_no_more_than_they_need() -> None:
    code = "import sys, clonespeaker.cli.control, clonespeaker.cli.config; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True, env=dict(os.environ)
    ).stdout.split()
    assert not {"numpy", "aiohttp", "pyaudio", "soxr", "gpiozero"} & set(loaded)
