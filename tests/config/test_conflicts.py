from __future__ import annotations

import pytest

from tests.config.settings_text import check_mistake, problems, read


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("clone: {base_url: http://example.org}", "config.yaml:1: clone.base_url: plain http would show the API key"),
        ("clone: {base_url: 'https://a:99999'}", "clone.base_url: 'https://a:99999' is no address"),
        ("clone: {base_url: 'https://[:]'}", "clone.base_url: 'https://[:]' is no address"),
        ("clone: {image_url: 'https://a:0/x'}", "clone.image_url: 'https://a:0/x' is no address"),
        ("status: {host: 0.0.0.0}", "config.yaml:1: status.host: '0.0.0.0' lets others on the network in; name a file"),
        (
            "status: {read_token_file: /etc/read-token}",
            "config.yaml:1: status.read_token_file: lets programs follow with this token and control without any; name",
        ),
        (
            "status: {token_file: /etc/token, read_token_file: /etc/token}",
            "status.read_token_file: the same file as status.token_file",
        ),
        (
            "microphone:\n  max_seconds: 1\n  min_hold_ms: 1000",
            "config.yaml:3: microphone.min_hold_ms: must be shorter",
        ),
        (
            "microphone:\n  max_seconds: 1\n  pre_roll_ms: 2000",
            "config.yaml:3: microphone.pre_roll_ms: must be shorter",
        ),
        (
            "speaker: {period_ms: 80}",
            "config.yaml:1: speaker.period_ms: playing starts with at least one period at hand",
        ),
        (
            "button: {pin: GPIO3, pull: down}",
            "button.pull: GPIO3 has a resistor to 3.3 V on the board; set button.pull: up",
        ),
    ],
)
def test_mistakes(text: str, expected: str) -> None:
    check_mistake(text, expected)


@pytest.mark.parametrize(
    "text",
    [
        "clone: {base_url: 'http://127.0.0.2:80'}",
        "clone: {base_url: 'http://[::1]:80'}",
        "clone: {base_url: 'http://localhost'}",
        "clone: {base_url: 'http://example.org', allow_http: true}",
        "status: {host: 0.0.0.0, token_file: /etc/token}",
        "status: {host: localhost}",
        "status: {token_file: /etc/token, read_token_file: /etc/read-token}",
        "speaker: {start_ms: 0, period_ms: 80}",
        "button: {pin: GPIO3, pull: up}",
    ],
)
def test_what_goes_together(text: str) -> None:
    read(text)


def test_a_mistake_is_not_told_twice_as_a_conflict() -> None:
    (problem,) = problems("status:\n  host: 0.0.0.0\n  token_fil: /etc/token\n")
    assert "did you mean token_file?" in problem
