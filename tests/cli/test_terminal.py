from __future__ import annotations

import pytest

from clonespeaker.cli.terminal import complain, say


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Grüße, 你好 🙂\tund\nmehr", "Grüße, 你好 🙂\tund\nmehr"),
        ("\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
        ("\x1b]0;a title\x07", "�]0;a title�"),
        ("\x1b[2J\x1b[1A", "�[2J�[1A"),
        ("\x9b2J", "�2J"),
        ("safe\rforged", "safe�forged"),
        ("\x08\x7f\x00", "���"),
    ],
)
def test_what_others_wrote_is_shown_and_not_obeyed(text: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    say(text)
    complain(text)
    told = capsys.readouterr()
    assert told.out == told.err == shown + "\n"
