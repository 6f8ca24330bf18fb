"""The step for the clone: its server, its name, the key; asked for until the server takes them."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from clonespeaker.cli.setup.dialogue import Dialogue
from clonespeaker.cli.setup.draft import Draft
from clonespeaker.clone.client import CloneClient
from clonespeaker.clone.connection import open_session
from clonespeaker.config.credentials import mask_key, read_api_key
from clonespeaker.config.secrecy import shown
from clonespeaker.config.settings import Clone, Settings
from clonespeaker.errors import CloneError, ConfigError

_LONGEST_BYTES = 8_192
_SKIP = "skip"
# What a refusal makes doubtful; anything else may be due to each of the three.
_DOUBTFUL = {"refused": {"key"}, "no-clone": {"base_url", "slug"}}


@dataclass(frozen=True, slots=True)
class Given:
    """What options say; None: nothing."""

    base_url: str | None
    slug: str | None
    key: str | None


def read_key(source: str) -> str:
    """The key that a file, or for `-` standard input, holds.

    Raises:
        ConfigError: it can't be read, or holds no key.
    """
    place = "--key-file -: standard input" if source == "-" else f"--key-file {source}"
    try:
        if source == "-":
            text = sys.stdin.read(_LONGEST_BYTES)
        else:
            with Path(source).open("rb") as file:
                text = file.read(_LONGEST_BYTES).decode("ascii", "replace")
    except OSError as error:
        raise ConfigError([f"{place}: can't be read ({error.strerror or error})"]) from error
    if wrong := _wrong_key(text.strip()):
        raise ConfigError([f"{place}: {wrong}"])
    return text.strip()


def key_there(path: Path) -> str | None:
    """The key in a file; None where there is none that can be used."""
    try:
        return read_api_key(Settings(clone=Clone(api_key_file=str(path.absolute()))), {})
    except ConfigError:
        return None


def take_given(given: Given, draft: Draft, talk: Dialogue, there: str | None) -> None:
    """Take what options say, and have the server check it.

    Raises:
        ConfigError: something is missing, or can't be meant.
        CloneError: the server refuses it or can't be reached.
    """
    problems = []
    for name, value in (("base_url", given.base_url), ("slug", given.slug)):
        if value is not None and (wrong := _take(name, value, draft)):
            problems.append(wrong)
    clone = draft.settings.clone
    if not problems and clone.slug is None and clone.conversation_id is None:
        problems.append("clone.slug: not set; give the clone's name with --slug")
    key = given.key or there
    if key is None:
        problems.append("no API key: give a file that holds it with --key-file, or --key-file - for standard input")
    if problems or key is None:
        raise ConfigError(problems)
    talk.interrupts.run(_who(draft.settings.clone, key))
    _forget_the_clone_before(draft)


def choose(draft: Draft, talk: Dialogue, given: Given, there: str | None) -> str | None:
    """Ask until the server takes it → the key that was typed; None where the one that is there stays."""
    key = given.key
    doubtful = {name for name in ("base_url", "slug") if getattr(given, name) is None} | ({"key"} if not key else set())
    for name, value in (("base_url", given.base_url), ("slug", given.slug)):
        if value is not None and (wrong := _take(name, value, draft)):
            talk.warn(wrong)
            doubtful.add(name)
    while True:
        if "base_url" in doubtful:
            _ask_for("base_url", "Address of the clone's server", draft, talk)
        if "slug" in doubtful:
            _ask_for("slug", "The clone's name (slug), as in its web address", draft, talk)
        if "key" in doubtful:
            key = _ask_for_key(talk, key or there)
        used = key or there
        assert used is not None  # it has been asked for
        try:
            talk.tell(f"{talk.interrupts.run(_who(draft.settings.clone, used))} takes the key {mask_key(used)}.")
            break
        except CloneError as error:
            talk.warn(str(error))
            doubtful = _DOUBTFUL.get(error.fault or "", {"base_url", "slug", "key"})
            if talk.ask(f"Enter asks again; {_SKIP} takes it unchecked", "", _enter_or_skip) == _SKIP:
                break
            if doubtful == {"key"}:
                key, there = None, None if used == there else there  # nobody wants to keep one that was refused
    _forget_the_clone_before(draft)
    return key if key != there else None


def _take(name: str, value: str, draft: Draft) -> str:
    """Take what an option says; or what is wrong with it."""
    key = f"clone.{name}"
    if wrong := draft.wrong(key, value):
        return f"--{name.replace('_', '-')} {shown(value)}: {wrong}"
    draft.set(key, value)
    return ""


def _enter_or_skip(answer: str) -> str:
    return "" if answer in ("", _SKIP) else f"Enter, or {_SKIP}"


def _ask_for(name: str, question: str, draft: Draft, talk: Dialogue) -> None:
    key = f"clone.{name}"
    clone = draft.settings.clone

    def wrong(answer: str) -> str:
        if not answer:
            return "" if name == "slug" and clone.conversation_id else "without it there is nobody to talk with"
        return draft.wrong(key, answer)

    draft.set(key, talk.ask(question, getattr(clone, name) or "", wrong) or None)


def _ask_for_key(talk: Dialogue, before: str | None) -> str | None:
    kept = f"; Enter keeps {mask_key(before)}" if before else ""
    typed = talk.secret(
        f"API key (not shown{kept})",
        lambda answer: "" if not answer and before else _wrong_key(answer),
    )
    return typed or before


def _wrong_key(key: str) -> str:
    if not key:
        return "there is no key in it"
    return "" if re.fullmatch(r"[!-~]+", key) else "it holds blanks or letters that no key has"


async def _who(clone: Clone, key: str) -> str:
    """Who answers with this key. Raises CloneError."""
    async with open_session(key) as session:
        client = CloneClient(session, clone.base_url, api_key=key)
        if clone.slug is None:
            assert clone.conversation_id is not None  # one of the two is set
            messages = await client.history(clone.conversation_id)
            return f"The conversation ({len(messages)} messages) at {clone.base_url}"
        profile = await client.profile(clone.slug)
        return f"{profile.name or clone.slug} at {clone.base_url}"


def _forget_the_clone_before(draft: Draft) -> None:
    """Another clone knows neither the conversation nor the instance of the one before."""
    if "clone.slug" in draft.changes:
        draft.set("clone.conversation_id", None)
        draft.set("clone.instance_slug", None)
