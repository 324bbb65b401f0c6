"""The planner's bars of quality, a short run: legal results, and figures to look at.

The full run is `python -m tests.benchmarks.planner_bars`; it takes hours. Here times
are a fifth, so gaps are told and not asked; that no rule is broken, is.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.planner_bars import ROWS, Bars
from tests.shared_data import need_shared

pytestmark = pytest.mark.benchmark

LONG_ROWS = {"large", "memory", "other-offices", "made-large"}  # minutes at any scale


@pytest.mark.parametrize("row", sorted(set(ROWS) - LONG_ROWS))
def test_results_of_a_short_run_break_no_rule(
    row: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    need_shared("bench/days.py")

    def tell(line: str) -> None:
        with capsys.disabled():
            print(f"\n    {line}", end="")  # noqa: T201 - figures are the point

    bars = Bars(folder=tmp_path, tell=tell, scale=0.2, limit=1)
    verdicts = bars.run([row])
    assert len(verdicts) > 1  # the row's own figures, not violations alone
    assert bars.num_results > 0
    assert bars.broken_rules == []
