"""How much one program may ask: a token bucket."""

from __future__ import annotations


class Allowance:
    """So many a second, and as many at once after a second of quiet. Times are seconds of any one clock."""

    def __init__(self, per_s: float, *, now_s: float) -> None:
        self._per_s = per_s
        self._left = per_s
        self._counted_at_s = now_s

    def take(self, *, now_s: float) -> bool:
        """Takes one; False where none is left."""
        self._left = min(self._per_s, self._left + (now_s - self._counted_at_s) * self._per_s)
        self._counted_at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True
