from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clonespeaker.provision.card import LONGEST_BYTES, Unusable, key_in, sort, text_of, typographic_quotes, without

ENCODINGS = {"plain": "utf-8", "Notepad's UTF-8": "utf-8-sig", "Notepad's Unicode": "utf-16"}
BIG_ENDIAN = "\ufeff"  # a mark, in UTF-16-BE: Notepad's "Unicode big endian"

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\ufeff\0"))


@pytest.mark.parametrize(
    ("names", "settings", "key"),
    [
        (["clonespeaker.yaml", "clonespeaker.key"], "clonespeaker.yaml", "clonespeaker.key"),
        (["CLONESPEAKER.YAML"], "CLONESPEAKER.YAML", None),
        (["Clonespeaker.Key.TXT"], None, "Clonespeaker.Key.TXT"),
        (["clonespeaker.yaml.txt"], "clonespeaker.yaml.txt", None),
        (["clonespeaker.yml"], "clonespeaker.yml", None),
        (["._clonespeaker.yaml", "clonespeaker.yaml", "._clonespeaker.key"], "clonespeaker.yaml", None),
        (["clonespeaker-taken.yaml", "clonespeaker-done.txt", "clonespeaker-problems.txt"], None, None),
        (["clonespeaker_0.1.0_arm64.deb", "config.txt", "user-data", "xclonespeaker.yaml"], None, None),
    ],
)
def test_names_that_are_clear(names: list[str], settings: str | None, key: str | None) -> None:
    found = sort(names)
    assert (found.settings, found.key, found.problems) == (settings, key, [])
    assert bool(found) == bool(settings or key)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["clonespeaker.yaml", "clonespeaker.yaml.txt"], "clonespeaker.yaml and clonespeaker.yaml.txt: each is there"),
        (["clonespeaker.key", "Clonespeaker.key.txt"], "keep one, and delete the other"),
        (["clonespeaker.yaml.rtf"], "Make Plain Text"),
        (["Clonespeaker.DOCX"], "a word processor's file"),
        (["clonespeaker"], "call it clonespeaker.yaml"),
        (["clonespeaker.txt"], "clonespeaker.txt: not a name that is looked for"),
        (["clonespeaker (1).yaml"], "not a name"),
        (["clonespeaker.key~"], "or delete it"),
    ],
)
def test_names_that_are_not(names: list[str], words: str) -> None:
    found = sort(names)
    assert found
    assert found.settings is None
    assert found.key is None
    assert words in found.problems[0]


def test_what_a_power_cut_left_is_something_to_do() -> None:
    assert sort(["clonespeaker.erase"]).half_erased
    assert sort(["clonespeaker.erase"])


@given(text=texts, encoding=st.sampled_from(list(ENCODINGS.values())), line_end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_any_editor_writes_the_same_text(text: str, encoding: str, line_end: str) -> None:
    if encoding == "utf-8" and text[1:2] == "\0":
        return
    assert text_of("a", text.replace("\n", line_end).encode(encoding)) == text


@given(text=texts)
def test_utf_16_of_either_order(text: str) -> None:
    assert text_of("a", (BIG_ENDIAN + text).encode("utf-16-be")) == text
    for encoding in ("utf-16-le", "utf-16-be"):  # without a mark: known by what our files begin with
        assert text_of("a", ("cl" + text).encode(encoding)) == "cl" + text


@given(data=st.binary(max_size=200))
def test_any_bytes_are_text_or_refused_in_words(data: bytes) -> None:
    try:
        text = text_of("clonespeaker.key", data)
        key = key_in("clonespeaker.key", text)
    except Unusable as error:
        told = str(error)
        assert told.splitlines() == [told]
        assert told.startswith("clonespeaker.key:")
    else:
        assert key == text.strip()
        assert key.isascii()
        assert key.isprintable()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"{\\rtf1\\ansi clone:}", "Make Plain Text"),
        (b"PK\x03\x04rest of a .docx", "a word processor's file"),
        (b"x" * (LONGEST_BYTES + 1), "larger than 64 KiB"),
        (b"# caf\xe9\n", "clonespeaker.yaml:1: not UTF-8"),
        (b"a: 1\n# caf\xe9\n", "clonespeaker.yaml:2: not UTF-8"),
        (b"\xff\xfea\x00b", "save the file again"),
    ],
)
def test_what_is_no_text(data: bytes, words: str) -> None:
    with pytest.raises(Unusable, match=r"^clonespeaker\.yaml:") as caught:
        text_of("clonespeaker.yaml", data)
    assert words in str(caught.value)


@pytest.mark.parametrize("text", ["dsk-1234", "dsk-1234\n", " dsk-1234 \n\n", "\tdsk-1234"])
def test_a_key(text: str) -> None:
    assert key_in("k", text) == "dsk-1234"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        (" \n ", "empty"),
        ("dsk-secret\ndsk-secret", "several lines"),
        ("dsk-secret dsk-secret", "more than a key"),
        ("api_key: dsk-secret", "more than a key"),
        ("API_KEY=dsk-secret", "no name before it"),
        ("“dsk-secret”", "letters that no key has"),
        ("dsk-secret\u200b", "paste it as plain text"),
        ("'dsk-secret'", "no quotation marks"),
        ("dsk-secret" * 1_000, "can't be a key"),
    ],
)
def test_what_is_no_key_is_told_without_it(text: str, words: str) -> None:
    with pytest.raises(Unusable, match=words) as caught:
        key_in("clonespeaker.key", text)
    assert "secret" not in str(caught.value)


def test_typographic_quotes_around_values_are_found_and_no_others() -> None:
    text = (
        'clone:\n  slug: “ada”\n  # “in a comment”\n  user_email: "plain"  # Ada’s\nstatus:\n  allowed_origins: [‘x’]\n'
    )
    found = list(typographic_quotes("clonespeaker.yaml", text))
    assert [problem.partition(" ")[0] for problem in found] == ["clonespeaker.yaml:2:", "clonespeaker.yaml:6:"]


def test_a_key_in_what_is_told_is_masked() -> None:
    assert without("sesame-open", ["a: 'sesame-open' is no slug"]) == ["a: '****' is no slug"]
    assert without("a", ["a: a is no slug"]) == ["a: a is no slug"]
    assert without(None, ["a"]) == ["a"]
