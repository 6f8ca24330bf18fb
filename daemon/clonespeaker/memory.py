"""Memory, given back to the system.

What a long reply took is of no use to an idle device, but C's allocator keeps it for the next one: some 10 MB after a
minute of a clone that sends as quickly as it can. It gives them back when asked, in a millisecond.
"""

from __future__ import annotations

import ctypes


def give_back() -> None:
    """Whatever is free. Does nothing where the C library is not glibc. Blocks, for a millisecond."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
