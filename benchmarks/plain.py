"""The yardstick: the client that anyone would write from the API's page, and a good one of its kind.

    python -m benchmarks.plain BASE_URL API_KEY SLUG

It records while it is told to (lines `press` and `release`), wraps the recording as WAV, sends it as one JSON object,
reads the answer line by line, and writes each snippet to the speaker, waiting until there is room. One thing after the
other: no thread, no buffer of its own. It tells when what happened, in seconds of `time.monotonic`.
"""

import base64
import http.client
import io
import json
import select
import sys
import time
import urllib.parse
import wave

import pyaudio

RATE_HZ = 44_100
PERIOD_FRAMES = 1_024


def tell(event: str, at_s: float | None = None) -> None:
    """One line of JSON, for who measures: what happened, now or then."""
    print(json.dumps({"event": event, "at_s": at_s or time.monotonic()}), flush=True)  # noqa: T201


def post(base_url: str, key: str, path: str, fields: dict[str, object]) -> http.client.HTTPResponse:
    """Send a JSON object; the answer, not yet read."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(base_url).netloc)
    headers = {"Content-Type": "application/json", "User-Agent": "plain", "x-api-key": key}
    connection.request("POST", path, json.dumps(fields), headers)
    return connection.getresponse()


def record(microphone: pyaudio.Stream) -> bytes:
    """What the microphone hears until a line comes, as samples."""
    recording = []
    microphone.start_stream()
    while not select.select([sys.stdin], [], [], 0)[0]:
        recording.append(microphone.read(PERIOD_FRAMES, exception_on_overflow=False))
    microphone.stop_stream()
    sys.stdin.readline()
    return b"".join(recording)


def wrap(samples: bytes) -> str:
    """A WAV file, as the API wants it: in base64."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        writer.writeframes(samples)
    return base64.b64encode(file.getvalue()).decode()


def play(answer: http.client.HTTPResponse, speaker: pyaudio.Stream) -> None:
    """Each snippet as it comes."""
    for line in answer:
        if line.startswith(b"data: ") and (audio := json.loads(line[6:]).get("audio_chunk")):
            if speaker.is_stopped():
                tell("first_audio")
                speaker.start_stream()
            speaker.write(base64.b64decode(audio))
    speaker.stop_stream()


def main(base_url: str, key: str, slug: str) -> None:
    """One turn after the other, for as long as lines come."""
    audio = pyaudio.PyAudio()
    shape = {"rate": RATE_HZ, "channels": 1, "format": pyaudio.paInt16, "frames_per_buffer": PERIOD_FRAMES}
    microphone = audio.open(**shape, input=True, start=False)
    speaker = audio.open(**shape, output=True, start=False)
    made = json.load(post(base_url, key, "/api/conversation/new", {"slug": slug}))
    question = {
        "conversation_id": made["new_conversation"]["conversation_id"],
        "response_type": "voice",
        "stream": True,
    }
    tell("ready")
    while sys.stdin.readline():
        voice = wrap(record(microphone))
        play(post(base_url, key, "/api/clone/generate_response", {**question, "voice_input_stream": voice}), speaker)
        tell("played")


if __name__ == "__main__":
    main(*sys.argv[1:])
