"""What the clone accepts, checked to the letter.

A request that a real server might forgive is refused here with words that say exactly what was wrong, so that a
mistake of ours shows in a test and not at somebody's clone. Source of the rules: `clone-api.md`.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from clonespeaker.audio import wav
from clonespeaker.errors import MediaError

ResponseType = Literal["text", "voice"]


class Refusal(Exception):
    """A request is turned down.

    Attributes:
        status: the HTTP status.
        detail: what was wrong, as `{"detail": …}` tells it.
        retry_after_s: whole seconds for a `Retry-After` header, or None.
    """

    def __init__(self, status: int, detail: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(f"{status} {detail}")
        self.status = status
        self.detail = detail
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class GenerateRequest:
    """A valid body of `POST /api/clone/generate_response`.

    Attributes:
        conversation_id: a uuid in its canonical form.
        user_message: the user's text, or "".
        image_url: link to a picture, or "".
        pcm: the user's speech, mono pcm_s16le at 44.1 kHz, or b"".
        response_type: what to answer in.
        stream: answer as Server-Sent Events.
    """

    conversation_id: str
    user_message: str
    image_url: str
    pcm: bytes
    response_type: ResponseType
    stream: bool


@dataclass(frozen=True, slots=True)
class _Field:
    kind: type
    required: bool = False
    nullable: bool = False


_OPTIONAL_TEXT = _Field(str, nullable=True)

_GENERATE = {
    "conversation_id": _Field(str, required=True),
    "user_message": _OPTIONAL_TEXT,
    "image_url": _OPTIONAL_TEXT,
    "voice_input_stream": _OPTIONAL_TEXT,
    "response_type": _Field(str),
    "stream": _Field(bool),
}
_NEW_CONVERSATION = {
    "slug": _Field(str, required=True),
    "instance_slug": _OPTIONAL_TEXT,
    "user_email": _OPTIONAL_TEXT,
}
_NEW_CONVERSATION_V3 = {"user_email": _OPTIONAL_TEXT}


def parse_object(body: bytes) -> dict[str, Any]:
    """A request's body as the JSON object it must be.

    Raises:
        Refusal: 400 where it is no JSON in UTF-8, 422 where it is JSON but no object.
    """
    try:
        value = json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"the body is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise Refusal(422, f"the body must be a JSON object, not {_kind(value)}")
    return value


def check_generate(fields: Mapping[str, Any]) -> GenerateRequest:
    """The body of a generate request, checked.

    Raises:
        Refusal: 422, with what was wrong.
    """
    _check_fields(fields, _GENERATE)
    response_type = fields.get("response_type", "text")
    if response_type not in ("text", "voice"):
        raise Refusal(422, f'response_type: must be "text" or "voice", not "{response_type}"')
    image_url = fields.get("image_url") or ""
    if image_url and not image_url.startswith(("https://", "http://")):
        raise Refusal(422, f'image_url: must be a public http(s) link, not "{image_url}"')
    user_message, voice_base64 = fields.get("user_message") or "", fields.get("voice_input_stream") or ""
    if not user_message and not voice_base64:
        raise Refusal(422, "one of user_message and voice_input_stream is required")
    return GenerateRequest(
        conversation_id=check_uuid("conversation_id", fields["conversation_id"]),
        user_message=user_message,
        image_url=image_url,
        pcm=_check_voice(voice_base64) if voice_base64 else b"",
        response_type=response_type,
        stream=fields.get("stream", False),
    )


def check_new_conversation(fields: Mapping[str, Any]) -> tuple[str, str]:
    """The body of `POST /api/conversation/new`, checked → the clone's slug and the user's email (or "").

    Raises:
        Refusal: 422, with what was wrong.
    """
    _check_fields(fields, _NEW_CONVERSATION)
    return fields["slug"], fields.get("user_email") or ""


def check_new_conversation_v3(fields: Mapping[str, Any]) -> str:
    """The body of `POST /v3/conversation`, checked → the user's email, or "".

    Raises:
        Refusal: 422, with what was wrong.
    """
    _check_fields(fields, _NEW_CONVERSATION_V3)
    return fields.get("user_email") or ""


def check_uuid(name: str, value: str) -> str:
    """A uuid as 8-4-4-4-12 hex digits → the same in lower case.

    Raises:
        Refusal: 422; `name` is what the words call it.
    """
    try:
        canonical = str(UUID(value))
    except ValueError:
        canonical = ""
    if canonical != value.lower():  # UUID() also takes braces, urn: and no dashes; the API does not
        raise Refusal(422, f'{name}: "{value}" is not a uuid')
    return canonical


def check_wav(data: bytes) -> bytes:
    """A single-channel WAV at 44.1 kHz in pcm_s16le → its samples' bytes.

    A header that declares more than follows is taken: an upload that goes out while the user speaks can't know
    its length. One that declares less is not, because a decoder would drop what is over.

    Raises:
        Refusal: 422, with what was wrong.
    """
    try:
        header = wav.parse_header(data)
    except MediaError as error:
        raise Refusal(422, f"voice_input_stream: {error}") from error
    if header is None:
        raise Refusal(422, "voice_input_stream: the WAV ends before its samples begin")
    form, at, declared_bytes = header
    pcm = data[at:]
    riff_bytes = int.from_bytes(data[4:8], "little")
    kind = f"{form.sample_bits}-bit {'float' if form.is_float else 'integer'}"
    problems = {
        f"has {form.channels} channels, not 1": form.channels != 1,
        f"is at {form.rate_hz} Hz, not 44100": form.rate_hz != 44_100,
        f"has {kind} samples, not pcm_s16le": (form.sample_bits, form.is_float) != (16, False),
        "has no samples": not pcm,
        f"declares {declared_bytes} bytes of samples, but {len(pcm)} follow": declared_bytes < len(pcm),
        f"declares {riff_bytes} bytes in all, but {len(data) - 8} follow": riff_bytes < len(data) - 8,
        f"ends with half a sample ({len(pcm)} bytes)": len(pcm) % 2 == 1,
    }
    for problem, is_so in problems.items():
        if is_so:
            raise Refusal(422, f"voice_input_stream: the WAV {problem}")
    return pcm


def _check_voice(voice_base64: str) -> bytes:
    try:
        data = binascii.a2b_base64(voice_base64, strict_mode=True)
    except ValueError as error:
        raise Refusal(422, f"voice_input_stream: not valid base64: {error}") from error
    return check_wav(data)


def _check_fields(fields: Mapping[str, Any], known: Mapping[str, _Field]) -> None:
    for name in fields:
        if name not in known:
            raise Refusal(422, f"{name}: unknown field; known are {', '.join(known)}")
    for name, field in known.items():
        if name not in fields:
            if field.required:
                raise Refusal(422, f"{name}: field required")
            continue
        value = fields[name]
        # By exact type: to Python a bool is an int, to the API it is not.
        if type(value) is not field.kind and not (value is None and field.nullable):
            raise Refusal(422, f"{name}: must be {_KINDS[field.kind]}, not {_kind(value)}")
        if isinstance(value, str) and not _is_text(value):
            raise Refusal(422, f"{name}: has half a surrogate pair, which is no text")


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


_KINDS: dict[type, str] = {
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    list: "an array",
    dict: "an object",
    type(None): "null",
}


def _kind(value: object) -> str:
    return _KINDS[type(value)]
