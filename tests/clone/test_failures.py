from __future__ import annotations

import email.utils
import ssl
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from hypothesis import example, given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL as Address

from clonespeaker.clone.failures import (
    ConnectionBroken,
    ContentLost,
    TooLarge,
    broken_off,
    from_status,
    incomplete,
    unreachable,
)
from clonespeaker.errors import EXIT_FAILED, EXIT_REFUSED, EXIT_UNREACHABLE, FAULTS, CloneError

URL = "https://api.clone.example"
HTML = b"<!DOCTYPE html><html><body><h1>Attention Required! | Cloudflare</h1></body></html>"
PREREQUISITES = b'{"detail": "the clone needs a purpose, a description and at least one document"}'


def refused(
    status: int, body: bytes = b"", *, what: str = "conversation", retry_after: str | None = None, location: str = ""
) -> CloneError:
    headers = {"Retry-After": retry_after} if retry_after is not None else {}
    if location:
        headers["Location"] = location
    return from_status(status, headers=headers, body=body, what=what, base_url=URL)


@pytest.mark.parametrize(
    ("status", "body", "what", "fault", "retryable", "exit_code", "words"),
    [
        (
            401,
            b'{"detail": "Bad key"}',
            "clone",
            "refused",
            False,
            EXIT_REFUSED,
            ["API key (401): Bad key. Check the key"],
        ),
        (401, b"", "clone", "refused", False, EXIT_REFUSED, ["API key (401). Check the key"]),
        (
            403,
            b'{"detail": "key not active"}',
            "clone",
            "refused",
            False,
            EXIT_REFUSED,
            ["refused (403): key not active"],
        ),
        (403, PREREQUISITES, "clone", "prerequisites", False, EXIT_REFUSED, ["(403): the clone needs a purpose"]),
        (403, b'{"detail": "No DOCUMENTS yet"}', "clone", "prerequisites", False, EXIT_REFUSED, ["No DOCUMENTS yet"]),
        (403, HTML, "conversation", "refused", False, EXIT_REFUSED, [URL, "may not be active"]),
        (404, b'{"detail": "no"}', "clone", "no-clone", False, EXIT_FAILED, ["no such clone (404): no", "clone.slug"]),
        (404, b"", "conversation", "no-conversation", False, EXIT_FAILED, ["does not know this conversation (404)"]),
        (429, b'{"detail": "slow"}', "conversation", "busy", True, EXIT_FAILED, ["too many requests", "(429): slow"]),
        (300, b"", "clone", "rejected", False, EXIT_FAILED, ["https://new.example (300)"]),
        (301, b"", "clone", "rejected", False, EXIT_FAILED, ["https://new.example (301)", "clone.base_url"]),
        (308, HTML, "clone", "rejected", False, EXIT_FAILED, ["https://new.example (308)"]),
        (400, b"", "conversation", "rejected", False, EXIT_FAILED, ["did not accept the request (400)"]),
        (409, b'{"detail": "taken"}', "conversation", "busy", True, EXIT_FAILED, ["(409): taken"]),
        (411, b"", "conversation", "rejected", False, EXIT_FAILED, ["(411)"]),
        (413, HTML, "conversation", "rejected", False, EXIT_FAILED, ["(413)"]),
        (415, b"", "conversation", "rejected", False, EXIT_FAILED, ["(415)"]),
        (422, b'{"detail": "bad wav"}', "conversation", "rejected", False, EXIT_FAILED, ["(422): bad wav"]),
        (204, b"", "conversation", "rejected", False, EXIT_FAILED, ["(204)"]),
        (500, b'{"detail": "oops"}', "conversation", "server-error", True, EXIT_FAILED, ["trouble (500): oops"]),
        (501, b"", "conversation", "server-error", False, EXIT_FAILED, ["(501)"]),
        (502, HTML, "conversation", "server-error", True, EXIT_FAILED, ["trouble (502)"]),
        (503, b"", "clone", "server-error", True, EXIT_FAILED, ["(503)"]),
        (599, b"", "clone", "server-error", True, EXIT_FAILED, ["(599)"]),
    ],
)
def test_statuses(
    status: int, body: bytes, what: str, fault: str, retryable: bool, exit_code: int, words: list[str]
) -> None:
    error = refused(status, body, what=what, location="https://new.example" if status < 400 else "")
    assert (error.fault, error.retryable, error.exit_code, error.status) == (fault, retryable, exit_code, status)
    assert error.retry_after_s is None
    for each in words:
        assert each in str(error)


def test_a_redirect_to_nowhere() -> None:
    assert f"{URL} points to elsewhere (302)" in str(refused(302))


