from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from clonespeaker import config
from clonespeaker.config import Loaded, load
from clonespeaker.errors import EXIT_CONFIG, ConfigError
from clonespeaker.settings import Clone, Settings, Status

SHIPPED = Path(__file__).parent.parent / "config" / "config.yaml"
KEY = "dsk-0123456789abcdef"


@pytest.fixture(autouse=True)
def no_config_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "DEFAULT_PATH", tmp_path / "etc.yaml")


def read(tmp_path: Path, text: str | bytes, environ: Mapping[str, str] | None = None) -> Loaded:
    path = tmp_path / "config.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(path, environ or {})


def problems(tmp_path: Path, text: str | bytes, environ: Mapping[str, str] | None = None) -> list[str]:
    """What is wrong with a file, without its directory."""
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text, environ)
    return [problem.replace(f"{tmp_path}/", "") for problem in caught.value.problems]


def leaves(settings: Settings) -> dict[str, Any]:
    tree = msgspec.to_builtins(settings)
    flat = {key: value for key, value in tree.items() if not isinstance(value, dict)}
    return flat | {f"{s}.{k}": v for s, group in tree.items() if isinstance(group, dict) for k, v in group.items()}


# Which file, and what it may hold.


def test_without_a_file_everything_is_default() -> None:
    loaded = load(None, {"PATH": "/bin", "CLONESPEAKER_API_KEY": KEY, "CLONESPEAKER_TEST_SOUND": "1"})
    assert loaded == Loaded(Settings(), dict.fromkeys(loaded.origins, "default"), None)
    assert loaded.origins.keys() == leaves(Settings()).keys()


def test_the_usual_file_is_read_where_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "etc.yaml").write_text("clone:\n  slug: ada\n")
    loaded = load(None, {})
    assert loaded.settings == Settings(clone=Clone(slug="ada"))
    assert loaded.origins["clone.slug"] == f"{tmp_path}/etc.yaml:2"
    assert loaded.path == tmp_path / "etc.yaml"


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: no such file; ") as caught:
        load(tmp_path / "nowhere.yaml", {})
    assert caught.value.exit_code == EXIT_CONFIG


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="can't be read: Is a directory"):
        load(tmp_path, {})


def test_the_shipped_file_holds_every_setting_with_its_default() -> None:
    loaded = load(SHIPPED, {})
    assert loaded.settings == Settings()
    assert [key for key, origin in loaded.origins.items() if origin == "default"] == []
    tree = yaml.safe_load(SHIPPED.read_text("utf-8"))
    order = [key if not isinstance(tree[key], dict) else (key, list(tree[key])) for key in tree]
    types = msgspec.to_builtins(Settings())
    assert order == [key if not isinstance(types[key], dict) else (key, list(types[key])) for key in types]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "\ufeff",
        "# nothing\n",
        "---\n",
        "~",
        "clone:\n",
        "speaker: {}\nlights: ~\n",
        "speaker:\n  volume:\n",
        "speaker: {volume: null}",
        "clone: {slug: ''}",
        "board:",
    ],
)
def test_nothing_said_is_the_default(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text).settings == Settings()


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("speaker: {volume: 7}", "speaker.volume", 7),
        ("speaker: {read_ahead_s: 12}", "speaker.read_ahead_s", 12.0),
        ("speaker: {read_ahead_s: 7.5}", "speaker.read_ahead_s", 7.5),
        ("sounds: {earcons: no}", "sounds.earcons", False),
        ("button: {pin: 17}", "button.pin", "17"),
        ("clone: {slug: 2024}", "clone.slug", "2024"),
        ("clone: {slug: on}", "clone.slug", "on"),
        ("clone: {slug: 2026-13-41}", "clone.slug", "2026-13-41"),
        ("microphone: {device: ' USB Audio '}", "microphone.device", "USB Audio"),
        ("clone:\n  slug: |\n    a\n", "clone.slug", "a"),
        ("status: {allowed_origins: [http://a, 'http://b:1']}", "status.allowed_origins", ("http://a", "http://b:1")),
        ("state_dir: /srv/x", "state_dir", "/srv/x"),
        ("speaker: &s {device: Device}\nmicrophone: *s", "microphone.device", "Device"),
    ],
)
def test_values(tmp_path: Path, text: str, key: str, value: object) -> None:
    assert leaves(read(tmp_path, text).settings)[key] == value


