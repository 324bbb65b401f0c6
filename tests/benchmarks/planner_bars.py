"""The planner's bars of quality, beside other solvers in one run.

    python -m tests.benchmarks.planner_bars --rows solomon,small --scale 0.2 --limit 2

Everything runs in processes of its own, one after another, on one pinned core (two for
days of the whole city). Rows are told with the words PASS and FAIL; nothing stops at a
failure. Speed, emergencies and offered changes have benchmarks of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.days import CITY_CORES
from tests.benchmarks.exact_small import proven_optimum
from tests.benchmarks.instances import (
    Day,
    Routes,
    combined,
    days_module,
    gap_percent,
    judged,
    made_vrptw,
    read_day,
    small_day,
    write_day,
    write_vrptw,
)
from tests.shared_data import REPO, shared_dir

RIVALS = ("pyvrp", "vroom", "default", "ils")
GRACE_S = 300  # a solver that has not come back by then never will
LONG_RUN = 12  # ours in 60 s is compared with ours in 5 s
NORMAL_OFFICES = ("s1-o1", "s1-o5", "s2-o0", "s2-o3", "s1-o7", "s2-o6")
STORM_OFFICES = ("s1-o5", "s2-o0", "s1-o1", "s2-o6")
OTHER_OFFICES = ("s11-o2", "s12-o4", "s13-o6", "s14-o3")
CITY_J = {"normal-s1": 2_234.0, "normal-s2": 2_153.0, "normal-s3": 2_142.0}
LARGE_J = {"backlog-s1": 4_740_000.0, "storm-s1": 1_378_000.0}
SMALL_WITHIN = 1.001
J_ROUNDED = 0.05  # the evaluator tells J with one decimal
OFFICE_MB, LARGE_MB = 350, 1_200

Row = dict[str, Any]
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One figure beside its bar."""

    what: str
    figure: str
    bar: str
    passed: bool

    def line(self) -> str:
        """Say it in one line."""
        word = "PASS" if self.passed else "FAIL"
        return f"{word}  {self.what:<44} {self.figure:>16}   bar {self.bar}"