@given(st.integers(200, 599), st.binary(), st.sampled_from(["clone", "conversation"]))
@example(500, b'{"x": ' + b"[" * 100_000, "clone")
@example(500, b'{"error": ' + b'{"a": ' * 100_000, "clone")
def test_any_refusal_is_an_error_in_words(status: int, body: bytes, what: str) -> None:
    error = refused(status, body, what=what)
    assert error.fault in FAULTS
    assert str(status) in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(b'{"detail": "plain words"}', "plain words", id="detail"),
        pytest.param(b'{"detail": " several\\n  lines\\t"}', "several lines", id="several lines"),
        pytest.param(b'{"message": "a message"}', "a message", id="message"),
        pytest.param(b'{"error": "an error"}', "an error", id="error"),
        pytest.param(b'{"detail": null, "message": "", "error": "the third"}', "the third", id="nulls"),
        pytest.param(b'{"error": {"code": 5}}', "{'code': 5}", id="an object"),
        pytest.param(
            b'{"detail": [{"loc": ["body", "voice_input_stream"], "msg": "field required", "type": "x"},'
            b' {"loc": ["body", 0], "msg": "too long"}]}',
            "body.voice_input_stream field required; body.0 too long",
            id="FastAPI's list",
        ),
        pytest.param(b'{"detail": [{"msg": "no place"}, {"loc": "x"}]}', "no place; {'loc': 'x'}", id="a poorer list"),
        pytest.param(b'{"detail": []}', "", id="an empty list"),
        pytest.param(b'{"detail": 5}', "", id="a number"),
        pytest.param(b'"Forbidden"', "", id="a string"),
        pytest.param(b'["Forbidden"]', "", id="a list"),
        pytest.param(b'{"detail": "cut o', "", id="cut off"),
        pytest.param(b'{"detail": "\xff"}', "", id="no UTF-8"),
        pytest.param(b"Forbidden", "", id="plain text"),
        pytest.param(HTML, "", id="HTML"),
        pytest.param(b"", "", id="nothing"),
        pytest.param(b'{"detail": "\\u001b[2J a\\u0000 \\u202eb\\u00a0c"}', "[2J a b c", id="what steers a terminal"),
        pytest.param(b'{"detail": "' + b"x" * 300 + b'"}', "x" * 300, id="long"),
        pytest.param(b'{"detail": "' + b"x" * 301 + b'"}', "x" * 300 + " …", id="too long"),
    ],
)
def test_the_servers_own_words(body: bytes, said: str) -> None:
    error = refused(500, body)
    assert error.detail == said
    assert str(error) == "the clone's server has trouble (500)" + (f": {said}" if said else "")


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 413, 429, 500, 502])
@pytest.mark.parametrize("body", [HTML, b"<p>" + HTML, HTML.decode().encode("utf-16")], ids=["page", "piece", "utf-16"])
def test_html_does_not_leak(status: int, body: bytes) -> None:
    error = refused(status, body)
    assert not {"<", "Cloudflare"} & {*str(error), *str(error).split()}
    assert error.detail == ""


def test_words_nested_as_deeply_as_can_just_be_read() -> None:
    """Python's own limit: a little more room is needed to tell them than to read them."""
    for depth in range(800, 1_000):
        error = refused(500, b'{"detail": [{"msg": ' + b"[" * depth + b"]" * depth + b"}]}")
        assert str(error).startswith("the clone's server has trouble (500)")


@pytest.mark.parametrize(
    "location", ["\x1b[2J/" + "x" * 8_000, "\udcff" + "y" * 400], ids=["control characters", "bytes that are no text"]
)
def test_a_redirect_in_few_plain_words(location: str) -> None:
    error = str(refused(302, location=location))
    assert error.isprintable()
    assert len(error) < 500


def http_date(year: int) -> str:
    return email.utils.format_datetime(datetime(year, 10, 21, 7, 28, tzinfo=UTC), usegmt=True)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        ("120", 120.0),
        (http_date(2015), 0.0),
        (None, None),
        *(
            (garbage, None)
            for garbage in ("", " ", "soon", "-5", "1.5", "1e3", "²", "7 s", "Wed, 99 Oct 2015 07:28:00 GMT")
        ),
        ("Mon, 01 Jan 2024 00:00:00 +9999", None),
        pytest.param("1 Jan 99999999999999999999 00:00:00 GMT", None, id="a year beyond all"),
        pytest.param("Mon, 01 Jan 2024 00:00:00 +99999999999999999999", None, id="an offset beyond all"),
    ],
)
def test_retry_after(value: str | None, seconds: float | None) -> None:
    assert refused(429, retry_after=value).retry_after_s == seconds


def test_retry_after_a_date_to_come() -> None:
    sooner, later = (refused(503, retry_after=http_date(year)).retry_after_s for year in (2500, 2501))
    assert sooner is not None
    assert later is not None
    assert sooner > 365 * 86_400
    assert later - sooner == pytest.approx(365 * 86_400, abs=60)


@given(st.text())
def test_retry_after_anything(value: str) -> None:
    seconds = refused(429, retry_after=value).retry_after_s
    assert seconds is None or seconds >= 0


KEY = ConnectionKey("api.clone.example", 443, True, True, None, None, None)
REFUSED = OSError(111, "Connection refused")
NO_CERTIFICATE = ssl.SSLCertVerificationError(1, "certificate verify failed")


