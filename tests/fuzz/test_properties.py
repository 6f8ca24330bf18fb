"""The fuzzer's targets with samples that hypothesis makes up: real ones gone wrong in every place, streams, trees."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from clonespeaker.config.settings import Settings
from tests.fuzz.corpus import WORDS, samples
from tests.fuzz.reference import BOM
from tests.fuzz.targets import TARGETS

some = effort(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])

# Whatever JSON can hold, and a little more: what is nested too deeply for any reader, and halves of surrogate pairs.
NESTED = "nested too deeply"
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**63, 2**64, -(2**63) - 1, 10**400, NESTED])
    | st.floats()
    | st.text(st.characters(exclude_categories=()))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
TYPES_GONE_WRONG = {"reply_event", "reply_whole", "command", "record", "state"}


def gone_wrong(value: Any) -> st.SearchStrategy[Any]:
    """`value`, or the same with anything else in some of its places."""
    inner: st.SearchStrategy[Any] = st.just(value)
    if isinstance(value, dict):
        inner = st.fixed_dictionaries({}, optional={name: gone_wrong(each) for name, each in value.items()})
    elif isinstance(value, list):
        inner = st.tuples(*map(gone_wrong, value)).map(list)
    return inner | inner | VALUES


def as_json(value: Any) -> bytes:
    nested = "[" * 2_000 + "]" * 2_000
    return json.dumps(value).replace(f'"{NESTED}"', nested).encode()


@st.composite
def spliced(draw: st.DrawFn, target: str) -> bytes:
    """A real sample, parts of it cut out, doubled, written over, and words of its language in the wrong places."""
    sample = draw(st.sampled_from(list(samples(target))))
    words = [word if isinstance(word, bytes) else word.encode() for word in WORDS[target]]
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(sample)))
        end = draw(st.integers(start, min(len(sample), start + 20)))
        new = draw(st.sampled_from([*words, sample[start:end] * 2]) | st.binary(max_size=8))
        sample = sample[:start] + new + sample[end:]
    return sample[: draw(st.none() | st.integers(0, len(sample)))]


@pytest.mark.parametrize("target", TARGETS)
def test_real_samples_with_damage(target: str) -> None:
    @some
    @given(spliced(target))
    def check(sample: bytes) -> None:
        TARGETS[target](sample)

    check()


@pytest.mark.parametrize("target", sorted(TYPES_GONE_WRONG))
def test_real_samples_with_wrong_types(target: str) -> None:
    real = [json.loads(sample) for sample in samples(target) if sample.startswith(b"{")]

    @some
    @given(st.one_of(*map(gone_wrong, real)).map(as_json))
    def check(sample: bytes) -> None:
        TARGETS[target](sample)

    check()


@some
@given(
    st.integers(0, 299),
    gone_wrong({"detail": [{"loc": ["body", 0], "msg": "too long"}], "message": "m", "error": {"code": 5}}),
    st.text(max_size=20),
    st.text(max_size=20),
)
def test_refusals(status: int, body: Any, location: str, retry_after: str) -> None:
    headers = "\0".join(text.replace("\0", "") for text in (location, retry_after)).encode()
    TARGETS["refusal"](status.to_bytes(2, "little") + headers + b"\0" + as_json(body))


LINES = st.sampled_from(
    [b"data: x", b"data:", b"data", b": ping", b"id: 1", b"", b"", b"data: " + b"y" * 80]
) | st.binary(max_size=12)


@some
@given(st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r\n", b"\r"]))), st.binary(max_size=7), st.booleans())
def test_streams_however_they_are_cut(lines: list[tuple[bytes, bytes]], lengths: bytes, bom: bool) -> None:
    stream = BOM * bom + b"".join(line + end for line, end in lines)
    TARGETS["sse"](bytes([len(lengths)]) + lengths + stream)


@some
@given(gone_wrong(msgspec.to_builtins(Settings())), st.sampled_from([None, True, False]), st.data())
def test_settings(tree: Any, flow: bool | None, data: st.DataObject) -> None:
    text = yaml.safe_dump(tree, default_flow_style=flow, allow_unicode=data.draw(st.booleans()), sort_keys=False)
    at = data.draw(st.integers(0, len(text)))
    text = text[:at] + data.draw(st.sampled_from(["", "", "&a ", "*a", "!!int ", "- ", "? ", "\n", "'"])) + text[at:]
    TARGETS["settings"](text.encode("utf-8", "surrogatepass"))


NUMBERS = [
    "9" * 5_000,
    "0x" + "f" * 20_000,
    "1:" * 30_000 + "1",
    "1:" * 30_000 + "1.5",
    "1_" * 5_000,
    "1e99999",
    ".nan",
    "-.inf",
    "1:59:59.5",
]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 50_000, id="nested"),
        pytest.param("{a: " * 20_000, id="nested groups"),
        pytest.param("- " * 20_000 + "a", id="nested lists"),
        pytest.param("a: &a [*a]\nclone: *a\nstatus: {allowed_origins: *a}", id="a circle"),
        pytest.param("a: &a [" + "x," * 9_000 + "]\nstatus: {allowed_origins: [" + "*a," * 9_000 + "]}", id="aliases"),
        pytest.param("&a " * 20_000 + "x", id="anchors"),
        pytest.param("clone: {<<: {<<: {slug: a}}, slug: !!merge b}", id="merges"),
        pytest.param("clone: {slug: !!python/object/apply:os.system [x]}", id="a tag that runs"),
        pytest.param("speaker: {volume: !!timestamp 2026-13-13}", id="a date"),
        pytest.param("%TAG ! tag:x:\n---\nclone: !slug a", id="tags"),
        *(pytest.param(f"speaker: {{volume: {number}}}", id=f"{number[:3]}…{number[-3:]}") for number in NUMBERS),
    ],
)
def test_yaml_that_means_harm(text: str) -> None:
    TARGETS["settings"](text.encode())
