"""A stage play for the page: the real server and the real page, told by hand what the daemon would tell."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from clonespeaker.config import settings as kinds
from clonespeaker.config.settings import Settings
from clonespeaker.status import protocol
from clonespeaker.status.kiosk import Picture
from clonespeaker.status.server import StatusServer, open_status_server
from clonespeaker.tally import Tally
from clonespeaker.wiring import screen
from tests.status.stand_in import figures_of

_Result = TypeVar("_Result")


class LoopThread:
    """An event loop in a thread of its own, for Playwright wants this one."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """There; waits for what comes of it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def call(self, function: Callable[..., object], *arguments: Any) -> None:
        """There, and waits until it is done."""

        async def work() -> None:
            function(*arguments)

        self.run(work())

    def close(self) -> None:
        """The thread ends."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


class Scene:
    """What the page is told, and what it asked.

    Attributes:
        snapshot: how things stand, for who connects.
        obeyed: the commands that came.
        refuses: all of them, for this reason.
        obeys: while it is clear, a new conversation is not made yet.
        picture: the clone's.
    """

    def __init__(self, thread: LoopThread) -> None:
        self.thread = thread
        self.obeyed: list[protocol.Command] = []
        self.refuses: protocol.CommandError | None = None
        self.obeys = asyncio.Event()
        self.obeys.set()
        self.picture: Picture | None = None
        self.settings = Settings()
        self.server: StatusServer
        self.snapshot: dict[str, Any] = {
            "device": {"version": "0"},
            "clone": {"name": "Ada Lovelace", "slug": "ada"},
            "state": "idle",
            "muted": False,
            "mute_switch": None,
            "volume": 80,
            "faults": [],
            "causes": {},
            "conversation": {"id": None, "messages": []},
            "turn": None,
            "turns": [],
            "totals": {},
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}/"

    def set(self, **kiosk: Any) -> None:
        """Other settings, read again."""
        language, mode = kiosk.pop("language", "en"), kiosk.pop("mode", "hold")
        self.settings = Settings(kiosk=kinds.Kiosk(**kiosk), language=language, button=kinds.Button(mode=mode))
        self.tell("settings", reread=True)

    def stand(self, state: str) -> None:
        """The device is in this state."""
        self.snapshot["state"] = state
        self.tell("state", state=state, turn=1)

    def fault(self, name: str, *, active: bool = True) -> None:
        """Something is wrong, or no longer."""
        others = [each for each in self.snapshot["faults"] if each != name]
        self.snapshot["faults"] = [*others, name] if active else others
        self.tell("fault", fault=name, active=active, message="", detail="")

    def say(self, text: str, *, who: str = "clone", final: bool = True, turn: int = 1) -> None:
        """A caption."""
        self.tell("caption", turn=turn, who=who, text=text, final=final)

    def cite(self, citations: list[dict[str, Any]], *, turn: int = 1) -> None:
        self.tell("citations", turn=turn, citations=citations)

    def tell(self, event: str, **fields: Any) -> None:
        """Any event."""
        if event == "settings":
            self.snapshot |= fields
        self.thread.call(lambda: self.server.publish(event, **fields))

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It neither hears nor says anything meanwhile, and hangs up nobody."""
        thawed = threading.Event()
        self.thread.loop.call_soon_threadsafe(thawed.wait, 120)
        try:
            yield
        finally:
            thawed.set()

    async def _obey(self, command: protocol.Command) -> None:
        self.obeyed.append(command)
        if isinstance(command, protocol.NewConversation):
            await self.obeys.wait()
        if self.refuses is not None:
            raise self.refuses

    async def _picture(self) -> Picture | None:
        return self.picture


@contextmanager
def open_scene(
    thread: LoopThread, *, token: str | None = None, read_token: str | None = None, port: int = 0
) -> Iterator[Scene]:
    """A scene that browsers can open."""
    scene = Scene(thread)
    picture: Callable[[], Awaitable[Picture | None]] = scene._picture
    scene.server = thread.run(
        open_status_server(
            host="127.0.0.1",
            port=port,
            token=token,
            read_token=read_token,
            allowed_origins=[],
            snapshot=lambda: scene.snapshot,
            obey=scene._obey,
            health=lambda: {"ok": True},
            metrics=lambda: figures_of(Tally()),
            screen=lambda: screen(scene.settings),
            picture=picture,
        )
    )
    try:
        yield scene
    finally:
        thread.run(scene.server.close())
