"""Programs' commands, obeyed. Each returns once it is taken, not once it is done; a conversation is made first.

Whether one is refused is decided where it is obeyed, after all that came before it: until then, events that wait in the
inbox may begin a turn or end it.

And what further buttons and keys do, by the names that the settings have for it.
"""

from __future__ import annotations

import logging

from clonespeaker.appliance import Appliance
from clonespeaker.conversation import Conversation
from clonespeaker.errors import CloneError
from clonespeaker.hand import Effect, Obeyed
from clonespeaker.status import protocol
from clonespeaker.status.protocol import Command, CommandError
from clonespeaker.turn import Cancelled, PressRefused, Said, State

log = logging.getLogger(__name__)


async def obey(appliance: Appliance, conversation: Conversation, command: Command) -> None:
    """Let the appliance do what a program wants.

    Raises:
        CommandError: it can't now; says why.
    """
    if appliance.turn.state is State.STARTING:
        raise CommandError("starting", "The daemon is still starting; try again in a moment.")
    match command:
        case protocol.Press():
            await _effect(appliance.hand.press())
        case protocol.Talk(seconds=seconds):
            _require_nobody_spoke(await _effect(appliance.hand.talk(seconds)))
        case protocol.Release():
            if (obeyed := appliance.hand.release()) is not None:
                await _effect(obeyed)
        case protocol.Cancel():
            await _effect(appliance.post(Cancelled()))
        case protocol.Say(text=text, image_url=image_url):
            _require_nobody_spoke(await _effect(appliance.post(Said(text=text, image_url=image_url))))
        case protocol.Volume(step=int(steps)):
            appliance.dials.step_volume(steps)
        case protocol.Volume(level=int(level)):
            appliance.dials.set_volume(level)
        case protocol.Mute():
            appliance.dials.mute(True)
        case protocol.Unmute():
            if appliance.dials.mute_switch:
                raise CommandError("mute-switch", "The microphone is muted by its switch; switch it on there.")
            appliance.dials.mute(False)
        case protocol.NewConversation():
            try:
                await conversation.renew()
            except CloneError as error:
                raise CommandError(error.fault or "failed", str(error)) from error
        case protocol.GetSnapshot():
            pass  # the server answers it by itself


def act(appliance: Appliance, deed: str) -> None:
    """Do what a button or a key means."""
    if appliance.turn.state is State.STARTING:
        return
    match deed:
        case "volume-up":
            appliance.dials.step_volume(1)
        case "volume-down":
            appliance.dials.step_volume(-1)
        case "mute" if appliance.dials.mute_switch:
            log.info("the mute button does nothing while the switch mutes")
        case "mute":
            appliance.dials.mute(not appliance.dials.muted)
        case "new-conversation":
            appliance.renew_conversation()
        case "cancel":
            appliance.post(Cancelled())
        case _:
            raise AssertionError(f"nobody knows how to {deed}")


async def _effect(obeyed: Obeyed) -> Effect:
    """What came of an event. A press that can't be obeyed was told to the user already; tell the program, too."""
    effect = await obeyed
    if effect is None:
        raise CommandError("stopping", "The daemon is stopping.")
    event, actions = effect
    if isinstance(event, PressRefused) and event.error is not None and actions:  # else it was down already
        raise CommandError(event.error.fault or "failed", str(event.error))
    return effect


def _require_nobody_spoke(effect: Effect) -> None:
    _, actions = effect
    if not actions:  # while the user speaks, nothing begins a turn; at any other time, everything does
        raise CommandError("listening", "The user is speaking; wait until that is over, or cancel it.")
