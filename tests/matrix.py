"""The fault matrix: what goes wrong → what the user hears and sees → what the daemon does.

One table for all: `tests/test_exchange.py` and `tests/test_faults.py` walk it, and `docs/faults.md` is written from it:

    python -m tests.matrix > docs/faults.md
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from clonespeaker.cues import FAULTS as CUES
from clonespeaker.errors import FAULTS as TOLD
from clonespeaker.simulate.faults import FAULTS, TLS_FAULTS


@dataclass(frozen=True)
class Row:
    """What comes of a spoken question to a clone that misbehaves.

    Attributes:
        fault: that is told, or None where the question is answered all the same.
        uploads: the requests that reach the clone, "live" or "exact" each.
        heard: the share of the reply that is.
        does: what the daemon does about it.
    """

    fault: str | None
    uploads: str
    heard: float
    does: str


_WHOLE = "sends the recording whole, at once, and stays with that"
_WHOLE_TWICE = "sends the recording whole, at once; stays with that where live never went, or after two in a row"
_WHOLE_ONCE = "sends the recording whole, at once; where that is refused too, gives up"
_THREE = "tries it three times at growing distances, within `clone.retry_for_s`"
_FOUR = "sends the recording whole, at once, then tries twice more"
_NONE = "gives up: trying again would not help"
_LOST = "plays what came, reads the whole text in the clone's history"
_HEARD = "finds in the history that the clone has heard it, does not send it again, reads there what there is to read"
_LATER = "gives up: the clone wants to be left alone for longer than a user waits"
_ON = "goes on with what can be read"

MATRIX: dict[str, Row] = {
    "refuse": Row("offline", "", 0, "keeps the question and tries again for `clone.retry_for_s`, then gives up"),
    "refuse-live": Row(None, "live exact", 1, _WHOLE),
    "reset-live": Row(None, "live exact", 1, _WHOLE_TWICE),
    "reset-at-byte": Row("offline", "live exact exact exact", 0, _FOUR),
    "stall-at-byte": Row("offline", "live live live", 0, "waits 15 s for a piece to be taken; " + _THREE),
    "status-400": Row("rejected", "live exact", 0, _WHOLE_ONCE),
    "status-401": Row("refused", "live", 0, _NONE),
    "status-403": Row("refused", "live", 0, _NONE),
    "status-403-html": Row("refused", "live", 0, _NONE),
    "status-403-prerequisites": Row("prerequisites", "live", 0, _NONE),
    "status-404": Row("no-conversation", "live live", 0, "begins a new conversation and sends it there, once"),
    "status-409": Row("busy", "live live live", 0, _THREE),
    "status-413": Row("rejected", "live exact", 0, _WHOLE_ONCE),
    "status-413-html": Row("rejected", "live exact", 0, _WHOLE_ONCE),
    "status-415": Row("rejected", "live exact", 0, _WHOLE_ONCE),
    "status-422": Row("rejected", "live exact", 0, _WHOLE_ONCE),
    "status-429": Row("busy", "live live live", 0, "waits as long as the clone wants, twice"),
    "status-429-long": Row("busy", "live", 0, _LATER),
    "status-429-date": Row("busy", "live", 0, _LATER),
    "status-429-html": Row("busy", "live", 0, _LATER),
    "status-500": Row("server-error", "live live live", 0, _THREE),
    "status-500-html": Row("server-error", "live live live", 0, _THREE),
    "status-502": Row("server-error", "live live live", 0, _THREE),
    "status-502-html": Row("server-error", "live live live", 0, _THREE),
    "status-503": Row("server-error", "live live live", 0, _THREE),
    "status-503-html": Row("server-error", "live live live", 0, _THREE),
    "status-504": Row("server-error", "live live live", 0, _THREE),
    "status-504-html": Row("server-error", "live live live", 0, _THREE),
    "server-error-html": Row("server-error", "live live live", 0, _THREE),
    "redirect": Row("rejected", "live", 0, "does not follow: the key stays with the server it is meant for"),
    "redirect-here": Row("rejected", "live", 0, "does not follow; says where to"),
    "wrong-content-type": Row("offline", "live live live", 0, "says that the network may want a login; " + _THREE),
    "reset": Row("offline", "live exact exact exact", 0, "looks into the history that it was not heard; " + _FOUR),
    "reset-heard": Row("reply-broken", "live", 0, _HEARD),
    "reset-answered": Row("reply-broken", "live", 0, _HEARD),
    "slow-headers": Row(
        "offline", "live live live", 0, "waits for a minute; tries again if `clone.retry_for_s` is longer"
    ),
    "cut": Row("reply-broken", "live", 0.5, _LOST),
    "cut-after": Row("reply-broken", "live", 3 / 20, _LOST),
    "reset-reply": Row("reply-broken", "live", 0.5, _LOST),
    "stall": Row("reply-broken", "live", 0.5, "waits for 20 s; " + _LOST),
    "slow-drip": Row(None, "live", 1, "plays what is there, gathers more, goes on"),
    "end-early": Row("reply-broken", "live", 1, _LOST),
    "no-done": Row(None, "live", 1, _ON),
    "duplicate-final": Row(None, "live", 1, "takes the first"),
    "endless-stream": Row(None, "live", 0, "plays on, in bounded memory, until somebody presses"),
    "endless-line": Row("reply-broken", "live", 0, "reads on up to a bound, in bounded memory, then gives up"),
    "malformed": Row(None, "live", 1, _ON),
    "bad-base64": Row(None, "live", 0.5, _ON),
    "wrong-wav": Row(None, "live", 0.5, _ON),
    "random-events": Row("reply-broken", "live", 0, "passes over what can't be read; nothing is left"),
    "pings-only": Row("reply-broken", "live", 0, "waits for a minute, then gives up"),
    "gzip": Row(None, "live", 1, "unpacks it"),
    "bad-gzip": Row("reply-broken", "live", 0, _LOST),
    "sse-as-json": Row("reply-broken", "live", 0, _LOST),
    "json-as-sse": Row("reply-broken", "live", 0, _LOST),
}
"""Name in the simulated clone's `FAULTS` → what comes of it, as long as it lasts."""