# What is wrong, and what to do about it.

MISTAKES = [
    (
        "microphone:\n  pre_rol_ms: 3",
        "config.yaml:2: microphone.pre_rol_ms: no such setting; did you mean pre_roll_ms?",
    ),
    ("microphone: {volume: 3}", "config.yaml:1: microphone.volume: no such setting; there is speaker.volume"),
    ("slug: ada", "config.yaml:1: slug: no such setting; there is clone.slug"),
    ("clone: {device: x}", "clone.device: no such setting; there is microphone.device and speaker.device"),
    ("sounds: {volum: 3}", "sounds.volum: no such setting; did you mean speaker.volume?"),
    ("mikrophone: {pre_roll_ms: x}", "mikrophone: no such setting; did you mean microphone?"),
    ("sounds: {xyzzy: 3}", "sounds.xyzzy: no such setting; there are earcons"),
    ("speaker: {volume: loud}", "speaker.volume: 'loud' is not a whole number from 0 to 100"),
    ("speaker: {volume: 101}", "speaker.volume: '101' is not a whole number from 0 to 100"),
    ("speaker: {volume: 7.5}", "speaker.volume: '7.5' is not a whole number from 0 to 100"),
    ("speaker: {volume: yes}", "speaker.volume: 'yes' is not a whole number from 0 to 100"),
    ("speaker: {volume: '7'}", "speaker.volume: '7' is not a whole number from 0 to 100; take the quotes off"),
    ("speaker: {volume: [7]}", "speaker.volume: a list is not a whole number from 0 to 100"),
    ("speaker: {device: {a: b}}", "speaker.device: a group of settings is not auto, default, an ALSA card id or"),
    ("speaker: {read_ahead_s: .nan}", "speaker.read_ahead_s: '.nan' is not a number from 5 to 300"),
    ("speaker: {read_ahead_s: .inf}", "speaker.read_ahead_s: '.inf' is not a number from 5 to 300"),
    ("speaker: {volume: !!bool maybe}", "speaker.volume: 'maybe' is not a whole number from 0 to 100"),
    ("speaker: {volume: !!int '+'}", "speaker.volume: '+' is not a whole number from 0 to 100"),
    ("speaker: {volume: !!timestamp x}", "speaker.volume: 'x' is not a whole number from 0 to 100"),
    ("speaker: {volume: " + "9" * 5000 + "}", "speaker.volume: '" + "9" * 60 + "…' is not a whole number"),
    ("sounds: {earcons: maybe}", "sounds.earcons: 'maybe' is not true or false"),
    ("clone: {reply: voise}", "clone.reply: 'voise' is not one of text, voice; did you mean voice?"),
    ("lights: {kind: led}", "lights.kind: 'led' is not none, the only kind so far"),
    ("board: respeaker", "board: 'respeaker' is not known: no board profiles are shipped yet; leave it empty"),
    ("clone: {conversation_id: 7}", "clone.conversation_id: '7' is not an id like 123e4567-"),
    ('clone: {slug: "a\\nb"}', "clone.slug: 'a\\nb' is not a name"),
    ('clone: {slug: "\\ud800"}', "clone.slug: '\\ud800' is not a name"),
    ("clone: {slug: !secret slug}", "clone.slug: !secret means nothing here; write the value itself"),
    ("status: {allowed_origins: http://a}", "status.allowed_origins: 'http://a' is not a list like [a, b]"),
    ("speaker: loud", "config.yaml:1: speaker: a section, not a setting; write its settings below it, indented"),
    ("speaker:\n- volume: 3", "config.yaml:1: speaker: a section, not a setting;"),
    (
        "speaker:\n  volume: 3\n  volume: 4",
        "config.yaml:3: speaker.volume: set before, on line 2; delete one of the two",
    ),
    ("? [a]\n: b", "config.yaml:1: a list or a group can't be a setting's name"),
    ("just words", "config.yaml:1: no settings; write sections like `clone:`"),
    ("- a", "config.yaml:1: no settings; write sections like `clone:`"),
    # YAML itself
    ("clone:\n\tslug: a", "config.yaml:2: a tab; indent with spaces"),
    ("clone:\n  slug: a: b", "config.yaml:2: a colon too many, or wrong indentation; "),
    ("clone:\n  slug: 'a\n  reply: b\n", "config.yaml:2: a quotation mark that is never closed"),
    ("clone: [1,", "config.yaml:1: a bracket that is never closed"),
    ("clone:\n  slug: [a\n  reply: b\n", "config.yaml:2: a bracket that is never closed, or a missing comma"),
    ("clone:\n  slug: a\n reply: b", "config.yaml:3: the indentation fits no line above"),
    ("clone:\n  slug: a\nreply\n", "config.yaml:3: a line without a colon"),
    ("clone: *x", "config.yaml:1: a * that names nothing"),
    ("clone:\n  slug: @x", "config.yaml:2: a value that begins with a special character; put it in quotes"),
    ("clone:\n---\nclone:", "config.yaml:2: a second document (---)"),
    ("clone:\n  slug: \x07", "config.yaml:2: a character that text files can't hold"),
    ('slug: "\\Uffffffff"', "config.yaml:1: something that is no YAML"),
    ("[" * 20000, "config.yaml:1: lists or sections nested too deeply"),
    # Settings that don't go together
    ("clone: {base_url: http://example.org}", "config.yaml:1: clone.base_url: plain http would show the API key"),
    ("clone: {base_url: 'https://a:99999'}", "clone.base_url: 'https://a:99999' is no address"),
    ("clone: {base_url: 'https://[:]'}", "clone.base_url: 'https://[:]' is no address"),
    ("clone: {image_url: 'https://a:0/x'}", "clone.image_url: 'https://a:0/x' is no address"),
    ("status: {host: 0.0.0.0}", "config.yaml:1: status.host: '0.0.0.0' lets others on the network in; name a file"),
    ("microphone:\n  max_seconds: 1\n  min_hold_ms: 1000", "config.yaml:3: microphone.min_hold_ms: must be shorter"),
    ("microphone:\n  max_seconds: 1\n  pre_roll_ms: 2000", "config.yaml:3: microphone.pre_roll_ms: must be shorter"),
    ("speaker: {period_ms: 80}", "config.yaml:1: speaker.period_ms: playing starts with at least one period at hand"),
    (
        "button: {pin: GPIO3, pull: down}",
        "button.pull: GPIO3 has a resistor to 3.3 V on the board; set button.pull: up",
    ),
]


