"""An exchange between a voice that is written down and a clone that misbehaves."""

from __future__ import annotations

import asyncio
import base64
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from clonespeaker import attempts, exchange
from clonespeaker.audio import wav
from clonespeaker.audio.files import WavRecorder
from clonespeaker.audio.pcm import Samples
from clonespeaker.clone.client import CloneClient, Patience
from clonespeaker.clone.reply import Citation
from clonespeaker.conversation import Conversation
from clonespeaker.errors import CloneError, ClonespeakerError, DeviceError, MediaError
from clonespeaker.exchange import Exchange, Manner
from clonespeaker.simulate.conversations import Message
from clonespeaker.simulate.faults import FAULTS
from clonespeaker.simulate.received import Received
from clonespeaker.simulate.server import SimulatedClone
from clonespeaker.timeline import Timeline
from clonespeaker.utterance import Utterance
from tests.matrix import MATRIX
from tests.peers import IMPATIENT, KEY, Peer, connected, serving, until

SPEECH: Samples = (8_000 * np.sin(np.arange(4_400) / 7)).astype(np.int16)
SNIPPETS = 20  # what the clone of these tests makes of it
NOBODY = "00000000-0000-4000-8000-000000000000"


class Recorder:
    """A voice whose ear is at hand: everything that is put into it has been heard at once."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.no_speaker: DeviceError | None = None
        self.wakes = True
        self.breaks_after = sys.maxsize  # samples

    def play(self) -> Reply:
        if self.no_speaker is not None:
            raise self.no_speaker
        self.replies.append(Reply(self.breaks_after if self.wakes else -1))
        return self.replies[-1]

    @property
    def heard(self) -> Samples:
        """Of the last reply."""
        return np.concatenate([np.zeros(0, np.int16), *self.replies[-1].pieces])


class Reply:
    """One reply to a `Recorder`."""

    def __init__(self, breaks_after: int) -> None:
        self._breaks_after = breaks_after
        self.pieces: list[Samples] = []
        self.rates_hz: set[int] = set()
        self.is_complete = self.is_drained = self.is_over = False
        self.first_heard_at: float | None = None
        self.last_heard_at: float | None = None
        self.underruns = 3
        self.on_start: Callable[[], None] = lambda: None
        self.on_play: Callable[[Samples], None] = lambda samples: None

    @property
    def played_ms(self) -> float:
        return sum(piece.size for piece in self.pieces) / 44.1

    async def __aenter__(self) -> Reply:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.is_over = True

    async def put(self, samples: Samples, rate_hz: int) -> None:
        assert not self.is_complete
        if self._breaks_after < 0:
            raise DeviceError("speaker", "it does not start")
        self.pieces.append(samples)
        self.rates_hz.add(rate_hz)
        self.last_heard_at = time.monotonic()
        if self.first_heard_at is None:
            self.first_heard_at = self.last_heard_at
            self.on_start()
        self.on_play(samples)
        self._work()

    def complete(self) -> None:
        self.is_complete = True

    async def drain(self) -> None:
        assert self.is_complete
        self._work()
        self.is_drained = True

    def _work(self) -> None:
        if sum(piece.size for piece in self.pieces) >= self._breaks_after:
            raise DeviceError("speaker", "the speaker stopped")


@dataclass
class Listener:
    """An audience that takes notes."""

    captions: list[tuple[str, bool]] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    citations: list[Citation] = field(default_factory=list)
    played: int = 0
    starts: int = 0
    answers: int = 0
    waits: list[str] = field(default_factory=list)

    def on_wait(self, error: CloneError) -> None:
        self.waits.append(str(error))

    def on_answer(self) -> None:
        self.answers += 1

    def on_caption(self, text: str, *, final: bool) -> None:
        self.captions.append((text, final))

    def on_picture(self, url: str) -> None:
        self.pictures.append(url)

    def on_citations(self, citations: tuple[Citation, ...]) -> None:
        self.citations += citations

    def on_play(self, samples: Samples) -> None:
        self.played += samples.size

    def on_first_sound(self) -> None:
        self.starts += 1

    @property
    def last(self) -> tuple[str, bool]:
        return self.captions[-1]


class Talk:
    """A clone, a way to it, and what came of it."""

    def __init__(self, client: CloneClient, clone: SimulatedClone | None = None, **options: Any) -> None:
        self.client = client
        self.clone = clone or SimulatedClone()
        self.voice = Recorder()
        self.conversation = Conversation(client, None, slug="my-clone")
        self.listener = Listener()
        self.timeline = Timeline()
        self.exchange = self.make_exchange(**options)

    def make_exchange(self, **options: Any) -> Exchange:
        voice = options.pop("voice", self.voice)
        self.exchange = Exchange(self.client, self.conversation, voice, Manner(**options))
        return self.exchange

    async def ask(self, question: Utterance | str | None = None, *, speaks: bool = False, **options: Any) -> str | None:
        """One turn, in which the user may still speak → None where it was answered, else the fault's name."""
        self.listener, self.timeline = Listener(), Timeline()
        self.timeline.begin_without_button()
        if speaks:
            self.timeline.released = None
        try:
            await self.exchange.run(question or Utterance.of(SPEECH), self.timeline, self.listener, **options)
        except ClonespeakerError as error:
            return error.fault
        return None

    @property
    def uploads(self) -> list[str]:
        """How each request came, oldest first."""
        return ["live" if request.live else "exact" for request in self.clone.received]

    async def history(self) -> list[str | None]:
        assert self.conversation.id
        return [message.sender for message in await self.client.history(self.conversation.id)]


