from __future__ import annotations

from clonespeaker.status.allowance import Allowance


def test_so_many_at_once_and_so_many_a_second() -> None:
    allowance = Allowance(50, now_s=100.0)
    assert sum(allowance.take(now_s=100.0) for _ in range(80)) == 50
    assert sum(allowance.take(now_s=100.5) for _ in range(80)) == 25
    assert sum(allowance.take(now_s=9_999.0) for _ in range(80)) == 50


def test_the_steady_rate_goes_on_for_ever() -> None:
    allowance = Allowance(50, now_s=0.0)
    assert all(allowance.take(now_s=step / 50) for step in range(5_000))
