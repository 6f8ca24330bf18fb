"""A contact that chatters, made one press and one release.

A button's contact opens and closes several times within some milliseconds. Waiting until it has calmed down would
delay every press by that long; so the first edge counts at once, further ones are ignored for `bounce_s`, and then
the level is looked at again: it may have changed meanwhile.
"""

from __future__ import annotations


class Debounce:
    """The rule above, told of edges and times.

    Args:
        bounce_s: how long a contact may chatter.
        down: whether it is pressed to begin with.
    """

    def __init__(self, bounce_s: float, *, down: bool) -> None:
        self._bounce_s = bounce_s
        self._quiet_until: float | None = None
        self.down = down
        """What counts at the moment."""

    def look(self, level: bool, now: float) -> bool:
        """The contact is at `level` (True: pressed). Whether that changes what counts."""
        if level == self.down or (self._quiet_until is not None and now < self._quiet_until):
            return False
        self.down = level
        self._quiet_until = now + self._bounce_s
        return True

    def look_again_in(self, now: float) -> float | None:
        """Seconds until the level is worth another look, after it was ignored; None: no need."""
        return None if self._quiet_until is None or now >= self._quiet_until else self._quiet_until - now
