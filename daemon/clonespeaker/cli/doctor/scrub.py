"""A report without what says whose device it is: secrets, names, addresses, ids.

Two sieves, one after the other: what is known to be told by nobody (the key, the slug, this machine's name, …), and
what looks like such a thing (keys, addresses, ids, long random words).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

_PLAIN_ADDRESSES = {"127.0.0.1", "0.0.0.0", "::1", "::"}
_PUBLIC_URLS = ("https://api.delphi.ai", "https://api.withdelphi.com")
# Names that many devices have, and that are words besides.
_EVERYBODYS = {"root", "pi", "admin", "user", "nobody", "debian", "localhost", "raspberrypi", "clonespeaker", "audio"}

# With what has been taken out of it before.
_URL = re.compile(r"(?i)\b(?:https?|wss?|ftp)://(?:\[[\da-f:]+\])?(?:<[\w -]+>|[^\s\"'<>)\]};,])*")
_PATTERNS = [
    (re.compile(r"dsk-[\w*-]+|\*{4}\w{4}\b"), "<key>"),  # the last four letters of one are nobody's business either
    (re.compile(r"(?i)(?<=bearer )\S+|(?<=token=)[^\s&\"']+|(?<=key=)[^\s&\"']+"), "<token>"),
    (re.compile(r"[\w.+-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+"), "<e-mail>"),
    (re.compile(r"(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"(?i)\b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b"), "<mac>"),
    (re.compile(r"(/home/)[^/\s\"']+"), r"\1<user>"),
    (re.compile(r"(?i)(\bserial(?: ?number)?[\"']?\s*[:=]?\s*[\"']?)[\w-]{4,}"), r"\1<serial>"),
    (re.compile(r"\busb-[\w.-]+-\d\d\b"), "<usb device>"),
]
_ADDRESS = re.compile(r"(?<![\w:.])[0-9A-Fa-f:.]*[0-9A-Fa-f:](?:%\w+)?(?![\w:])")
# Nobody's words: letters and digits mixed, or hexadecimal, and long.
_RANDOM = re.compile(r"(?<![\w/.-])(?=[\w+/=-]*\d)(?=[\w+/=-]*[A-Za-z])[\w+=-]{24,}(?![\w-])|\b[0-9a-f]{20,}\b")


class Scrubber:
    """Takes out of texts what must not be told.

    Args:
        known: what must not, each with what stands in its place; of the empty and of everybody's nothing is taken.
    """

    def __init__(self, known: Iterable[tuple[str, str]]) -> None:
        self._known: list[tuple[re.Pattern[str], str]] = []
        masks: dict[str, str] = {}
        for secret, mask in known:
            for form in (secret, quote(secret), quote(secret, safe="")):
                masks.setdefault(form, mask)
        for secret, mask in sorted(masks.items(), key=lambda each: -len(each[0])):  # "ann" is in "ann@example.org"
            if len(secret) > 1 and secret.casefold() not in _EVERYBODYS:
                # Whole words, for a slug of two letters is in every other word; a long one is found anywhere.
                edge = (r"(?<!\w)", r"(?!\w)") if len(secret) < 8 else ("", "")
                self._known.append((re.compile(f"(?i){edge[0]}{re.escape(secret)}{edge[1]}"), mask))

    def text(self, text: str) -> str:
        """`text` without them."""
        for pattern, mask in self._known:
            text = pattern.sub(mask, text)
        text = _URL.sub(_unless_public, text)
        for pattern, mask in _PATTERNS:
            text = pattern.sub(mask, text)
        return _RANDOM.sub("<id>", _ADDRESS.sub(_address, text))

    def value(self, value: Any) -> Any:
        """What JSON can say, without them, in names as well."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(name)): self.value(each) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(each) for each in value]
        return value


def _unless_public(match: re.Match[str]) -> str:
    url = match[0].rstrip(".:/")
    loopback = re.fullmatch(r"\w+://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?", url)
    return match[0] if url in _PUBLIC_URLS or loopback else "<url>"


def _address(match: re.Match[str]) -> str:
    for text, port in ((match[0], ""), (match[0].rpartition(":")[0], f":{match[0].rpartition(':')[2]}")):
        try:
            ipaddress.ip_address(text)
        except ValueError:
            continue
        return match[0] if text in _PLAIN_ADDRESSES else f"<address>{port}"
    return match[0]