@pytest.mark.parametrize(("text", "expected"), MISTAKES)
def test_one_mistake_is_one_problem(tmp_path: Path, text: str, expected: str) -> None:
    (problem,) = problems(tmp_path, text)
    assert expected in problem
    assert problem.startswith("config.yaml:1: " if "config.yaml" not in expected else "config.yaml:")
    assert "\n" not in problem


@pytest.mark.parametrize(
    "text",
    [
        "clone: {base_url: 'http://127.0.0.2:80'}",
        "clone: {base_url: 'http://[::1]:80'}",
        "clone: {base_url: 'http://localhost'}",
        "clone: {base_url: 'http://example.org', allow_http: true}",
        "status: {host: 0.0.0.0, token_file: /etc/token}",
        "status: {host: localhost}",
        "speaker: {start_ms: 0, period_ms: 80}",
        "button: {pin: GPIO3, pull: up}",
    ],
)
def test_what_goes_together(tmp_path: Path, text: str) -> None:
    read(tmp_path, text)


def test_all_mistakes_are_told_in_one_run(tmp_path: Path) -> None:
    text = """\
clone:
  slug: ada
  base_url: http://example.org
microphone:
  pre_rol_ms: 100
speaker:
  volume: loud
button:
  mode: push
"""
    found = problems(tmp_path, text, {"CLONESPEAKER_SPEAKER__PORT": "1"})
    assert [problem.partition("; ")[0] for problem in found] == [
        "config.yaml:5: microphone.pre_rol_ms: no such setting",
        "config.yaml:7: speaker.volume: 'loud' is not a whole number from 0 to 100",
        "config.yaml:9: button.mode: 'push' is not one of hold, tap",
        "environment CLONESPEAKER_SPEAKER__PORT: no such setting",
        "config.yaml:3: clone.base_url: plain http would show the API key to the network on its way to example.org",
    ]


