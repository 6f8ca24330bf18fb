"""Programs' commands, obeyed. Each returns once it is taken, not once it is done; a conversation is made first."""

from __future__ import annotations

from clonespeaker.appliance import Appliance
from clonespeaker.conversation import Conversation
from clonespeaker.errors import CloneError
from clonespeaker.status import protocol
from clonespeaker.status.protocol import Command, CommandError
from clonespeaker.turn import Cancelled, Said, State


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
            appliance.step_volume(steps)
        case protocol.Volume(level=int(level)):
            appliance.set_volume(level)
        case protocol.Mute():
            appliance.mute(True)
        case protocol.Unmute():
            if appliance.mute_switch:
                raise CommandError("mute-switch", "The microphone is muted by its switch; switch it on there.")
            appliance.mute(False)
        case protocol.NewConversation():
            try:
                await conversation.renew()
            except CloneError as error:
                raise CommandError(error.fault or "failed", str(error)) from error
        case protocol.GetSnapshot():
            pass  # the server answers it by itself


def _require_nobody_speaks(appliance: Appliance) -> None:
    if appliance.is_listening():
        raise CommandError("listening", "The user is speaking; wait until that is over, or cancel it.")


def _refuse_press(appliance: Appliance) -> None:
    """A press that can't be obeyed was told to the user already; tell the program, too."""
    error = appliance.press_refused()
    if error is not None:
        raise CommandError(error.fault or "failed", str(error))