@dataclass(slots=True, kw_only=True)
class Bars:
    """
    One run of the bars.

    Parameters
    ----------
    folder
        Where days and instances are written for the programs to read.
    tell
        Takes each line as soon as it is known.
    scale
        Of all times; 1 is what the bars ask for.
    limit
        Instances of each row at the most; None: all.
    """

    folder: Path
    tell: Tell
    scale: float = 1.0
    limit: int | None = None
    seed: int = 1
    verdicts: list[Verdict] = field(default_factory=list)
    num_results: int = 0
    broken_rules: list[str] = field(default_factory=list)

    def run(self, rows: Sequence[str]) -> list[Verdict]:
        """Run rows by name, and last say how many hard rules were broken in all."""
        if self.scale != 1:
            self.tell(f"all times x {self.scale}: figures to look at, not the bars'")
        for row in rows:
            self.tell(f"-- {row}")
            ROWS[row](self)
        self._judge(
            f"hard violations in {self.num_results} results of ours",
            str(len(self.broken_rules)),
            "0",
            passed=self.num_results > 0 and not self.broken_rules,
        )
        return self.verdicts

    def _judge(self, what: str, figure: str, bar: str, *, passed: bool) -> None:
        verdict = Verdict(what=what, figure=figure, bar=bar, passed=passed)
        self.verdicts.append(verdict)
        self.tell(verdict.line())

    # -- running programs --------------------------------------------------------------

    def ours(self, program: str, sources: Sequence[str], seconds: float) -> list[Row]:
        """Run our planner on each source."""
        args = [*sources, "--seconds", str(seconds * self.scale), "--json"]
        return _output(program, [*args, "--seed", str(self.seed)], len(sources))

    def rival(self, name: str, source: str, seconds: float) -> Row | None:
        """Run another solver; None when it is not installed or does not come back."""
        args = [name, source, "--seconds", str(seconds * self.scale)]
        try:
            row = _output("rivals", [*args, "--seed", str(self.seed)], 1)[0]
        except (subprocess.SubprocessError, ValueError) as problem:
            self.tell(f"   {name}: no answer ({type(problem).__name__})")
            return None
        if "absent" in row:
            self.tell(f"   {name}: not installed")
            return None
        return row

    def shortened(self, sources: Sequence[str]) -> list[str]:
        """Return what the limit lets through."""
        return list(sources)[: self.limit]

    # -- vehicle routing with time windows ---------------------------------------------

    def vrptw(self, what: str, files: Sequence[str], limits: VrptwLimits) -> None:
        """Gaps of ours and of each rival; without a record, to the best of this run."""
        files = self.shortened(files)
        with pinned(1):
            mine = self.ours("vrptw", files, limits.seconds)
            found = {
                name: [self.rival(name, file, limits.seconds) for file in files]
                for name in RIVALS
            }
        gaps: dict[str, list[float]] = {name: [] for name in ("ours", *RIVALS)}
        for number, row in enumerate(mine):
            self._count(row["instance"], row["errors"])
            all_rows = {"ours": row} | {name: found[name][number] for name in RIVALS}
            costs = {n: r["cost"] for n, r in all_rows.items() if r and r["cost"]}
            best = row["best_known"] or min(costs.values(), default=0.0)
            told = {name: gap_percent(cost, best) for name, cost in costs.items()}
            for name, gap in told.items():
                gaps[name].append(gap)
            words = "  ".join(f"{name} {gap:.2f}" for name, gap in told.items())
            self.tell(f"   {row['instance']:<14} best {best:>8.1f}  {words}")
        self._judge_gaps(what, gaps, len(files), limits)

    def _judge_gaps(
        self, what: str, gaps: dict[str, list[float]], count: int, limits: VrptwLimits
    ) -> None:
        solved = len(gaps["ours"])
        self._judge(
            f"{what}: solved", f"{solved}/{count}", "all", passed=solved == count
        )
        if not solved:
            return
        mean = statistics.fmean(gaps["ours"])
        within = mean <= limits.mean_percent
        bar = f"<= {limits.mean_percent} %"
        self._judge(f"{what}: mean gap", f"{mean:.2f} %", bar, passed=within)
        for name in RIVALS:
            if len(gaps[name]) != count:
                continue
            above = mean - statistics.fmean(gaps[name])
            if name == "pyvrp":
                bar = f"<= {limits.above_pyvrp} points"
                passed = above <= limits.above_pyvrp
                label = f"{what}: mean gap above PyVRP's"
                self._judge(label, f"{above:+.2f}", bar, passed=passed)
            else:
                self.tell(f"      above {name}: {above:+.2f} points")

    # -- days --------------------------------------------------------------------------

    def offices(
        self,
        what: str,
        names: Sequence[str],
        *,
        mean_bar: float,
        worst_bar: float | None,
    ) -> None:
        """Compare ours in 5 s with the best of ours in 60 s and the rivals in 5 s."""
        ratios = []
        for name in self.shortened(names):
            day, source = self._written(name)
            with pinned(1):
                short = self.judged_j(day, self.ours("days", [source], 5.0)[0])
                long = self.ours("days", [source], 5.0 * LONG_RUN)[0]
                found = {"ours": short, "ours 60 s": self.judged_j(day, long)}
                for rival in RIVALS:
                    row = self.rival(rival, source, 5.0)
                    if row is not None:
                        found[rival] = float(judged(day, row["routes"])["J"])
            best = min(found.values())
            ratios.append(short / best)
            words = "  ".join(f"{who} {j:.1f}" for who, j in found.items())
            self.tell(f"   {name:<16} x{ratios[-1]:.4f}  {words}")
        mean, worst = statistics.geometric_mean(ratios), max(ratios)
        self._judge(
            f"{what}: J to best, geometric mean",
            f"{mean:.4f}",
            f"<= {mean_bar}",
            passed=mean <= mean_bar,
        )
        if worst_bar is None:
            return
        bar = f"<= {worst_bar}"
        self._judge(f"{what}: worst", f"{worst:.4f}", bar, passed=worst <= worst_bar)

    def city(self) -> None:
        """Run normal days of the whole city, 12 s on two cores."""
        for name in self.shortened(list(CITY_J)):
            day, source = self._written(name)
            with pinned(CITY_CORES):
                row = self.ours("days", [source], 12.0)[0]
            j = self.judged_j(day, row)
            served, count = sum(map(len, row["routes"])), len(day["visits"])
            self._judge(
                f"{name}: served", f"{served}/{count}", "all", passed=served == count
            )
            label = f"{name}: J in {row['seconds_total']:.1f} s"
            bar = f"<= {CITY_J[name]:,.0f}"
            self._judge(label, f"{j:,.1f}", bar, passed=j <= CITY_J[name])

    def large(self) -> None:
        """Backlog and storm of the city, beside office-wise and city-wide alone."""
        for name in self.shortened(list(LARGE_J)):
            day, source = self._written(name)
            with pinned(CITY_CORES):
                row = self.ours("days", [source], 60.0)[0]
                alone = self.rival("ils", source, 60.0)
            j = self.judged_j(day, row)
            label = f"{name}: J in {row['seconds_total']:.1f} s"
            bar = f"<= {LARGE_J[name]:,.0f}"
            self._judge(label, f"{j:,.0f}", bar, passed=j <= LARGE_J[name])
            others = {"office-wise": self._office_wise(day)}
            if alone is not None:
                others["city-wide ILS"] = alone["routes"]
            for who, routes in others.items():
                other_j = float(judged(day, routes)["J"])
                label = f"{name}: J below {who} alone"
                self._judge(label, f"{j:,.0f}", f"< {other_j:,.0f}", passed=j < other_j)

    def _office_wise(self, day: Day) -> Routes:
        """Each office by itself, with the same seconds of computing in all."""
        restrict = days_module().restrict
        parts = [restrict(day, office["id"]) for office in day["offices"]]
        sources = [str(write_day(part, self.folder)) for part in parts]
        seconds = 60.0 * CITY_CORES / len(parts)
        with pinned(1):
            rows = self.ours("days", sources, seconds)
        routes = [row["routes"] for row in rows]
        return combined(day, list(zip(parts, routes, strict=True)))

    def small(self) -> None:
        """Run days with a proven optimum, 1 s each."""
        cases = [
            small_day(seed, num_visits=visits, office=seed % 8, storm=visits == 9)
            for seed in range(21, 27)
            for visits in (8, 9, 10)
        ][: self.limit]
        sources = []
        for number, day in enumerate(cases):
            named = dict(day, name=f"{day['name']}-{number}")  # one name, many sizes
            sources.append(str(write_day(named, self.folder)))
        with pinned(1):
            rows = self.ours("days", sources, 1.0)
        hits = 0
        for day, row in zip(cases, rows, strict=True):
            j, proven = self.judged_j(day, row), proven_optimum(day)
            is_hit = j <= proven.j * SMALL_WITHIN + J_ROUNDED
            hits += is_hit
            if not is_hit:
                gap = gap_percent(j, proven.j)
                self.tell(f"   {row['name']}: {j:.1f}, proven {proven.j:.2f}, {gap} %")
        figure, bar = f"{hits}/{len(cases)}", "all within 0.1 %"
        self._judge(
            "small days: optimum in 1 s", figure, bar, passed=hits == len(cases)
        )

    def memory(self) -> None:
        """Peak memory of the largest process, on 40 visits and on 1,500."""
        for name, bar_mb in (("normal-s1-o5", OFFICE_MB), ("backlog-s1", LARGE_MB)):
            _, source = self._written(name)
            args = [source, "--seconds", str(20 * self.scale), "--json", "--memory"]
            peak = _output("days", args, 2)[1]["peak_mb"]
            label = f"{name}: peak memory of a process"
            self._judge(label, f"{peak} MB", f"<= {bar_mb} MB", passed=peak <= bar_mb)

    def judged_j(self, day: Day, row: Row) -> float:
        """J of a result of ours, whose broken rules are counted."""
        verdict = judged(day, row["routes"])
        self._count(row["name"], verdict["viol"])
        return float(verdict["J"])

    def _count(self, name: str, broken: Sequence[object]) -> None:
        self.num_results += 1
        self.broken_rules += [f"{name}: {rule}" for rule in broken]
        for rule in broken:
            self.tell(f"   {name} breaks a rule: {rule}")

    def _written(self, name: str) -> tuple[Day, str]:
        day = read_day(name)
        return day, str(write_day(day, self.folder))


