from __future__ import annotations

from pathlib import Path

from tests.fuzz.__main__ import Outcome

TOLD = """\
INFO: seed corpus: files: 3 min: 35b max: 63b total: 151b rss: 64Mb
#4	INITED cov: 30 ft: 33 corp: 3/151b exec/s: 0 rss: 64Mb
#131072	pulse  cov: 34 ft: 52 corp: 9/600b lim: 1300 exec/s: 18724 rss: 65Mb
#143017	DONE   cov: 35 ft: 53 corp: 10/653b lim: 1400 exec/s: 17877 rss: 65Mb
Done 143017 runs in 8 second(s)
stat::number_of_executed_units: 143017
stat::average_exec_per_sec:     17877
stat::peak_rss_mb:              65
"""


def test_what_is_told_becomes_a_row() -> None:
    outcome = Outcome.read("access", TOLD, (Path("cases/access/617fa9fd"),))
    assert (outcome.executions, outcome.per_second, outcome.edges) == (143_017, 17_877, 35)
    assert outcome.row().split() == ["access", "143,017", "17,877", "35", "617fa9fd"]


def test_what_ended_before_it_began_is_nothing() -> None:
    assert Outcome.read("access", "", ()).row().split() == ["access", "0", "0", "0", "-"]
