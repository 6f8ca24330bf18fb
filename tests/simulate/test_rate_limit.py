from __future__ import annotations

import pytest

from clonespeaker.simulate.rate_limit import RateLimit
from clonespeaker.simulate.request import Refusal


def test_the_minute_moves_on() -> None:
    limit = RateLimit()
    limit.take(100.0, 2)
    limit.take(130.0, 2)
    with pytest.raises(Refusal, match="429") as caught:
        limit.take(140.5, 2)
    assert caught.value.retry_after_s == 20
    limit.take(160.0, 2)
    with pytest.raises(Refusal) as caught:
        limit.take(161.0, 2)
    assert caught.value.retry_after_s == 29


def test_the_limit_may_change() -> None:
    limit = RateLimit()
    for _ in range(1_000):
        limit.take(0.0, None)
    with pytest.raises(Refusal):
        limit.take(1.0, 50)
    with pytest.raises(Refusal) as caught:
        RateLimit().take(0.0, 0)
    assert caught.value.retry_after_s == 60