@dataclass(frozen=True, slots=True, kw_only=True)
class VrptwLimits:
    """Time and bars of one family of instances."""

    seconds: float
    mean_percent: float
    above_pyvrp: float


def _solomon(bars: Bars) -> None:
    limits = VrptwLimits(seconds=10, mean_percent=1.5, above_pyvrp=1.0)
    bars.vrptw("Solomon 10 s", _shared("solomon"), limits)


def _homberger(bars: Bars) -> None:
    limits = VrptwLimits(seconds=30, mean_percent=3.0, above_pyvrp=1.5)
    bars.vrptw("Gehring-Homberger 30 s", _shared("homberger"), limits)


def _made(bars: Bars) -> None:
    """Instances like Solomon's that nobody tuned to."""
    families = ("c1", "r1", "rc1", "c2", "r2", "rc2")
    made = [made_vrptw(family, seed) for seed in (1, 2) for family in families]
    files = [str(write_vrptw(instance, bars.folder)) for instance in made]
    limits = VrptwLimits(seconds=10, mean_percent=1.5, above_pyvrp=1.0)
    bars.vrptw("like Solomon's 10 s", files, limits)


def _made_large(bars: Bars) -> None:
    """Instances like Gehring and Homberger's that nobody tuned to."""
    made = [made_vrptw(name, 3, num_customers=200) for name in ("c2", "r1", "rc1")]
    made.append(made_vrptw("rc1", 4, num_customers=400))
    files = [str(write_vrptw(instance, bars.folder)) for instance in made]
    limits = VrptwLimits(seconds=30, mean_percent=3.0, above_pyvrp=1.5)
    bars.vrptw("like Homberger's 30 s", files, limits)