@asynccontextmanager
async def talking(
    clone: SimulatedClone | None = None, *, patience: Patience | None = None, **options: Any
) -> AsyncIterator[Talk]:
    clone = clone or SimulatedClone()
    clone.think_s, clone.voice, clone.snippet_ms, clone.rate_limit_per_minute = 0, "echo", 5, None
    try:
        async with connected(await clone.start(), patience=patience) as client:
            yield Talk(client, clone, **options)
    finally:
        await clone.stop()


@pytest.fixture
async def talk() -> AsyncIterator[Talk]:
    async with talking() as talk:
        yield talk


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "_BACKOFF_S", 0.01)
    monkeypatch.setattr(exchange, "_TEXT_AFTER_S", (0.0, 0.05))


# A turn that goes well


@pytest.mark.parametrize("upload", ["live", "exact", "auto"])
async def test_speech_is_answered(upload: str) -> None:
    async with talking(upload=upload) as talk:
        talk.clone.citations = [{"url": "https://example.org", "title": "A", "text": "B", "type": "web"}]
        talk.clone.image_url = "https://example.org/picture.png"
        assert await talk.ask() is None
        (received,) = talk.clone.received
        assert received.pcm == SPEECH.tobytes()
        assert received.fields == {
            "conversation_id": talk.conversation.id,
            "response_type": "voice",
            "stream": True,
        }
        assert np.array_equal(talk.voice.heard, SPEECH)
        assert talk.voice.replies[0].rates_hz == {44_100}
        assert talk.voice.replies[0].is_drained
        assert talk.voice.replies[0].is_over
        assert talk.listener.last == ("I heard you for 0.1 seconds.", True)
        assert talk.listener.pictures == ["https://example.org/picture.png"]
        assert [citation.title for citation in talk.listener.citations] == ["A"]
        assert (talk.listener.played, talk.listener.starts) == (SPEECH.size, 1)


async def test_its_timeline(talk: Talk) -> None:
    assert await talk.ask() is None
    timeline = talk.timeline
    assert (timeline.upload, timeline.retries, timeline.http_status) == ("live", 0, 200)
    assert [timeline.utterance_ms, timeline.reply_ms] == pytest.approx([SPEECH.size / 44.1] * 2)
    assert timeline.underruns == talk.voice.replies[0].underruns
    stages = [
        timeline.connected,
        timeline.body_sent,
        timeline.first_event,
        timeline.first_audio,
        timeline.first_sound,
        timeline.last_audio,
        timeline.drained,
    ]
    times = [stage for stage in stages if stage is not None]
    assert len(times) == len(stages)
    assert times[:5] == sorted(times[:5])
    assert times[4] <= times[6]
    assert times[5] <= times[6]


async def test_text_is_answered(talk: Talk) -> None:
    talk.clone.tone_s = 0.1
    assert await talk.ask("Hello", image_url="https://example.org/camera.jpg") is None
    (received,) = talk.clone.received
    assert received.fields["user_message"] == "Hello"
    assert received.fields["image_url"] == "https://example.org/camera.jpg"
    assert not received.live
    assert talk.timeline.upload is None
    assert talk.timeline.utterance_ms == 0
    assert talk.voice.heard.size == 4_410


async def test_the_configured_picture_goes_along_unless_there_is_another(talk: Talk) -> None:
    talk.make_exchange(image_url="https://example.org/a.jpg")
    await talk.ask("one")
    await talk.ask("two", image_url="https://example.org/b.jpg")
    await talk.ask()
    links = [received.fields["image_url"][-5:] for received in talk.clone.received]
    assert links == ["a.jpg", "b.jpg", "a.jpg"]


async def test_an_answer_in_text_needs_no_voice(talk: Talk) -> None:
    talk.make_exchange(reply="text")
    assert await talk.ask("one two") is None
    assert talk.voice.replies == []
    assert talk.listener.captions == [
        ("You ", False),
        ("You wrote: ", False),
        ("You wrote: one ", False),
        ("You wrote: one two", False),
        ("You wrote: one two", True),
    ]
    assert talk.timeline.first_event is not None
    assert talk.timeline.first_audio is None
    assert talk.timeline.drained is None


@pytest.mark.parametrize("reply", ["voice", "text"])
async def test_an_answer_that_is_not_streamed(talk: Talk, reply: str) -> None:
    talk.make_exchange(reply=reply, stream=False)
    assert await talk.ask() is None
    assert talk.listener.captions == [("I heard you for 0.1 seconds.", True)]
    assert talk.clone.received[0].fields["stream"] is False
    if reply == "voice":
        assert np.array_equal(talk.voice.heard, SPEECH)


@pytest.mark.parametrize("encoding", ["raw", "wav-first", "wav-each", "mp3"])
@pytest.mark.parametrize("stream", [True, False])
async def test_every_encoding_is_heard(talk: Talk, encoding: Any, stream: bool) -> None:
    talk.clone.encoding, talk.clone.rate_hz, talk.clone.tone_s = encoding, 24_000, 0.5
    talk.make_exchange(stream=stream, raw_rate_hz=24_000)
    assert await talk.ask("Hello") is None
    assert talk.voice.replies[0].rates_hz == {24_000}
    assert talk.voice.heard.size == pytest.approx(12_000, abs=2_000 if encoding == "mp3" else 0)
    assert np.abs(talk.voice.heard).max() == pytest.approx(8_000, rel=0.1)


async def test_snippets_that_cut_samples_in_two(talk: Talk) -> None:
    talk.clone.snippet_bytes, talk.clone.cut_bytes = 333, 100
    assert await talk.ask() is None
    assert np.array_equal(talk.voice.heard, SPEECH)


async def test_an_answer_into_a_file(talk: Talk, tmp_path: Path) -> None:
    talk.clone.rate_hz = 22_050
    talk.make_exchange(voice=WavRecorder(tmp_path / "reply.wav"), raw_rate_hz=22_050)
    assert await talk.ask() is None
    samples, rate_hz = wav.read((tmp_path / "reply.wav").read_bytes())
    assert rate_hz == 44_100
    assert samples.size == pytest.approx(SPEECH.size, abs=2)
    assert talk.timeline.reply_ms == pytest.approx(SPEECH.size / 44.1, abs=1)


