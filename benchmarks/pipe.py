"""The lower bound for sound: a client that has nothing to send, and pipes what it gets into `aplay`.

    python -m benchmarks.pipe BASE_URL API_KEY SLUG

At the line `press` it starts aplay and opens the connection; at `release` it asks a question of five letters instead
of a recording, so that the clone has the whole request within a millisecond. Each snippet is written to aplay as soon
as it is decoded, and nothing is gathered: aplay begins with its first millisecond, on periods of 10 ms. Where aplay is
not installed, it is `pacat`, which comes with PulseAudio.
"""

from __future__ import annotations

import base64
import http.client
import json
import shutil
import subprocess
import sys
import urllib.parse

from benchmarks.plain import post, tell

PLAYER = "aplay" if shutil.which("aplay") else "pacat"

_SHAPES = {
    "aplay": "-q -t raw -f S16_LE -r 44100 -c 1 --period-time=10000 --buffer-time=200000 --start-delay=1000".split(),
    "pacat": "--raw --format=s16le --rate=44100 --channels=1 --latency-msec=20".split(),
}


def main(base_url: str, key: str, slug: str) -> None:
    """One turn after the other, for as long as lines come."""
    made = json.load(post(base_url, key, "/api/conversation/new", {"slug": slug}))
    question = {
        "conversation_id": made["new_conversation"]["conversation_id"],
        "response_type": "voice",
        "stream": True,
        "user_message": "Hello",
    }
    headers = {"Content-Type": "application/json", "User-Agent": "pipe", "x-api-key": key}
    tell("ready")
    while sys.stdin.readline():
        player = subprocess.Popen([PLAYER, *_SHAPES[PLAYER]], stdin=subprocess.PIPE)
        assert player.stdin is not None
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(base_url).netloc)
        connection.connect()
        sys.stdin.readline()
        connection.request("POST", "/api/clone/generate_response", json.dumps(question), headers)
        for line in connection.getresponse():
            if line.startswith(b"data: ") and (audio := json.loads(line[6:]).get("audio_chunk")):
                player.stdin.write(base64.b64decode(audio))
                player.stdin.flush()
        player.stdin.close()
        player.wait()
        tell("played")


if __name__ == "__main__":
    main(*sys.argv[1:])
