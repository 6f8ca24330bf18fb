from __future__ import annotations

import json
import re
import shlex
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from clonespeaker.simulate.faults import FAULTS, TLS_FAULTS
from tests.cli.conftest import Run

Start = Callable[..., "AbstractContextManager[Simulating]"]


class Simulating:
    """`clonespeaker simulate`, as a process, and what it said of itself."""

    def __init__(self, said: str) -> None:
        self.said = said
        found = re.search(r"listens at (https?://\S+);", said)
        assert found is not None
        self.url = found[1]

    def call(self, path: str, *, method: str = "GET", body: Any = None, tls: ssl.SSLContext | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(self.url + path, data, method=method), timeout=30, context=tls) as answer:
            return json.loads(answer.read() or "null")


@pytest.fixture
def start(environment: dict[str, str]) -> Start:
    @contextmanager
    def start(*arguments: str) -> Iterator[Simulating]:
        command = [sys.executable, "-m", "clonespeaker", "simulate", "--port", "0", *arguments]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        with process:
            yield Simulating("".join(process.stdout.readline() for _ in range(4)))
            process.terminate()
            assert process.wait(10) == 0

    return start


def test_every_fault_is_listed_with_what_a_client_sees(run: Run) -> None:
    listed = run("simulate", "--fault", "list").stdout
    for name, fault in FAULTS.items():
        assert re.search(rf"^{name}(\[=[A-Z/]+\])? +{re.escape(fault.what)}$", listed, re.MULTILINE)
    for name, what in TLS_FAULTS.items():
        assert re.search(rf"^{name} +{what}$", listed, re.MULTILINE)
    assert "cut-after[=EVENTS] " in listed


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("cut-aftr=3", 'there is no fault "cut-aftr"; did you mean "cut-after"?'),
        ("tls-expird", 'did you mean "tls-expired"?'),
        ("cut-after=x", 'takes events, 0 or more, not "x"'),
        ("gzip=1", "takes no number"),
    ],
)
def test_faults_that_there_are_not(run: Run, fault: str, words: str) -> None:
    done = run("simulate", "--fault", fault)
    assert done.returncode == 2
    assert words in done.stderr


def test_faults_by_name_number_and_times(start: Start) -> None:
    with start("--fault", "cut-after=2", "--fault-times", "1", "--reply-text", "Quite so.", "--think", "0") as clone:
        assert clone.url.startswith("http://127.0.0.1:")
        told = clone.call("/simulated/faults")
        assert (told["fault"], told["at"]) == ("cut-after", 2)
        clone.call("/simulated/fault", method="PUT", body={"fault": None})
        assert clone.call("/simulated/faults")["fault"] is None
        assert clone.call("/simulated/received") == {"received": []}
        assert f"curl -X PUT {clone.url}/simulated/fault -d " in clone.said


def test_a_name_sources_and_a_picture(start: Start, run: Run) -> None:
    with start("--name", "Ada", "--citations", "4", "--picture", "--think", "0") as clone:
        done = run("ask", "Who are you?", "--reply", "text", "--json", CLONESPEAKER_CLONE__BASE_URL=clone.url)
        told = json.loads(done.stdout)
        assert len({each["url"] for each in told["citations"]}) == 4
        with urlopen(told["image_url"], timeout=30) as answer:
            assert answer.headers["Content-Type"] == "image/png"
            assert answer.read().startswith(b"\x89PNG\r\n\x1a\n")
        asked = Request(
            f"{clone.url}/v3/clone?slug=my-clone", headers={"x-api-key": "dsk-simulated", "User-Agent": "t"}
        )
        with urlopen(asked, timeout=30) as answer:
            assert json.load(answer)["clone"]["name"] == "Ada"


def test_a_picture_from_elsewhere(start: Start, run: Run) -> None:
    with start("--image-url", "https://example.org/sun.jpg", "--think", "0") as clone:
        done = run("ask", "Hello", "--reply", "text", "--json", CLONESPEAKER_CLONE__BASE_URL=clone.url)
        assert json.loads(done.stdout)["image_url"] == "https://example.org/sun.jpg"
    assert run("simulate", "--picture", "--image-url", "https://example.org/sun.jpg").returncode == 2


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--tls", "valid"], None),
        (["--tls", "expired"], "certificate has expired"),
        (["--fault", "tls-expired"], "certificate has expired"),
        (["--fault", "tls-wrong-host"], "IP address mismatch"),
        (["--fault", "tls-self-signed"], "self-signed certificate"),
    ],
)
def test_https_with_the_authority_that_it_tells_to_trust(
    start: Start, arguments: list[str], reason: str | None
) -> None:
    with start(*arguments) as clone:
        assert clone.url.startswith("https://")
        told = dict(word.split("=", 1) for word in shlex.split(clone.said.splitlines()[1])[:4])
        assert told["CLONESPEAKER_CLONE__BASE_URL"] == clone.url
        trusting = ssl.create_default_context(cafile=told["SSL_CERT_FILE"])
        if reason is None:
            assert clone.call("/simulated/faults", tls=trusting)["fault"] is None
        else:
            with pytest.raises(URLError, match=reason):
                clone.call("/simulated/faults", tls=trusting)