@pytest.mark.parametrize(
    ("raised", "fault", "retryable", "words"),
    [
        (aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "Name or service not known")), "offline", True,
         ["can't find api.clone.example", "clone.base_url"]),
        (aiohttp.ClientConnectorCertificateError(KEY, NO_CERTIFICATE), "offline", False, ["certificate", "clock"]),
        (aiohttp.ClientConnectorSSLError(KEY, OSError(1, "wrong version number")), "offline", False, ["encrypted"]),
        (aiohttp.ClientConnectorError(KEY, REFUSED), "offline", True, ["can't connect", "Connection refused"]),
        (aiohttp.ConnectionTimeoutError(), "offline", True, ["does not answer"]),
        (TimeoutError(), "offline", True, ["took too long"]),
        (aiohttp.ServerDisconnectedError(), "offline", True, ["broke off"]),
        (aiohttp.ClientOSError(104, "Connection reset by peer"), "offline", True, ["broke off"]),
        (aiohttp.ClientError("what"), "server-error", False, ["not HTTP"]),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)  # fmt: skip
def test_before_an_answer(raised: Exception, fault: str, retryable: bool, words: list[str]) -> None:
    with pytest.raises(CloneError) as caught, unreachable(URL):
        raise raised
    error = caught.value
    assert (error.fault, error.retryable, error.status) == (fault, retryable, None)
    assert error.exit_code == (EXIT_UNREACHABLE if fault == "offline" else EXIT_FAILED)
    assert error.__cause__ is raised
    assert error.detail.startswith(type(raised).__name__)
    for each in (*words, "api.clone.example"):
        assert each in str(error)


@pytest.mark.parametrize(
    ("raised", "broken"),
    [
        (aiohttp.ServerDisconnectedError(), True),
        (aiohttp.ClientOSError(104, "Connection reset by peer"), True),
        (aiohttp.ClientConnectorError(KEY, REFUSED), False),
        (aiohttp.ConnectionTimeoutError(), False),
        (TimeoutError(), False),
    ],
    ids=repr,
)
def test_only_a_connection_that_stood_was_broken(raised: Exception, broken: bool) -> None:
    with pytest.raises(CloneError) as caught, unreachable(URL):
        raise raised
    assert isinstance(caught.value, ConnectionBroken) is broken


@pytest.mark.parametrize(
    ("raised", "fault", "retryable", "words"),
    [
        (TimeoutError(), "offline", True, "too long"),
        (aiohttp.ClientPayloadError("incomplete"), "offline", True, "broke off during its answer"),
        (aiohttp.ClientOSError(104, "Connection reset by peer"), "offline", True, "broke off during its answer"),
        (TooLarge("more than 5 bytes"), "server-error", False, "too large"),
    ],
    ids=repr,
)
def test_during_an_answer_that_is_no_reply(raised: Exception, fault: str, retryable: bool, words: str) -> None:
    with pytest.raises(ContentLost, match=words) as caught, incomplete(URL):
        raise raised
    assert (caught.value.fault, caught.value.retryable, caught.value.status) == (fault, retryable, 200)
    assert "api.clone.example" in str(caught.value)
    assert caught.value.__cause__ is raised


@pytest.mark.parametrize(
    ("raised", "words"),
    [
        (TimeoutError(), "stopped answering"),
        (aiohttp.SocketTimeoutError(), "stopped answering"),
        (aiohttp.ClientPayloadError("incomplete"), "broke off during the answer"),
        (aiohttp.ClientOSError(104, "Connection reset by peer"), "broke off during the answer"),
    ],
    ids=repr,
)
def test_during_an_answer(raised: Exception, words: str) -> None:
    with pytest.raises(CloneError, match=words) as caught, broken_off():
        raise raised
    assert (caught.value.fault, caught.value.retryable) == ("reply-broken", False)
    assert caught.value.__cause__ is raised


def test_the_key_does_not_leak() -> None:
    headers = CIMultiDictProxy(CIMultiDict({"x-api-key": "dsk-secret"}))
    address = Address(URL)
    raised = aiohttp.ClientResponseError(
        aiohttp.RequestInfo(address, "POST", headers, address), (), status=400, message="bad"
    )
    assert "dsk-secret" in repr(raised)
    for guard in (unreachable(URL), broken_off(), incomplete(URL)):
        with pytest.raises(CloneError) as caught, guard:
            raise raised
        assert "dsk-secret" not in f"{caught.value} {caught.value!r} {caught.value.detail}"


@pytest.mark.parametrize("raised", [CloneError("x", fault="busy"), KeyError("a bug")], ids=repr)
def test_what_is_not_aiohttps_goes_through(raised: Exception) -> None:
    for guard in (unreachable(URL), broken_off(), incomplete(URL)):
        with pytest.raises(type(raised)) as caught, guard:
            raise raised
        assert caught.value is raised