def is_newer(received: Received, than_s: float | None) -> bool:
    return received.last_byte_s != than_s


async def test_the_body_flows_while_the_user_speaks(talk: Talk) -> None:
    utterance = Utterance()
    turn = asyncio.create_task(talk.ask(utterance))
    await until(lambda: talk.clone.received and talk.clone.received[0].first_byte_s)
    (received,) = talk.clone.received
    for piece in np.array_split(SPEECH, 7):  # of any length, whole groups of 3 bytes or not
        before = received.last_byte_s
        utterance.add(piece)
        await until(partial(is_newer, received, before))
    assert not received.complete
    assert not turn.done()
    utterance.end()
    assert await turn is None
    assert received.pcm == SPEECH.tobytes()
    assert len(talk.clone.received) == 1


async def test_an_exact_body_waits_for_the_users_end(talk: Talk) -> None:
    talk.make_exchange(upload="exact")
    utterance = Utterance()
    turn = asyncio.create_task(talk.ask(utterance))
    await until(lambda: talk.conversation.id)
    utterance.add(SPEECH)
    await asyncio.sleep(0.05)
    assert talk.clone.received == []
    utterance.end()
    assert await turn is None
    (received,) = talk.clone.received
    assert received.headers["content-length"]
    assert received.pcm == SPEECH.tobytes()


async def test_a_cancelled_turn_breaks_its_body_off(talk: Talk) -> None:
    utterance = Utterance()
    utterance.add(SPEECH)
    turn = asyncio.create_task(talk.ask(utterance))
    await until(lambda: talk.clone.received and talk.clone.received[0].first_byte_s)
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    assert talk.voice.replies[0].is_over
    assert await talk.ask() is None
    assert [received.complete for received in talk.clone.received] == [False, True]
    assert await talk.history() == ["CLONE", "USER", "CLONE"]


# Faults. Each of `FAULTS` lasts; the upload is auto.


def test_no_fault_is_without_an_outcome() -> None:
    assert set(MATRIX) == set(FAULTS)


async def test_refused_connections(talk: Talk) -> None:
    talk.make_exchange(retry_for_s=2)
    assert await talk.ask("Hello") is None
    talk.clone.fault = "refuse"
    await asyncio.sleep(0.01)  # what was open closes
    assert await talk.ask() == "offline"
    assert talk.timeline.retries > attempts.RETRIES
    assert len(talk.uploads) == 1
    talk.clone.fault = None
    assert await talk.ask() is None


async def test_a_reply_without_end_is_heard_until_it_is_cancelled(talk: Talk) -> None:
    talk.clone.fault = "endless-stream"
    turn = asyncio.create_task(talk.ask())
    await until(lambda: talk.voice.replies and len(talk.voice.replies[0].pieces) > 3 * SNIPPETS)
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    assert talk.voice.replies[0].is_over
    talk.clone.fault = None
    assert await talk.ask() is None


@pytest.mark.parametrize("name", [name for name in MATRIX if name not in ("refuse", "endless-stream")])
async def test_faults(name: str) -> None:
    expected = MATRIX[name]
    async with talking(patience=IMPATIENT) as talk:
        talk.clone.fault = name
        assert await talk.ask() == expected.fault
        assert talk.uploads == expected.uploads.split()
        assert talk.timeline.retries == len(talk.uploads) - 1
        assert talk.timeline.upload == talk.uploads[-1]
        assert talk.voice.heard.size == expected.heard * SPEECH.size
        assert talk.voice.replies[0].is_drained or not expected.heard
        assert talk.voice.replies[0].is_over
        if expected.heard:
            assert talk.listener.last == ("I heard you for 0.1 seconds.", True)  # the whole text, in any case
        heard_twice = [sender for sender in await talk.history() if sender == "USER"]
        assert len(heard_twice) <= 1
        talk.clone.fault = None
        assert await talk.ask() is None  # nothing of it is left
        assert np.array_equal(talk.voice.heard, SPEECH)


@pytest.mark.parametrize("name", ["status-500", "status-503", "server-error-html", "reset"])
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("question", ["text", "speech"])
async def test_what_passes_by_itself_is_tried_again(talk: Talk, name: str, times: int, question: str) -> None:
    talk.clone.fault_once(name, times)
    assert await talk.ask("Hello" if question == "text" else None) is None
    assert len(talk.clone.received) == 1 + times
    assert talk.timeline.retries == times
    assert await talk.history() == ["CLONE", "USER", "CLONE"]


async def test_a_clone_that_refuses_to_begin_a_conversation_is_reached_all_the_same(talk: Talk) -> None:
    asked = 0

    async def serve(peer: Peer) -> None:
        nonlocal asked
        await peer.request()
        asked += 1
        await peer.answer("429 Too Many Requests", b'{"detail": "slowly"}', Connection="close")

    async with serving(serve) as server, connected(server.url) as client:
        assert await Talk(client).ask("Hello") == "busy"
    assert asked == 1 + attempts.RETRIES


async def test_a_clone_that_wants_to_be_left_alone_while_the_user_speaks_is_told_at_once(talk: Talk) -> None:
    utterance = Utterance()
    utterance.add(SPEECH)
    talk.clone.fault = "status-429-long"
    async with asyncio.timeout(30):
        assert await talk.ask(utterance, speaks=True) == "busy"


