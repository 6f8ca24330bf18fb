"""What the simulated clone answers: the words, and the reply that carries them."""

from __future__ import annotations

import asyncio
import base64

from clonespeaker.simulate.behaviour import Behaviour
from clonespeaker.simulate.conversations import Conversation, Message
from clonespeaker.simulate.reply import Reply, stream_text, stream_voice, whole
from clonespeaker.simulate.request import GenerateRequest
from clonespeaker.simulate.voice import RATE_HZ, encode, sound


def transcribe(asked: GenerateRequest) -> str:
    """The user's words; where they spoke, a made-up transcript, for it cannot hear."""
    return asked.user_message or f"({_speech_s(asked):.1f} seconds of speech)"


def compose(asked: GenerateRequest) -> str:
    """Something to answer that depends on what came."""
    if asked.user_message:
        return f"You wrote: {asked.user_message}"
    return f"I heard you for {_speech_s(asked):.1f} seconds."


async def make_reply(
    asked: GenerateRequest, conversation: Conversation, message: Message, behaviour: Behaviour
) -> Reply:
    """The message in the form that was asked for.

    Raises:
        MediaError: its voice needs what is not installed.
    """
    response = {
        "id": message.id,
        "conversation_id": conversation.id,
        "transcript" if asked.response_type == "voice" else "text": message.text,
        "created_at": message.created_at,
        "citations": list(message.citations),
        "image_url": behaviour.image_url,
    }
    if asked.response_type == "text":
        return stream_text(message.text, response, behaviour.done_form) if asked.stream else whole(response)
    # In threads: a minute of sound would hold up every other connection of this loop.
    samples = await asyncio.to_thread(sound, behaviour.voice, message.text, asked.pcm, tone_s=behaviour.tone_s)
    snippets = await asyncio.to_thread(
        encode,
        samples,
        encoding=behaviour.encoding,
        rate_hz=behaviour.rate_hz,
        snippet_ms=behaviour.snippet_ms if asked.stream else None,
        snippet_bytes=behaviour.snippet_bytes if asked.stream else None,
    )
    if asked.stream:
        return stream_voice(snippets, response, behaviour.done_form)
    return whole({**response, "audio": base64.b64encode(b"".join(s.data for s in snippets)).decode()})


def _speech_s(asked: GenerateRequest) -> float:
    return len(asked.pcm) / 2 / RATE_HZ
