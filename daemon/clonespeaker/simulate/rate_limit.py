"""How many requests the simulated clone takes in a minute."""

from __future__ import annotations

import math
from collections import deque

from clonespeaker.simulate.request import Refusal

WINDOW_S = 60.0


class RateLimit:
    """Counts the requests of the last minute."""

    def __init__(self) -> None:
        self._taken_s: deque[float] = deque()

    def take(self, now_s: float, most: int | None) -> None:
        """Count one more; `most` are allowed in a minute, None: any number.

        Raises:
            Refusal: 429; `retry_after_s` is when the oldest will be a minute old.
        """
        while self._taken_s and self._taken_s[0] <= now_s - WINDOW_S:
            self._taken_s.popleft()
        if most is not None and len(self._taken_s) >= most:
            left_s = self._taken_s[0] + WINDOW_S - now_s if self._taken_s else WINDOW_S
            raise Refusal(429, "Rate limit exceeded", retry_after_s=math.ceil(left_s))
        self._taken_s.append(now_s)
