from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from msgspec import inspect

from clonespeaker.config.forms import WORDS
from clonespeaker.config.settings import Settings


def annotated(struct: inspect.Type, path: str = "") -> Iterator[tuple[str, inspect.Type]]:
    """Every setting by its dotted name, with what is known about its type."""
    assert isinstance(struct, inspect.StructType)
    for field in struct.fields:
        if isinstance(field.type, inspect.StructType):
            yield from annotated(field.type, f"{field.name}.")
        else:
            yield path + field.name, field.type


FIELDS = dict(annotated(inspect.type_info(Settings)))


def parts(info: inspect.Type, words: str = "") -> Iterator[tuple[inspect.Type, str]]:
    """The types inside an annotation, each with the words that describe it."""
    match info:
        case inspect.Metadata(type=inner, extra=extra):
            yield from parts(inner, (extra or {}).get(WORDS, words))
        case inspect.UnionType(types=inners):
            for inner in inners:
                yield from parts(inner, words)
        case inspect.VarTupleType(item_type=inner):
            yield from parts(inner, words)
        case _:
            yield info, words


@pytest.mark.parametrize("key", FIELDS)
def test_every_setting_says_what_it_means(key: str) -> None:
    info = FIELDS[key]
    assert isinstance(info, inspect.Metadata)
    assert (info.extra_json_schema or {})["description"].endswith((".", ":"))


@pytest.mark.parametrize("key", FIELDS)
def test_every_number_has_a_range_and_every_text_a_form_and_words_for_it(key: str) -> None:
    for kind, words in parts(FIELDS[key]):
        match kind:
            case inspect.IntType(ge=low, le=high) | inspect.FloatType(ge=low, le=high):
                assert low is not None
                assert high is not None
            case inspect.StrType(pattern=pattern):
                assert pattern
                assert words


def test_defaults_keep_their_own_rules() -> None:
    assert msgspec.convert(msgspec.to_builtins(Settings()), Settings) == Settings()


def test_settings_do_not_change() -> None:
    with pytest.raises(AttributeError):
        Settings().speaker.volume = 3  # type: ignore[misc]


def accepted(section: str, name: str, value: object) -> bool:
    try:
        msgspec.convert({section: {name: value}}, Settings)
    except msgspec.ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("section", "name", "good", "bad"),
    [
        ("clone", "new_conversation_after_s", [0, 0.5, 120], [-1, 86401, "120", True]),
        ("lights", "kind", ["none", "led", "ws2812"], ["LED", "apa106"]),
        ("lights", "pins", [[], ["GPIO5", "6"]], ["GPIO5", ["GPIO28"]]),
        ("lights", "quiet_hours", [None, "22:00-07:00", "00:00-23:59"], ["22:00", "24:00-07:00", "7:00-8:00"]),
        ("speaker", "period_ms", [2, 100], [1, 101, 10.5, True]),
    ],
)
def test_what_fits_and_what_does_not(section: str, name: str, good: list[object], bad: list[object]) -> None:
    assert [value for value in good if not accepted(section, name, value)] == []
    assert [value for value in bad if accepted(section, name, value)] == []


def test_unknown_keys_are_refused() -> None:
    assert not accepted("speaker", "volum", 3)