def test_a_mistake_is_not_told_twice_as_a_conflict(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "status:\n  host: 0.0.0.0\n  token_fil: /etc/token\n")
    assert "did you mean token_file?" in problem


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    assert problems(tmp_path, b"clone:\n  slug: M\xfcnchen\n") == [
        "config.yaml:2: not UTF-8 text; save the file as UTF-8"
    ]


def test_aliases_of_aliases_do_not_blow_up(tmp_path: Path) -> None:
    bomb = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30))
    assert len(problems(tmp_path, bomb + "status: {allowed_origins: *a29}\n")) == 30 + 10


@pytest.mark.parametrize(
    "text",
    [
        f"api_key: {KEY}",
        "clone:\n  api_key: quite-secret",
        "clone: {x-api-key: quite-secret}",
        "delphi: {deep: [{APIKEY: quite-secret}]}",
        f"clone: {{slug: {KEY}}}",
        f"clone: {{api_key_file: {KEY}}}",
        f"clone: {{base_url: 'https://{KEY}@api.delphi.ai'}}",
        f"status: {{allowed_origins: [{KEY}]}}",
        f"{KEY}: x",
        f"a: &{KEY} [] \nb: &{KEY} []\n*{KEY}",
    ],
)
def test_keys_in_the_file_are_refused_and_never_shown(tmp_path: Path, text: str) -> None:
    found = problems(tmp_path, text)
    assert KEY not in str(found)
    assert "quite-secret" not in str(found)
    if re.search("api_?key:", text, re.IGNORECASE):
        assert "API keys never go in this file; put the key alone in a file of its own" in found[0]


# The environment.


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    loaded = read(
        tmp_path,
        "clone: {slug: ada}\nspeaker: {volume: 7}\nbutton: {pin: GPIO4}\n",
        {
            "CLONESPEAKER_CLONE__SLUG": "2024",
            "CLONESPEAKER_SPEAKER__VOLUME": "9",
            "CLONESPEAKER_STATUS__ALLOWED_ORIGINS": "[http://a, http://b]",
            "CLONESPEAKER_STATE_DIR": "/srv/# x",
            "CLONESPEAKER_BUTTON__PIN": "",
        },
    )
    assert loaded.settings == Settings(
        clone=Clone(slug="2024"),
        speaker=msgspec.structs.replace(Settings().speaker, volume=9),
        status=Status(allowed_origins=("http://a", "http://b")),
        state_dir="/srv/# x",
    )
    assert loaded.origins["clone.slug"] == "environment CLONESPEAKER_CLONE__SLUG"
    assert loaded.origins["clone.reply"] == "default"


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("CLONESPEAKER_CLONE__SLUGG", "x", "no such setting; did you mean CLONESPEAKER_CLONE__SLUG?"),
        ("CLONESPEAKER_CLONE_SLUG", "x", "no such setting; did you mean CLONESPEAKER_CLONE__SLUG?"),
        ("CLONESPEAKER_", "x", "no such setting; the shipped config.yaml lists the settings"),
        ("CLONESPEAKER_XYZZY", "x", "no such setting; the shipped config.yaml lists the settings"),
        ("CLONESPEAKER_SPEAKER__VOLUME", "loud", "speaker.volume: 'loud' is not a whole number from 0 to 100"),
        ("CLONESPEAKER_SPEAKER__VOLUME", "[", "speaker.volume: a bracket that is never closed"),
        ("CLONESPEAKER_STATUS__HOST", "0.0.0.0", "status.host: '0.0.0.0' lets others on the network in"),
        ("CLONESPEAKER_CLONE__API_KEY", "quite-secret", "an API key; only CLONESPEAKER_API_KEY may hold one"),
        ("CLONESPEAKER_CLONE__SLUG", KEY, "an API key; only CLONESPEAKER_API_KEY may hold one"),
        ("CLONESPEAKER_CLONE__SLUG", "\udcff", "clone.slug: '\\udcff' is not a name"),
    ],
)
def test_mistakes_in_the_environment(variable: str, value: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, {variable: value})
    (problem,) = caught.value.problems
    assert problem.startswith(f"environment {variable}: {expected}")
    assert "quite-secret" not in problem


