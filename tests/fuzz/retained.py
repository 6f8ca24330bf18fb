"""What an object keeps in memory, in bytes: itself and all it refers to, views' buffers included."""

from __future__ import annotations

import gc
import sys
from types import BuiltinFunctionType, FunctionType, ModuleType

_SHARED = (type, ModuleType, FunctionType, BuiltinFunctionType)


def retained_bytes(kept: object) -> int:
    """Of `kept`. What is shared by all of its kind (classes, functions, modules) does not count."""
    todo, seen, size_bytes = [kept], set[int](), 0
    while todo:
        each = todo.pop()
        if id(each) in seen or isinstance(each, _SHARED):
            continue
        seen.add(id(each))
        size_bytes += sys.getsizeof(each)
        todo.extend([each.obj] if isinstance(each, memoryview) else gc.get_referents(each))
    return size_bytes
