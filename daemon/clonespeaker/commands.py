"""Programs' commands, obeyed. Each returns once it is taken, not once it is done; a conversation is made first.

And what further buttons and keys do, by the names that the settings have for it.
"""

from __future__ import annotations

import logging

from clonespeaker.appliance import Appliance
from clonespeaker.conversation import Conversation
from clonespeaker.errors import CloneError
from clonespeaker.status import protocol
from clonespeaker.status.protocol import Command, CommandError
from clonespeaker.turn import Cancelled, Said, State

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
            appliance.hand.press()
            _refuse_press(appliance)
        case protocol.Talk(seconds=seconds):
            _require_nobody_speaks(appliance)
            appliance.hand.talk(seconds)
            _refuse_press(appliance)
        case protocol.Release():
            appliance.hand.release()
        case protocol.Cancel():
            appliance.post(Cancelled())
        case protocol.Say(text=text, image_url=image_url):
            _require_nobody_speaks(appliance)
            appliance.post(Said(text=text, image_url=image_url))
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


def _require_nobody_speaks(appliance: Appliance) -> None:
    if appliance.is_listening():
        raise CommandError("listening", "The user is speaking; wait until that is over, or cancel it.")


def _refuse_press(appliance: Appliance) -> None:
    """A press that can't be obeyed was told to the user already; tell the program, too."""
    error = appliance.press_refused()
    if error is not None:
        raise CommandError(error.fault or "failed", str(error))