def _normal(bars: Bars) -> None:
    names = [f"normal-{name}" for name in NORMAL_OFFICES]
    bars.offices("normal offices 5 s", names, mean_bar=1.01, worst_bar=1.03)


def _storm(bars: Bars) -> None:
    names = [f"storm-{name}" for name in STORM_OFFICES]
    bars.offices("storm offices 5 s", names, mean_bar=1.05, worst_bar=None)


def _other_offices(bars: Bars) -> None:
    names = [f"normal-{name}" for name in OTHER_OFFICES]
    bars.offices("other normal offices 5 s", names, mean_bar=1.01, worst_bar=1.03)
    names = [f"storm-{name}" for name in OTHER_OFFICES]
    bars.offices("other storm offices", names, mean_bar=1.05, worst_bar=None)


ROWS: dict[str, Callable[[Bars], None]] = {
    "solomon": _solomon,
    "homberger": _homberger,
    "made": _made,
    "made-large": _made_large,
    "normal": _normal,
    "storm": _storm,
    "other-offices": _other_offices,
    "city": Bars.city,
    "large": Bars.large,
    "small": Bars.small,
    "memory": Bars.memory,
}


def _shared(family: str) -> list[str]:
    return [
        str(path) for path in sorted((shared_dir() / "bench" / family).glob("*.txt"))
    ]


@contextmanager
def pinned(cores: int) -> Iterator[None]:
    """Hold this process and those it starts to the first cores that it may use."""
    free = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(free)[:cores])
    try:
        yield
    finally:
        os.sched_setaffinity(0, free)


def _output(program: str, args: Sequence[str], num_lines: int) -> list[Row]:
    """Run one of our programs; its JSON lines."""
    command = [sys.executable, "-m", f"tests.benchmarks.{program}", *args]
    seconds = float(args[list(args).index("--seconds") + 1])
    done = subprocess.run(  # noqa: S603 - our own programs
        command,
        cwd=REPO,
        stdout=subprocess.PIPE,
        text=True,
        timeout=num_lines * (2 * seconds + GRACE_S),
        check=False,  # broken rules are in the rows, and are counted
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    if len(rows) != num_lines:
        message = f"{program} ended with {done.returncode} after {len(rows)} results"
        raise ValueError(message)
    return rows


def main(argv: Sequence[str] | None = None) -> int:
    """Run rows and print them; the exit code is 1 when any bar is not held."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.planner_bars")
    parser.add_argument("--rows", default=",".join(ROWS), help="names with commas")
    parser.add_argument("--scale", type=float, default=1.0, help="of all times")
    parser.add_argument("--limit", type=int, help="instances of a row at the most")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(argv)
    rows = given.rows.split(",")
    if unknown := sorted(set(rows) - set(ROWS)):
        parser.error(f"no such rows: {', '.join(unknown)}")

    def tell(line: str) -> None:
        print(line, flush=True)  # noqa: T201

    with tempfile.TemporaryDirectory() as folder:
        bars = Bars(
            folder=Path(folder),
            tell=tell,
            scale=given.scale,
            limit=given.limit,
            seed=given.seed,
        )
        verdicts = bars.run(rows)
    tell("\n" + "\n".join(verdict.line() for verdict in verdicts))
    return 0 if all(verdict.passed for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
