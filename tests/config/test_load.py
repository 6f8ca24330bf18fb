from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from clonespeaker.config import load as config
from clonespeaker.config.load import Loaded, load, require_clone, show
from clonespeaker.config.settings import Clone, Settings, Status
from clonespeaker.errors import EXIT_CONFIG, ConfigError
from tests.config.settings_text import leaves

SHIPPED = Path(__file__).parents[2] / "config" / "config.yaml"
KEY = "dsk-0123456789abcdef"


@pytest.fixture(autouse=True)
def no_config_of_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "DEFAULT_PATH", tmp_path / "etc.yaml")


def read(tmp_path: Path, text: str, environ: Mapping[str, str] | None = None) -> Loaded:
    path = tmp_path / "config.yaml"
    path.write_text(text, "utf-8")
    return load(path, environ or {})


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


def test_a_file_that_is_too_long_is_refused(tmp_path: Path) -> None:
    longest = "# " + "x" * (config.LONGEST_BYTES - len("# \nlanguage: de\n")) + "\nlanguage: de\n"
    assert read(tmp_path, longest).settings.language == "de"
    with pytest.raises(ConfigError, match=r"config\.yaml: more than 256 KiB, which no settings have"):
        read(tmp_path, longest + "#")


def test_the_shipped_file_holds_every_setting_with_its_default() -> None:
    loaded = load(SHIPPED, {})
    assert loaded.settings == Settings()
    assert [key for key, origin in loaded.origins.items() if origin == "default"] == []
    tree = yaml.safe_load(SHIPPED.read_text("utf-8"))
    order = [key if not isinstance(tree[key], dict) else (key, list(tree[key])) for key in tree]
    types = msgspec.to_builtins(Settings())
    assert order == [key if not isinstance(types[key], dict) else (key, list(types[key])) for key in types]


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


def test_a_clone_is_needed_to_talk_with_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"/config.yaml: clone\.slug: not set; put the clone's name there"):
        require_clone(read(tmp_path, ""))
    line = 1 + next(n for n, line in enumerate(SHIPPED.read_text("utf-8").splitlines()) if line.startswith("  slug:"))
    with pytest.raises(ConfigError, match=rf"/config.yaml:{line}: clone\.slug: not set"):
        require_clone(load(SHIPPED, {}))
    require_clone(read(tmp_path, "clone: {slug: ada}"))
    require_clone(read(tmp_path, "clone: {conversation_id: 123e4567-e89b-12d3-a456-426614174000}"))


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
    assert read(tmp_path, show(loaded)).settings == loaded.settings


def test_show_tells_where_each_setting_comes_from(tmp_path: Path) -> None:
    loaded = read(tmp_path, "clone:\n  slug: 'on'\n", {"CLONESPEAKER_SPEAKER__VOLUME": "9"})
    lines = show(loaded).splitlines()
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
        assert sections[section.title().replace("_", "") or "Settings"]["properties"][name]["description"]