async def test_a_clone_that_is_slow_to_write_down_what_it_heard_is_not_asked_twice() -> None:
    """502 from a gateway, and then 409, for the clone is still busy with the first."""
    lines: list[dict[str, str]] = []
    asked = 0

    async def serve(peer: Peer) -> None:
        nonlocal asked
        request = await peer.request()
        if b"/new" in request:
            await peer.answer("200 OK", b'{"new": {"conversation_id": "%s"}}' % NOBODY.encode(), Connection="close")
        elif b"generate" in request:
            asked += 1
            await peer.answer("502 Bad Gateway" if asked == 1 else "409 Conflict", b"{}", Connection="close")
            if asked == 2:
                lines.append({"text": "Hello", "sender": "USER"})
        else:
            await peer.answer("200 OK", msgspec.json.encode({"history": lines}), Connection="close")

    async with serving(serve) as server, connected(server.url) as client:
        assert await Talk(client).ask("Hello") == "reply-broken"
    assert asked == 2


async def test_retry_after_is_waited_for(talk: Talk) -> None:
    talk.clone.fault_once("status-429")
    begun = time.monotonic()
    assert await talk.ask("Hello") is None
    assert time.monotonic() - begun >= 1.0


async def test_but_not_for_long() -> None:
    async with talking() as talk:
        talk.clone.rate_limit_per_minute = 0
        assert await talk.ask("Hello") == "busy"
        assert len(talk.clone.received) == 1


@asynccontextmanager
async def gone(talk: Talk) -> AsyncIterator[Callable[[], Awaitable[object]]]:
    """The clone can't be reached until what this gives is called; it has the conversation."""
    await talk.conversation.current()
    port = int(talk.client.base_url.rpartition(":")[2])
    await talk.clone.stop()
    yield partial(talk.clone.start, port=port)


async def test_nobody_there_is_tried_again_for_so_long(talk: Talk) -> None:
    talk.make_exchange(retry_for_s=0.3)
    async with gone(talk) as come_back:
        assert await talk.ask("Hello") == "offline"
        assert talk.timeline.retries >= 3
        assert len(talk.listener.waits) == talk.timeline.retries
        assert "can't connect" in talk.listener.waits[1]
        assert re.search(r"; tried 2 times, again in 0\.\d s$", talk.listener.waits[1])
        await come_back()
    assert await talk.ask("Hello") is None


async def test_nobody_there_is_told_at_once_where_nobody_wants_to_wait(talk: Talk) -> None:
    talk.make_exchange(retry_for_s=0)
    async with gone(talk) as come_back:
        assert await talk.ask("Hello") == "offline"
        assert talk.timeline.retries == 0
        await come_back()


@pytest.mark.parametrize("question", ["text", "speech"])
async def test_a_question_is_kept_until_the_network_is_back(talk: Talk, question: str) -> None:
    async with gone(talk) as come_back:
        turn = asyncio.create_task(talk.ask("Hello" if question == "text" else None))
        await until(lambda: len(talk.listener.waits) >= 3)
        await come_back()
        assert await turn is None
    assert talk.listener.answers == 1
    assert await talk.history() == ["CLONE", "USER", "CLONE"]
    if question == "speech":
        assert talk.clone.received[0].pcm == SPEECH.tobytes()


async def test_while_the_user_speaks_it_is_tried_without_end(talk: Talk) -> None:
    talk.make_exchange(retry_for_s=0)
    utterance = Utterance()
    utterance.add(SPEECH)
    async with gone(talk) as come_back:
        turn = asyncio.create_task(talk.ask(utterance, speaks=True))
        await until(lambda: len(talk.listener.waits) >= 3)
        await come_back()
        await until(lambda: talk.clone.received and talk.clone.received[0].first_byte_s)
    assert talk.uploads == ["live"]
    talk.timeline.released = time.monotonic()
    utterance.end()
    assert await turn is None
    assert talk.clone.received[0].pcm == SPEECH.tobytes()


@pytest.mark.parametrize("name", ["reset", "reset-answered"])
async def test_whether_it_was_heard_is_found_out_once_the_network_is_back(talk: Talk, name: str) -> None:
    """Until then nothing is sent again."""
    await talk.conversation.current()
    talk.clone.fault_once(name)
    turn = asyncio.create_task(talk.ask("Hello"))
    await until(lambda: talk.clone.received and talk.clone.received[0].complete)
    async with gone(talk) as come_back:
        await until(lambda: len(talk.listener.waits) >= 2)
        await come_back()
    assert await turn == (None if name == "reset" else "reply-broken")
    assert await talk.history() == ["CLONE", "USER", "CLONE"]
    assert talk.listener.last == ("You wrote: Hello", True)  # to be read, at least


async def test_an_answer_that_comes_into_the_history_later_is_read_there(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "_TEXT_AFTER_S", (0.0, 1.0, 1.0))
    conversation_id = await talk.conversation.current()
    talk.clone.fault_once("reset-heard")
    turn = asyncio.create_task(talk.ask("Hello"))
    heard = talk.clone._memory.find("id", conversation_id).messages
    await until(lambda: len(heard) == 2)
    await asyncio.sleep(0.03)
    heard.append(Message("CLONE", "Here I am"))
    assert await turn == "reply-broken"
    assert talk.listener.last == ("Here I am", True)


