"""Takes: a test of the sound path, played until the sound device kept time.

Where a machine stands still for longer than a sound device's buffer lasts (a virtual machine whose cores were given to
others, say), the device runs dry, and ALSA and PulseAudio lose what it held: sound that the daemon handed over in
good order. ALSA writes that to stderr. A test that failed in such a take says nothing about us; it is taken again. One
that fails in a take without it fails, and so does one that fails in all its takes. That the device doesn't run dry
through our own doing, `benchmarks/` measure.
"""

from __future__ import annotations

import time

import pytest
from _pytest.runner import runtestprotocol

TAKES = 6  # at most
_BEGIN_WITHIN_S = 120.0  # none later: all of them share the test's time limit, which strikes once

_RAN_DRY = ("underrun occurred", "overrun occurred")  # snd_pcm_recover(), alsa-lib
_spoiled: list[str] = []


def is_spoiled(reports: list[pytest.TestReport]) -> bool:
    """Whether it failed and the device had run dry."""
    failed = any(report.failed for report in reports)
    return failed and any(words in report.capstderr for report in reports for words in _RAN_DRY)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test of the sound path, again where a take was spoiled."""
    if item.get_closest_marker("sound") is None:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    begun_at = time.monotonic()
    for take in range(1, TAKES + 1):
        reports = runtestprotocol(item, log=False, nextitem=nextitem)
        if take == TAKES or time.monotonic() - begun_at > _BEGIN_WITHIN_S or not is_spoiled(reports):
            break
        _spoiled.append(item.nodeid)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell which takes were spoiled."""
    for test in _spoiled:
        terminalreporter.write_line(f"the sound device ran dry, so this was taken again: {test}")