TLS: dict[str, str] = {
    "tls-expired": "certificate has expired",
    "tls-wrong-host": "certificate is not valid for",
    "tls-self-signed": "self-signed certificate",
}
"""Name in `TLS_FAULTS` → what the message says of the cause. All are told as `offline`; no key goes out."""


@dataclass(frozen=True)
class Mishap:
    """What goes wrong on this side.

    Attributes:
        what: it is.
        hears: the user.
        fault: that is told, or None.
        does: the daemon.
        test: that shows it.
    """

    what: str
    hears: str
    fault: str | None
    does: str
    test: str


_ERROR = "the fault's earcon, and words"
MISHAPS = [
    Mishap(
        "the microphone is muted in its mixer, or gives digital silence",
        _ERROR,
        "no-sound",
        "sends nothing; the hint ends with the next press, or after 20 s",
        "test_silence_is_not_asked",
    ),
    Mishap(
        "the microphone clips",
        "the answer",
        "too-loud",
        "tells it beside the answer; likewise",
        "test_a_hint_goes_with_an_answer_and_ends_with_the_next_press",
    ),
    Mishap(
        "the microphone is set too low, or nobody speaks",
        "the answer",
        "too-quiet",
        "tells it beside the answer; likewise",
        "test_a_hint_goes_with_an_answer_and_ends_with_the_next_press",
    ),
    Mishap(
        "the microphone is unplugged while nobody speaks",
        f"at a press, {_ERROR}",
        "no-microphone",
        "opens it again when it is back",
        "test_one_that_is_unplugged_and_plugged_in_again",
    ),
    Mishap(
        "the microphone is unplugged while the user speaks",
        "the answer to what was said until then",
        "no-microphone",
        "ends the question there, and sends it",
        "test_what_was_said_until_the_microphone_went_is_answered",
    ),
    Mishap(
        "the speaker is unplugged while the clone speaks",
        "nothing more",
        "no-speaker",
        "ends the turn; the whole text goes to the screen",
        "test_a_speaker_that_falls_silent",
    ),
    Mishap(
        "the speaker is unplugged in its sleep",
        "nothing",
        "no-speaker",
        "misses it within a second",
        "test_a_speaker_that_is_unplugged_in_its_sleep",
    ),
    Mishap(
        "a card comes after the start",
        "nothing",
        None,
        "looks for devices anew, as soon as nobody speaks",
        "test_a_microphone_that_comes_later_is_found_though_the_speaker_is_open",
    ),
    Mishap(
        "another program holds the card",
        f"at a press, {_ERROR}",
        "no-microphone",
        "names the program; takes the card when it is free",
        "test_a_card_that_another_program_sets_free",
    ),
    Mishap(
        "the sound server dies",
        "nothing more",
        "no-microphone",
        "opens both when it is back",
        "test_killed_and_started_again",
    ),
    Mishap(
        "the sound server, or a card, hangs for a while",
        "nothing more",
        "no-microphone",
        "waits beside the hanging call, opens both when it returns",
        "test_frozen_for_a_while",
    ),
    Mishap(
        "the sound server, or a card, hangs for good",
        "nothing more",
        "no-microphone",
        "ends after five seconds; the service manager starts it afresh",
        "test_frozen_for_good",
    ),
    Mishap(
        "there is no network",
        f"{_ERROR}, after `clone.retry_for_s`",
        "offline",
        "keeps the question; sends it when the network is back in time",
        "test_a_question_is_kept_until_the_network_is_back",
    ),
    Mishap(
        "the network goes when the question has gone out",
        f"the answer, or {_ERROR}",
        "offline",
        "asks the history first, once it can be had",
        "test_whether_it_was_heard_is_found_out_once_the_network_is_back",
    ),
    Mishap(
        "the conversation is longer than the network brings in a few seconds",
        "the answer",
        None,
        "goes on with it at once; what was said before comes to the screens later",
        "test_one_that_comes_slowly_is_not_waited_for",
    ),
    Mishap(
        "no new conversation can be had when a visitor has gone (`clone.new_conversation_after_s`)",
        "nothing",
        None,
        "forgets the old one; the next question begins another",
        "test_the_next_visitor_begins_afresh_though_that_could_not_be_done_at_once",
    ),
    Mishap(
        "the button is held for longer than a recording may be",
        "the answer",
        "button-stuck",
        "sends what was said",
        "test_a_button_that_is_stuck",
    ),
    Mishap(
        "the button is down at the start",
        "nothing",
        "button-stuck",
        "waits until it comes up",
        "test_a_button_that_is_down_at_the_start",
    ),
    Mishap("a press while it is muted", _ERROR, "muted", "records nothing", "test_muted"),
    Mishap(
        "the program hangs",
        "nothing",
        None,
        "the service manager's watchdog is not fed any more, and starts it afresh",
        "test_the_watchdog_goes_hungry_where_the_loop_stands_still",
    ),
    Mishap(
        "a power cut, `kill -9`",
        "nothing",
        None,
        "starts again with its conversation",
        "test_killed_at_any_moment_it_goes_on_with_its_conversation",
    ),
    Mishap(
        "new settings are wrong",
        "nothing",
        None,
        "tells all mistakes, and keeps the old ones",
        "test_bad_settings_change_nothing",
    ),
]