async def test_a_question_whose_conversation_is_renewed_meanwhile_goes_to_the_new_one(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await talk.ask("Hello") is None
    monkeypatch.setattr(attempts, "_BACKOFF_S", 1.0)
    talk.clone.fault_once("status-503")
    turn = asyncio.create_task(talk.ask("Hello again"))
    await until(lambda: talk.listener.waits)
    await talk.conversation.renew()
    assert await turn is None
    assert await talk.history() == ["CLONE", "USER", "CLONE"]


async def test_once_exact_was_taken_uploads_stay_exact(talk: Talk) -> None:
    talk.clone.fault_once("refuse-live")
    assert await talk.ask() is None
    assert talk.uploads == ["live", "exact"]
    assert await talk.ask() is None
    assert talk.uploads == ["live", "exact", "exact"]
    assert (talk.timeline.upload, talk.timeline.retries) == ("exact", 0)


async def test_after_a_week_live_is_tried_again(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    talk.exchange.send_whole()
    assert await talk.ask() is None
    monkeypatch.setattr(exchange, "EXACT_FOR_S", -1.0)
    assert await talk.ask() is None
    assert talk.uploads == ["exact", "live"]


@pytest.mark.parametrize(("fault", "found"), [("", [True]), ("refuse-live", [False]), ("reset-live", [])])
async def test_what_a_server_shows_of_live_uploads_is_told_once(talk: Talk, fault: str, found: list[bool]) -> None:
    told: list[bool] = []
    talk.exchange.on_upload = told.append
    assert await (ask_through(talk, fault) if fault else talk.ask()) is None
    for question in ("Hello", None):
        assert await talk.ask(question) is None
    assert told == found


async def ask_through(talk: Talk, fault: str) -> str | None:
    """A turn whose live upload meets a fault while the user speaks."""
    talk.clone.fault_once(fault)
    utterance, before = Utterance(), talk.timeline
    utterance.add(SPEECH)
    turn = asyncio.create_task(talk.ask(utterance))
    await until(lambda: talk.timeline is not before and talk.timeline.retries)
    utterance.end()
    return await turn


@pytest.mark.parametrize("is_known", [True, False], ids=["before a restart", "now"])
async def test_an_upload_that_breaks_off_once_is_an_accident_where_live_has_gone_before(
    talk: Talk, is_known: bool
) -> None:
    if is_known:
        talk.exchange.expect_live()
    else:
        assert await talk.ask() is None
        talk.clone.received.clear()
    assert await ask_through(talk, "reset-live") is None
    assert await talk.ask() is None
    assert talk.uploads == ["live", "exact", "live"]
    assert talk.exchange.takes_live
    for _ in range(2):
        assert await ask_through(talk, "reset-live") is None
    assert await talk.ask() is None
    assert talk.uploads[3:] == ["live", "exact", "live", "exact", "exact"]
    assert not talk.exchange.takes_live


async def test_where_live_has_never_gone_one_is_enough(talk: Talk) -> None:
    assert await ask_through(talk, "reset-live") is None
    assert await talk.ask() is None
    assert talk.uploads == ["live", "exact", "exact"]


async def test_a_server_that_breaks_off_when_it_has_all_refuses_nothing(talk: Talk) -> None:
    """It restarts, say; only that question goes again as exact, for it may have been the form after all."""
    for _ in range(2):
        talk.clone.fault_once("reset")
        assert await talk.ask() is None
    assert await talk.ask() is None
    assert talk.uploads == ["live", "exact", "live", "exact", "live"]


@pytest.mark.parametrize("name", ["status-400", "status-413", "status-422"])
async def test_where_exact_was_refused_too_live_was_not_at_fault(talk: Talk, name: str) -> None:
    talk.clone.fault_once(name, 2)
    assert await talk.ask() == "rejected"
    assert await talk.ask() is None
    assert talk.uploads == ["live", "exact", "live"]


@pytest.mark.parametrize("name", ["refuse-live", "reset-live", "status-422", "status-413"])
async def test_who_wants_live_gets_live(talk: Talk, name: str) -> None:
    talk.make_exchange(upload="live")
    talk.clone.fault = name
    assert await talk.ask() is not None
    assert set(talk.uploads) == {"live"}


async def test_text_is_never_sent_twice_for_its_form(talk: Talk) -> None:
    talk.clone.fault = "status-422"
    assert await talk.ask("Hello") == "rejected"
    assert talk.uploads == ["exact"]


async def test_live_refused_while_the_user_still_speaks(talk: Talk) -> None:
    talk.clone.fault = "refuse-live"
    utterance = Utterance()
    turn = asyncio.create_task(talk.ask(utterance))
    utterance.add(SPEECH[:1_000])
    await until(lambda: talk.clone.received)
    await asyncio.sleep(0.05)
    assert not turn.done()
    utterance.add(SPEECH[1_000:])
    utterance.end()
    assert await turn is None
    assert [received.pcm for received in talk.clone.received] == [b"", SPEECH.tobytes()]


@pytest.mark.parametrize("status", [400, 411, 413, 415, 422, 501])
async def test_every_status_that_may_mean_live(status: int) -> None:
    seen = []

    async def serve(peer: Peer) -> None:
        while True:
            request = await peer.request()
            if b"/new" in request:
                await peer.answer("200 OK", b'{"new": {"conversation_id": "%s"}}' % NOBODY.encode())
            elif b"generate" not in request:
                await peer.answer("200 OK", b'{"history": []}')
            elif b"chunked" in request:
                seen.append("live")
                await peer.answer(f"{status} No")
            else:
                seen.append("exact")
                body = b'data: {"audio_chunk": "AAAA"}\n\ndata: [DONE]\n\n'
                await peer.answer("200 OK", body, Content_Type="text/event-stream")

    async with serving(serve) as server, connected(server.url) as client:
        assert await Talk(client).ask() is None
        assert seen == ["live", "exact"]


# Conversations


async def test_a_lost_conversation_is_made_anew_once(talk: Talk) -> None:
    assert await talk.ask("one") is None
    lost = talk.conversation.id
    talk.clone.fault_once("status-404")
    assert await talk.ask() is None
    assert talk.conversation.id != lost
    assert talk.timeline.retries == 1
    assert await talk.history() == ["CLONE", "USER", "CLONE"]
    assert talk.clone.received[-1].pcm == SPEECH.tobytes()


async def test_without_a_slug_a_lost_conversation_is_the_end(talk: Talk) -> None:
    made = await talk.client.new_conversation("my-clone")
    talk.conversation = Conversation(talk.client, None, slug=None, conversation_id=made.conversation_id)
    talk.make_exchange()
    assert await talk.ask("one") is None
    talk.clone.fault_once("status-404")
    assert await talk.ask("two") == "no-conversation"
    assert talk.conversation.id == made.conversation_id


async def test_after_a_turn_that_nobody_followed_the_history_still_tells(talk: Talk) -> None:
    """A cancelled turn is in the clone's history, but the next one is not because of that."""
    await talk.conversation.current()
    talk.clone.fault_once("stall")
    turn = asyncio.create_task(talk.ask("one"))
    await until(lambda: talk.voice.replies and talk.voice.replies[0].pieces)
    turn.cancel()
    await asyncio.gather(turn, return_exceptions=True)
    talk.clone.fault_once("reset")
    assert await talk.ask("two") is None
    assert await talk.history() == ["CLONE", "USER", "CLONE", "USER", "CLONE"]


class Slowly:
    """A clone of bytes: each generate request waits for what it is to be answered; the history is as written here."""

    def __init__(self) -> None:
        self.history: dict[str, list[dict[str, str]]] = {}
        self.asked: list[str] = []  # which conversation, each time
        self.answers: asyncio.Queue[str] = asyncio.Queue()  # a status, or the text of an answer
        self.history_answers = True

    def say(self, text: str, sender: str = "USER") -> None:
        """Into the newest conversation's history."""
        self.history[max(self.history)].append({"text": text, "sender": sender})

    async def serve(self, peer: Peer) -> None:
        while True:
            request = await peer.request()
            if b"/new" in request:
                made = f"00000000-0000-4000-8000-{len(self.history):012}"
                self.history[made] = []
                await peer.answer("200 OK", msgspec.json.encode({"new": {"conversation_id": made}}))
            elif b"/history" in request:
                if not self.history_answers:
                    await asyncio.Event().wait()
                found = re.search(rb"id=([0-9a-f-]+)", request)
                assert found
                lines = self.history[found[1].decode()]
                await peer.answer("200 OK", msgspec.json.encode({"history": lines}))
            elif b"generate" in request:
                self.asked.append(next(each for each in self.history if each.encode() in request))
                answer = await self.answers.get()
                if answer[:3].isdigit():
                    await peer.answer(answer, b"{}")
                else:
                    final = {"current_token": "[DONE]", "clone_response": {"text": answer}}
                    event = b"data: " + msgspec.json.encode(final) + b"\n\n"
                    await peer.answer("200 OK", event, Content_Type="text/event-stream")
            else:
                await peer.answer("404 Not Found")


@asynccontextmanager
async def slowly() -> AsyncIterator[tuple[Slowly, Talk]]:
    clone = Slowly()
    async with serving(clone.serve) as server, connected(server.url) as client:
        yield clone, Talk(client, reply="text")


async def interrupted(clone: Slowly, talk: Talk) -> None:
    """A turn that is cancelled while the clone thinks."""
    turn = asyncio.create_task(talk.ask())
    await until(lambda: clone.asked)
    turn.cancel()
    await asyncio.gather(turn, return_exceptions=True)


async def ask_after_an_interruption(clone: Slowly, talk: Talk, question: str | None) -> asyncio.Task[str | None]:
    """The turn after one of those, whose question is out."""
    await interrupted(clone, talk)
    turn = asyncio.create_task(talk.ask(question))
    await until(lambda: len(clone.asked) == 2)
    return turn


@pytest.mark.parametrize("question", [None, "Hello"], ids=["speech", "text"])
async def test_a_question_that_is_written_down_late_is_not_taken_for_the_next(question: str | None) -> None:
    async with slowly() as (clone, talk):
        turn = await ask_after_an_interruption(clone, talk, question)
        clone.say("the first")
        clone.say("an answer to the first", "CLONE")
        await clone.answers.put("503 Service Unavailable")  # the cancelled one takes it, if it still waits
        await clone.answers.put("503 Service Unavailable")
        await until(lambda: len(clone.asked) == 3)
        for _ in range(3):
            await clone.answers.put("an answer to the second")
        assert await turn is None
        assert talk.listener.last == ("an answer to the second", True)


@pytest.mark.parametrize("question", [None, "Hello"], ids=["speech", "text"])
async def test_two_that_are_written_down_are_both_heard(question: str | None) -> None:
    async with slowly() as (clone, talk):
        turn = await ask_after_an_interruption(clone, talk, question)
        clone.say("the first")
        clone.say("Hello")
        clone.say("an answer to the second", "CLONE")
        for _ in range(2):
            await clone.answers.put("503 Service Unavailable")
        assert await turn == "reply-broken"
        assert talk.listener.last == ("an answer to the second", True)
        assert len(clone.asked) == 2


async def test_a_new_conversation_meanwhile_has_not_heard_it() -> None:
    async with slowly() as (clone, talk):
        turn = asyncio.create_task(talk.ask())
        await until(lambda: clone.asked)
        await talk.conversation.renew()
        clone.say("something of somebody else's")
        clone.say("Welcome!", "CLONE")
        await clone.answers.put("503 Service Unavailable")
        await until(lambda: len(clone.asked) == 2)
        await clone.answers.put("Good day")
        assert await turn is None
        assert clone.asked == sorted(clone.history)
        assert talk.listener.last == ("Good day", True)


async def test_a_new_conversation_does_not_have_the_text_of_an_answer_that_broke_off() -> None:
    made = 0
    is_renewed = asyncio.Event()

    async def serve(peer: Peer) -> None:
        nonlocal made
        request = await peer.request()
        if b"/new" in request:
            made += 1
            began = {"conversation_id": f"{NOBODY[:-1]}{made}", "messages": [{"text": "Welcome!", "sender": "CLONE"}]}
            await peer.answer("200 OK", msgspec.json.encode({"new": began}), Connection="close")
        elif b"generate" in request:
            await peer.begin_stream()
            await peer.event(current_token="Once upon ")
            await is_renewed.wait()
        else:
            lines = b'{"text": "Hi", "sender": "USER"}, {"text": "Welcome!", "sender": "CLONE"}'
            await peer.answer("200 OK", b'{"history": [' + lines + b"]}", Connection="close")

    async with serving(serve) as server, connected(server.url) as client:
        talk = Talk(client, reply="text")
        turn = asyncio.create_task(talk.ask())
        await until(lambda: talk.listener.captions)
        await talk.conversation.renew()
        is_renewed.set()
        assert await turn == "reply-broken"
        assert talk.listener.last == ("Once upon ", True)


async def test_a_conversation_that_is_lost_after_a_try_has_not_heard_it() -> None:
    async with slowly() as (clone, talk):
        await clone.answers.put("Good day")
        assert await talk.ask() is None
        clone.say("earlier")
        await talk.conversation.refresh()
        for answer in ("502 Bad Gateway", "404 Not Found", "Good day again"):
            await clone.answers.put(answer)
        assert await talk.ask() is None
        assert talk.listener.last == ("Good day again", True)
        first, second = sorted(clone.history)
        assert clone.asked == [first, first, first, second]


async def test_a_history_that_cannot_be_had_holds_no_question_up() -> None:
    """Where a turn was cancelled, too, or nobody knows what was said before."""
    async with slowly() as (clone, talk):
        await talk.conversation.current()
        talk.conversation.note_said()  # by whom ever
        clone.history_answers = False
        await interrupted(clone, talk)
        looking = asyncio.create_task(talk.conversation.refresh())
        turn = asyncio.create_task(talk.ask())
        await until(lambda: len(clone.asked) == 2)
        for _ in range(2):
            await clone.answers.put("Good day")
        assert await turn is None
        assert not looking.done()
        looking.cancel()


async def test_what_was_said_before_is_looked_up_while_the_user_speaks() -> None:
    async with slowly() as (clone, talk):
        await talk.conversation.current()
        talk.conversation.note_said()
        clone.say("long ago")
        utterance = Utterance()
        utterance.add(SPEECH)
        turn = asyncio.create_task(talk.ask(utterance))
        await until(lambda: talk.conversation.said_by_user())
        utterance.end()
        for answer in ("503 Service Unavailable", "Good day"):
            await clone.answers.put(answer)
        assert await turn is None
        assert len(clone.asked) == 2


@pytest.mark.parametrize("name", ["reset-heard", "reset-answered"])
@pytest.mark.parametrize("question", ["text", "speech"])
@pytest.mark.parametrize("upload", ["auto", "live", "exact"])
async def test_what_the_clone_has_heard_is_not_said_again(talk: Talk, name: str, question: str, upload: str) -> None:
    talk.make_exchange(upload=upload)
    talk.clone.fault_once(name)
    assert await talk.ask("Hello" if question == "text" else None) == "reply-broken"
    assert len(talk.clone.received) == 1


# Replies that break off, and sound that can't be played


async def test_the_text_as_far_as_it_came_where_the_history_does_not_tell() -> None:
    async def serve(peer: Peer) -> None:
        request = await peer.request()
        if b"/new" in request:
            await peer.answer("200 OK", b'{"new": {"conversation_id": "%s"}}' % NOBODY.encode(), Connection="close")
        elif b"generate" in request:
            await peer.begin_stream()
            await peer.event(current_token="Once upon ")
            await peer.event(current_token="a ti")
        else:
            greeting = b'{"history": [{"text": "Welcome!", "sender": "CLONE"}]}'
            await peer.answer("200 OK", greeting, Connection="close")

    async with serving(serve) as server, connected(server.url) as client:
        talk = Talk(client, reply="text")
        assert await talk.ask("Tell me a story") == "reply-broken"
        assert talk.listener.last == ("Once upon a ti", True)


async def test_500_random_events_and_the_next_turn_works(talk: Talk, caplog: pytest.LogCaptureFixture) -> None:
    talk.clone.fault_once("random-events")
    assert await talk.ask() == "reply-broken"
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(told) == 2
    assert "passed over" in told[0]
    assert "events could not be read" in told[1]
    assert await talk.ask() is None


async def test_malformed_events_are_counted(talk: Talk, caplog: pytest.LogCaptureFixture) -> None:
    talk.clone.fault = "malformed"
    assert await talk.ask() is None
    assert f"{SNIPPETS} events could not be read" in caplog.text


@pytest.mark.parametrize("reply", ["voice", "text"])
@pytest.mark.parametrize(
    "body",
    [
        b'data: {"audio_chunk": "***"}\n\ndata: {"current_token": 7}\n\ndata: [DONE]\n\n',
        b'data: {"audio_chunk": 5, "current_token": []}\n\ndata: {"current_token": "[DONE]"}\n\n',
    ],
)
async def test_a_reply_with_nothing_in_it_is_broken(reply: str, body: bytes) -> None:
    async def serve(peer: Peer) -> None:
        while True:
            request = await peer.request()
            if b"generate" in request:
                await peer.answer("200 OK", body, Content_Type="text/event-stream")
            else:
                await peer.answer("200 OK", b'{"new": {"conversation_id": "%s"}, "history": []}' % NOBODY.encode())

    async with serving(serve) as server, connected(server.url) as client:
        assert await Talk(client, reply=reply).ask("Hello") == "reply-broken"


@pytest.mark.parametrize(
    ("final", "fault", "heard"),
    [
        ({"transcript": "Hi", "audio": base64.b64encode(SPEECH.tobytes()).decode()}, None, SPEECH.size),
        ({"transcript": "Hi", "audio": "https://example.org/hi.mp3"}, "reply-broken", 0),
        ({"transcript": "Hi"}, "reply-broken", 0),
    ],
    ids=["all of its sound in the final event", "a link to it", "none"],
)
async def test_a_stream_without_snippets(final: dict[str, str], fault: str | None, heard: int) -> None:
    """The screen has the text in any case; who waits for a voice is told where there is none."""

    async def serve(peer: Peer) -> None:
        while True:
            request = await peer.request()
            if b"generate" in request:
                await peer.begin_stream()
                await peer.event(current_token="[DONE]", clone_response=final)
                return
            await peer.answer("200 OK", b'{"new": {"conversation_id": "%s"}, "history": []}' % NOBODY.encode())

    async with serving(serve) as server, connected(server.url) as client:
        talk = Talk(client)
        assert await talk.ask("Hello") == fault
        assert talk.voice.heard.size == heard
        assert talk.listener.last == ("Hi", True)


@pytest.mark.parametrize("kind", ["a snippet", "all of it in the final event", "not streamed"])
async def test_what_follows_the_samples_of_a_long_wav_is_not_heard(kind: str) -> None:
    long = np.tile(SPEECH, 20)
    title = b"LIST\xc8\0\0\0INFO" + bytes(range(56, 252))
    sound = base64.b64encode(wav.write_header(2 * long.size) + long.tobytes() + title).decode()
    final = {"transcript": "Hi", "audio": sound}

    async def serve(peer: Peer) -> None:
        while True:
            request = await peer.request()
            if b"generate" not in request:
                await peer.answer("200 OK", b'{"new": {"conversation_id": "%s"}, "history": []}' % NOBODY.encode())
            elif kind == "not streamed":
                answer = msgspec.json.encode({"clone_response": final})
                await peer.answer("200 OK", answer, Content_Type="application/json")
            else:
                await peer.begin_stream()
                if kind == "a snippet":
                    await peer.event(audio_chunk=sound)
                await peer.event(current_token="[DONE]", clone_response=final)
                return

    async with serving(serve) as server, connected(server.url) as client:
        talk = Talk(client)
        assert await talk.ask("Hello") is None
        assert np.array_equal(talk.voice.heard, long)


async def test_snippets_whose_wav_is_none(talk: Talk) -> None:
    bad = base64.b64encode(b"RIFF\0\0\0\0WAVEfmt \x02\0\0\0\xff\xff").decode()

    async def serve(peer: Peer) -> None:
        while True:
            request = await peer.request()
            if b"generate" in request:
                events = f'data: {{"audio_chunk": "{bad}"}}\n\ndata: {{"current_token": "[DONE]"}}\n\n'.encode()
                await peer.answer("200 OK", events, Content_Type="text/event-stream")
            else:
                await peer.answer("200 OK", b'{"new": {"conversation_id": "%s"}, "history": []}' % NOBODY.encode())

    async with serving(serve) as server, connected(server.url) as client:
        assert await Talk(client).ask("Hello") == "reply-broken"


async def test_a_codec_that_is_not_installed(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    talk.clone.fault_once("end-early")  # something to recover the text of

    async def serve(peer: Peer) -> None:
        while True:
            request = await peer.request()
            if b"generate" in request:
                mp3 = base64.b64encode(b"ID3" + bytes(100)).decode()
                await peer.answer("200 OK", f'data: {{"audio_chunk": "{mp3}"}}\n\n'.encode())
            elif b"history" in request:
                lines = b'{"text": "Hello", "sender": "USER"}, {"text": "Good day", "sender": "CLONE"}'
                await peer.answer("200 OK", b'{"history": [' + lines + b"]}")
            else:
                await peer.answer("200 OK", b'{"new": {"conversation_id": "%s"}}' % NOBODY.encode())

    async with serving(serve) as server, connected(server.url) as client:
        other = Talk(client)
        with pytest.raises(MediaError, match=r"clonespeaker\[codecs\]"):
            await other.exchange.run("Hello", Timeline(), other.listener)
        assert other.listener.last == ("Good day", True)
        assert await other.ask("Hello") == "no-codec"


# Speakers


async def test_without_a_speaker_the_text_is_told_all_the_same(talk: Talk) -> None:
    talk.voice.no_speaker = DeviceError("speaker", "there is none")
    assert await talk.ask() == "no-speaker"
    assert talk.listener.last == ("I heard you for 0.1 seconds.", True)
    assert talk.voice.replies == []
    talk.voice.no_speaker = None
    assert await talk.ask() is None


async def test_with_a_speaker_that_does_not_wake_likewise(talk: Talk) -> None:
    talk.voice.wakes = False
    assert await talk.ask() == "no-speaker"
    assert talk.listener.last == ("I heard you for 0.1 seconds.", True)
    assert talk.voice.heard.size == 0
    assert talk.timeline.http_status == 200
    talk.voice.wakes = True
    assert await talk.ask() is None


@pytest.mark.parametrize("at", [1_000, SPEECH.size])
async def test_a_speaker_that_breaks_in_the_middle(talk: Talk, at: int) -> None:
    talk.voice.breaks_after = at
    assert await talk.ask() == "no-speaker"
    assert talk.listener.last == ("I heard you for 0.1 seconds.", True)
    captions = len(talk.listener.captions)
    await asyncio.sleep(0.05)
    assert len(talk.listener.captions) == captions  # none after the turn is over


async def test_the_error_says_it_in_words(talk: Talk) -> None:
    talk.clone.fault = "status-403-prerequisites"
    with pytest.raises(CloneError, match="a purpose, a description and at least one document") as error:
        await talk.exchange.run("Hello", talk.timeline, talk.listener)
    assert KEY not in str(error.value)