# Whatever the text.

FRAGMENTS = """
clone: speaker: status: slug: volume: allowed_origins: state_dir: board: api_key: << &a *a !!bool !!int !!float
!!binary !!timestamp !!null !!set !x %YAML --- ... [ ] { } , : ? - | > ' " # ~ 7 -7 0x 0b 1:1:1.5 .nan 2026-13-13
on "\\Uffffffff" dsk-0123456789 ada http://a \t
""".split(" ")
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.lists(st.text())
KNOWN = st.sampled_from([key.rpartition(".")[2] for key in leaves(Settings())])
TREES = st.dictionaries(
    st.sampled_from(list(msgspec.to_builtins(Settings()))), VALUES | st.dictionaries(KNOWN | st.text(), VALUES)
)


@effort(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.text().map(str.encode)
    | st.binary()
    | st.lists(st.sampled_from([*FRAGMENTS, "\n", "\n  "])).map(" ".join).map(str.encode)
    | TREES.map(lambda tree: yaml.safe_dump(tree).encode())
)
def test_no_text_raises_anything_but_config_errors(tmp_path: Path, data: bytes) -> None:
    told: tuple[str, ...] = ()
    try:
        read(tmp_path, data)
    except ConfigError as error:
        told = error.problems or ("nothing told",)
    for problem in told:
        assert re.match(re.escape(f"{tmp_path}/config.yaml:") + r"\d+: ", problem)
        assert problem.isprintable()


@effort(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(device=st.from_regex(r"^\S(.*\S)?$", fullmatch=True), volume=st.integers(0, 100))
def test_what_is_shown_reads_as_what_is_in_force(tmp_path: Path, device: str, volume: int) -> None:
    text = yaml.safe_dump(
        {"speaker": {"device": device, "volume": volume}, "status": {"allowed_origins": ["http://a"]}}
    )
    try:
        loaded = read(tmp_path, text)
    except ConfigError:
        return
    assert read(tmp_path, config.show(loaded)).settings == loaded.settings


# Showing.


def test_show_tells_where_each_setting_comes_from(tmp_path: Path) -> None:
    loaded = read(tmp_path, "clone:\n  slug: 'on'\n", {"CLONESPEAKER_SPEAKER__VOLUME": "9"})
    lines = config.show(loaded).splitlines()
    assert lines[0] == "clone:"
    assert [line.split() for line in lines if "  # default" not in line and "#" in line] == [
        ["slug:", "'on'", "#", f"{tmp_path}/config.yaml:2"],
        ["volume:", "9", "#", "environment", "CLONESPEAKER_SPEAKER__VOLUME"],
    ]
    assert len({line.index("#") for line in lines if "#" in line}) == 1
    assert sum("#" in line for line in lines) == len(loaded.origins)


def test_the_schema_describes_every_setting_and_no_more() -> None:
    schema = config.schema()
    sections = schema["$defs"]
    assert schema["title"] == "clonespeaker settings"
    assert all(section["additionalProperties"] is False for section in sections.values())
    for key in leaves(Settings()):
        section, _, name = key.rpartition(".")
        assert sections[section.capitalize() or "Settings"]["properties"][name]["description"]


# The clone and the secrets.


def test_a_clone_is_needed_to_talk_with_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"/config.yaml: clone\.slug: not set; put the clone's name there"):
        config.require_clone(read(tmp_path, ""))
    with pytest.raises(ConfigError, match=r"/config.yaml:14: clone\.slug: not set"):
        config.require_clone(load(SHIPPED, {}))
    config.require_clone(read(tmp_path, "clone: {slug: ada}"))
    config.require_clone(read(tmp_path, "clone: {conversation_id: 123e4567-e89b-12d3-a456-426614174000}"))