_BEGINNING = """\
# What goes wrong, and what then

Written from the table that the tests walk (`python -m tests.matrix > docs/faults.md`): every row was provoked, the
fault told, and the next turn answered. Each fault ends by itself when its cause does. What is *seen* is on the
websocket and the journal, with the cause, how often it was tried, and when the next try is. A screen shows the same
words with what to do: [states.md](states.md) has all of them, and how they light and sound.

## The clone misbehaves

As the simulated clone can (`clonespeaker simulate --fault NAME`), with every question as long as it lasts; other
requests (the history, who it is) go well, but where it can't be reached at all.

| fault | what the clone does | heard | seen | the daemon |
|---|---|---|---|---|"""


def hears(row: Row) -> str:
    """What the user does, of a clone that misbehaves."""
    if row.fault is None:
        return "the answer" if row.heard == 1 else "the answer, with gaps" if row.heard else "the answer, without end"
    told = aloud(row.fault)
    return f"what came of the answer, then {told}" if row.heard else told


def aloud(fault: str) -> str:
    """How a fault is heard by whoever asked."""
    return f"`{CUES[fault].earcon}`, and words"


def page() -> str:
    """`docs/faults.md`."""
    lines = [_BEGINNING]
    for name, row in MATRIX.items():
        seen = f"“{TOLD[row.fault]}” (`{row.fault}`)" if row.fault else "the answer’s text"
        lines.append(f"| `{name}` | {FAULTS[name].what} | {hears(row)} | {seen} | {row.does} |")
    for name in TLS:
        seen = f"“{TOLD['offline']}” (`offline`)"
        lines.append(
            f"| `{name}` | {TLS_FAULTS[name]} | {aloud('offline')} | {seen} | sends nothing; says what is wrong |"
        )
    lines += [
        "",
        "## Something on this side does",
        "",
        "| what | heard | seen | the daemon | test |",
        "|---|---|---|---|---|",
    ]
    for each in MISHAPS:
        seen = f"“{TOLD[each.fault]}” (`{each.fault}`)" if each.fault else ""
        test = each.test.removeprefix("test_").replace("_", " ")
        lines.append(f"| {each.what} | {each.hears} | {seen} | {each.does} | {test} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
