"""The request body with the user's voice in it, written while the user still speaks.

    {"conversation_id": …, …, "voice_input_stream": "<base64 of a WAV>"}

The recording comes last, so everything before it can go out at the press. Base64 is written in whole groups of
3 bytes; the 0–2 bytes left over wait for the next piece. (The WAV header is 44 bytes, no multiple of 3: padding
*it* to 45 breaks every decoder.)

A live body begins with a WAV header that declares the longest recording allowed, and less follows; an exact body
knows its length. Known and left as it is: ffmpeg in its strictest mode drops the last incomplete 8,192-byte block
of a live body; padding it would add up to 93 ms of silence to every upload.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

import msgspec

from clonespeaker.audio import wav

_PIECE_BYTES = 48 * 1024  # of samples, 64 KiB as base64


class UploadBody:
    """One body, in pieces: `opening`, any number of `piece`s, `closing`. In this order, each once but the pieces.

    Args:
        fields: everything but the recording.
        declared_bytes: what the WAV header says will follow.
    """

    def __init__(self, fields: Mapping[str, object], declared_bytes: int) -> None:
        self._fields = fields
        self._rest = wav.write_header(declared_bytes)

    def opening(self) -> bytes:
        """Everything up to the first sample."""
        fields = msgspec.json.encode(self._fields)
        comma = b"," if self._fields else b""
        return fields[:-1] + comma + b'"voice_input_stream":"' + self.piece(b"")

    def piece(self, pcm: bytes) -> bytes:
        """The base64 of as much as makes whole groups. `pcm` is mono s16le of any length."""
        data = self._rest + pcm
        whole = len(data) - len(data) % 3
        self._rest = data[whole:]
        return base64.b64encode(data[:whole])

    def closing(self) -> bytes:
        """What is left, and the end."""
        return base64.b64encode(self._rest) + b'"}'


def exact_body(fields: Mapping[str, object], pcm: bytes) -> tuple[Iterator[bytes], int]:
    """The body of a recording that is over, its sizes right, made as it is sent; and how many bytes that will be."""
    body = UploadBody(fields, len(pcm))
    opening = body.opening()
    to_come = len(wav.write_header(0)) % 3 + len(pcm)  # of the recording, beyond what the opening has of its header
    length = len(opening) + 4 * -(-to_come // 3) + len('"}')

    def pieces() -> Iterator[bytes]:
        yield opening
        for at in range(0, len(pcm), _PIECE_BYTES):
            yield body.piece(pcm[at : at + _PIECE_BYTES])
        yield body.closing()

    return pieces(), length


async def live_body(
    fields: Mapping[str, object], pieces: AsyncIterator[bytes], *, declared_bytes: int
) -> AsyncIterator[bytes]:
    """A body written while the recording grows; never empty pieces, which would end a chunked request."""
    body = UploadBody(fields, declared_bytes)
    yield body.opening()
    async for pcm in pieces:
        # On a thin uplink much has come since the last piece went out, and no piece may take long to be taken.
        for at in range(0, len(pcm), _PIECE_BYTES):
            if encoded := body.piece(pcm[at : at + _PIECE_BYTES]):
                yield encoded
    yield body.closing()


async def in_pieces(body: Iterable[bytes]) -> AsyncIterator[bytes]:
    """A body that can be had at once, as it is handed to the socket; never empty pieces."""
    for piece in body:
        if piece:
            yield piece