def with_key_file(path: Path) -> Settings:
    return Settings(clone=Clone(api_key_file=str(path)))


def test_where_the_key_comes_from(tmp_path: Path) -> None:
    environ = {"CLONESPEAKER_API_KEY": "from-environment\n", "CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert config.read_api_key(Settings(), environ) == "from-environment"
    (tmp_path / "api-key").write_text("from-credential\n")
    assert config.read_api_key(Settings(), environ) == "from-credential"
    (tmp_path / "file").write_text("  from-file\n\n")
    assert config.read_api_key(with_key_file(tmp_path / "file"), environ) == "from-file"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (None, r"clone\.api_key_file: .*/key can't be read \(No such file or directory\)"),
        (b"", r"clone\.api_key_file: .*/key: empty; put the secret there"),
        (b" \n", r"clone\.api_key_file: .*/key: empty; put the secret there"),
        (b"quite secret", "holds blanks or letters that no secret has"),
        (b"quite\nsecret", "holds blanks or letters that no secret has"),
        ("quite-secrét".encode(), "holds blanks or letters that no secret has"),
        (b"quite-secret\xff", "holds blanks or letters that no secret has"),
    ],
)
def test_what_can_not_be_a_key(tmp_path: Path, data: bytes | None, expected: str) -> None:
    if data is not None:
        (tmp_path / "key").write_bytes(data)
    with pytest.raises(ConfigError, match=expected) as caught:
        config.read_api_key(with_key_file(tmp_path / "key"), {"CLONESPEAKER_API_KEY": KEY})
    assert "quite" not in str(caught.value)


@pytest.mark.parametrize("environ", [{}, {"CLONESPEAKER_API_KEY": ""}, {"CREDENTIALS_DIRECTORY": "/nowhere"}])
def test_no_key_at_all(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"no API key: put it alone in a file and name that in clone\.api_key_file"):
        config.read_api_key(Settings(), environ)


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, False), (0o644, True)])
def test_a_key_that_everyone_may_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int, warned: bool
) -> None:
    path = tmp_path / "key"
    path.write_text(KEY)
    path.chmod(mode)
    with caplog.at_level(logging.WARNING):
        assert config.read_api_key(with_key_file(path), {}) == KEY
    assert ("everyone on this machine may read" in caplog.text) is warned
    assert KEY not in caplog.text


def test_status_token(tmp_path: Path) -> None:
    path = tmp_path / "token"
    settings = Settings(status=Status(token_file=str(path)))
    assert config.read_status_token(Settings()) is None
    with pytest.raises(ConfigError, match=r"status\.token_file: .*/token can't be read"):
        config.read_status_token(settings)
    path.write_text("open-sesame\n")
    assert config.read_status_token(settings) == "open-sesame"


@pytest.mark.parametrize(
    ("key", "shown"), [(KEY, "dsk-****cdef"), ("dsk-short", "dsk-****"), ("x" * 20, "****xxxx"), ("", "****")]
)
def test_masked_keys(key: str, shown: str) -> None:
    assert config.mask_key(key) == shown
