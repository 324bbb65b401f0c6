"""The engine is started, comes back when it dies, and never outlives the service."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import urllib3

from dispatch.domain.errors import SourceError
from geodata.roads import osrm_process
from geodata.roads.manifest import BASE
from geodata.roads.osrm_client import OsrmClient
from geodata.roads.osrm_process import LOOPBACK, OsrmProcess
from geodata.roads.programs import PROGRAM_FOLDER, OsrmPrograms
from tests.acceptance.command import family, free_port, is_running
from tests.geodata.road_data import TownRoads, copied, places
from tests.geodata.road_data import town_roads as built_town
from tests.shared_data import REPO

BACK_WITHIN_S = 5.0  # the figure of the issue
SLACK_S = 10.0  # for what has no figure, on a busy machine


@pytest.fixture(scope="module")
def town_roads() -> TownRoads:
    return built_town()


@pytest.fixture
def process(town_roads: TownRoads) -> Iterator[OsrmProcess]:
    with OsrmProcess(
        town_roads.programs, town_roads.data.base, algorithm="MLD"
    ) as engine:
        yield engine


def name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def engines_of(pid: int) -> list[int]:
    """Engines that a process has started, by /proc."""
    return [
        child
        for child in sorted(family(pid))
        if name_of(child) == "osrm-routed" and is_running(child)
    ]


def engine_on(port: int) -> int:
    """Pid of our engine that was told to listen on a port."""
    for pid in engines_of(os.getpid()):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if str(port).encode() in words:
            return pid
    pytest.fail(f"no engine on port {port}")


def until(is_so: Callable[[], bool], limit_s: float = SLACK_S) -> float:
    """Seconds until something is so; the test fails when it does not become so."""
    began = time.monotonic()
    while not is_so():
        if time.monotonic() - began > limit_s:
            pytest.fail(f"not within {limit_s} s")
        time.sleep(0.02)
    return time.monotonic() - began


def answers(process: OsrmProcess) -> bool:
    client = OsrmClient(lambda: process.url, timeout_s=5)
    here, there = ((one.lon, one.lat) for one in places((0, 0), (4, 0)))
    try:
        table = client.table([here, there], sources=[0], destinations=[1])
    except Exception:  # noqa: BLE001 - whatever goes wrong, it does not answer
        return False
    return bool(399 <= table.distance_m[0, 0] <= 401)  # four blocks of 100 m


def test_an_engine_answers_as_soon_as_it_is_there(process: OsrmProcess) -> None:
    assert process.is_up()
    assert answers(process)
    assert process.num_restarts == 0
    assert process.url == f"http://{LOOPBACK}:{process.port}"


def test_it_listens_on_the_loopback_only(process: OsrmProcess) -> None:
    # Lines of /proc/net/tcp hold local address and port in hexadecimal; 0A listens.
    listening = [
        line.split()[1]
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{process.port:04X}")
    ]
    assert listening == [f"0100007F:{process.port:04X}"]


def test_a_killed_engine_is_back_within_five_seconds(process: OsrmProcess) -> None:
    os.kill(engine_on(process.port), signal.SIGKILL)
    until(lambda: not answers(process))
    assert until(lambda: answers(process), BACK_WITHIN_S) < BACK_WITHIN_S
    until(lambda: process.num_restarts == 1)
    assert process.is_up()


def test_an_engine_that_is_killed_again_and_again_comes_back(
    town_roads: TownRoads,
) -> None:
    gone: list[float] = []
    with OsrmProcess(
        town_roads.programs,
        town_roads.data.base,
        algorithm="MLD",
        on_down=lambda: gone.append(time.monotonic()),
    ) as process:
        for times in (1, 2):
            os.kill(engine_on(process.port), signal.SIGKILL)
            until(lambda times=times: process.num_restarts == times)  # type: ignore[misc]
            assert answers(process)
        assert len(gone) == 2
    assert len(gone) == 2  # closing is not a failure


def test_a_killed_engine_returns_to_the_port_that_was_named(
    town_roads: TownRoads,
) -> None:
    port = free_port()
    with OsrmProcess(
        town_roads.programs, town_roads.data.base, algorithm="MLD", port=port
    ) as process:
        assert process.port == port
        os.kill(engine_on(port), signal.SIGKILL)
        until(lambda: process.num_restarts == 1)
        assert process.port == port
        assert answers(process)


def test_nothing_is_left_after_closing(town_roads: TownRoads) -> None:
    before = family(os.getpid())
    process = OsrmProcess(town_roads.programs, town_roads.data.base, algorithm="MLD")
    started = family(os.getpid()) - before
    assert [name_of(pid) for pid in started].count("osrm-routed") == 1
    process.close()
    until(lambda: not [pid for pid in started if is_running(pid)])
    assert not process.is_up()
    assert not answers(process)
    process.close()  # again does no harm


def test_closing_while_it_is_being_started_again_ends_it(
    town_roads: TownRoads,
) -> None:
    before = family(os.getpid())
    process = OsrmProcess(town_roads.programs, town_roads.data.base, algorithm="MLD")
    pid = engine_on(process.port)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not is_running(pid))
    process.close()
    until(lambda: not process.is_up())
    until(lambda: family(os.getpid()) <= before)
    time.sleep(3 * osrm_process.FIRST_WAIT_S)  # when it would have come back
    assert not answers(process)
    assert process.num_restarts == 0


OPENS = """
import sys, time
from pathlib import Path
from geodata.roads.osrm_process import OsrmProcess
from geodata.roads.programs import OsrmPrograms
programs = OsrmPrograms(Path(sys.argv[1]))
process = OsrmProcess(programs, Path(sys.argv[2]), algorithm="MLD")
print(process.port, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_the_engine_dies_with_whoever_opened_it(
    town_roads: TownRoads, end: signal.Signals
) -> None:
    words = [str(town_roads.programs.folder), str(town_roads.data.base)]
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-c", OPENS, *words],
        stdout=subprocess.PIPE,
        cwd=REPO,
        text=True,
    ) as opener:
        assert opener.stdout is not None
        port = int(opener.stdout.readline())
        started = family(opener.pid) - {opener.pid}
        (engine,) = engines_of(opener.pid)
        opener.send_signal(end)
        opener.wait(SLACK_S)
    until(lambda: not is_running(engine))
    until(lambda: not [pid for pid in started if is_running(pid)])
    with socket.socket() as probe:
        assert probe.connect_ex((LOOPBACK, port)) != 0


def test_a_port_in_use_is_refused_with_the_name_of_the_setting(
    town_roads: TownRoads,
) -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            SourceError, match=rf"port {port} .*in use.*KIDOHAN_ROADS_PORT"
        ):
            OsrmProcess(
                town_roads.programs, town_roads.data.base, algorithm="MLD", port=port
            )


def test_data_that_are_not_there_are_refused(
    town_roads: TownRoads, tmp_path: Path
) -> None:
    before = family(os.getpid())
    with pytest.raises(SourceError, match=r"ended at once .*kidohan roads check"):
        OsrmProcess(town_roads.programs, tmp_path / BASE, algorithm="MLD")
    until(lambda: family(os.getpid()) <= before)


def test_broken_data_are_refused(town_roads: TownRoads, tmp_path: Path) -> None:
    data = copied(town_roads.data, tmp_path / "home")
    graph = data.folder / f"{BASE}.mldgr"
    graph.write_bytes(graph.read_bytes()[: graph.stat().st_size // 2])
    with pytest.raises(SourceError, match="is the data whole"):
        OsrmProcess(town_roads.programs, data.base, algorithm="MLD")


def test_tables_that_were_not_prepared_are_refused(town_roads: TownRoads) -> None:
    assert not town_roads.data.has_ch
    with pytest.raises(SourceError, match="ended at once"):
        OsrmProcess(town_roads.programs, town_roads.data.base, algorithm="CH")


def pretended(folder: Path, script: str) -> OsrmPrograms:
    """Put a shell script in the place of the engine."""
    programs = OsrmPrograms(folder)
    (folder / PROGRAM_FOLDER).mkdir(parents=True)
    programs.path("routed").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    programs.path("routed").chmod(0o755)
    return programs


def test_an_engine_that_never_answers_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(osrm_process, "READY_TIMEOUT_S", 0.3)
    before = family(os.getpid())
    with pytest.raises(SourceError, match="did not answer in time"):
        OsrmProcess(
            pretended(tmp_path, "exec sleep 60"), tmp_path / BASE, algorithm="MLD"
        )
    until(lambda: family(os.getpid()) <= before)


def test_an_engine_that_does_not_come_back_is_tried_later_and_later(
    town_roads: TownRoads,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    data = copied(town_roads.data, tmp_path / "home")
    monkeypatch.setattr(osrm_process, "FIRST_WAIT_S", 0.02)
    with (
        caplog.at_level(logging.INFO, logger=osrm_process.__name__),
        OsrmProcess(town_roads.programs, data.base, algorithm="MLD") as process,
    ):
        hidden = data.folder.with_name("hidden")
        data.folder.rename(hidden)
        os.kill(engine_on(process.port), signal.SIGKILL)
        until(lambda: caplog.text.count("does not start again") >= 3)
        assert not process.is_up()
        assert process.num_restarts == 0
        hidden.rename(data.folder)
        until(lambda: process.num_restarts == 1)
        assert answers(process)
    # 0.02 s, then twice as long each time.
    at = [one.created for one in caplog.records if "not start" in one.getMessage()]
    assert at[2] - at[1] > 0.08
    assert at[1] - at[0] > 0.04
    assert "is back on port" in caplog.text


def test_an_engine_that_was_long_up_is_started_again_at_once(
    town_roads: TownRoads, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With every run counted as long, the second wait is as short as the first: 0.2 s.
    # Were it forgotten, five deaths would wait 0.2 + 0.4 + 0.8 + 1.6 + 3.2 = 6.2 s.
    monkeypatch.setattr(osrm_process, "STEADY_S", 0.0)
    with OsrmProcess(
        town_roads.programs, town_roads.data.base, algorithm="MLD"
    ) as process:
        began = time.monotonic()
        for times in range(1, 6):
            os.kill(engine_on(process.port), signal.SIGKILL)
            until(lambda times=times: process.num_restarts == times)  # type: ignore[misc]
        assert time.monotonic() - began < 5


def test_an_engine_that_hangs_at_its_start_does_not_hold_up_closing(
    town_roads: TownRoads, tmp_path: Path
) -> None:
    # The first start is the true engine; then something that never answers.
    first = tmp_path / "first"
    script = (
        f"if [ ! -e {first} ]; then touch {first}; "
        f'exec {town_roads.programs.path("routed")} "$@"; fi\nexec sleep 60'
    )
    process = OsrmProcess(
        pretended(tmp_path, script), town_roads.data.base, algorithm="MLD"
    )
    os.kill(engine_on(process.port), signal.SIGKILL)
    until(lambda: "sleep" in {name_of(pid) for pid in family(os.getpid())})
    began = time.monotonic()
    process.close()
    assert time.monotonic() - began < 5
    until(lambda: "sleep" not in {name_of(pid) for pid in family(os.getpid())})


def test_without_a_shell_the_refusal_says_what_the_engine_needs(
    town_roads: TownRoads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(SourceError, match="runs on Linux only"):
        OsrmProcess(town_roads.programs, town_roads.data.base, algorithm="MLD")


def test_nothing_is_logged_or_printed_about_positions(
    town_roads: TownRoads,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with (
        caplog.at_level(logging.INFO),
        OsrmProcess(
            town_roads.programs, town_roads.data.base, algorithm="MLD"
        ) as process,
    ):
        assert answers(process)
        pool = urllib3.PoolManager(retries=False)
        refused = pool.request("GET", f"{process.url}/route/v1/driving/135.5,34.68")
        assert refused.status == 400
        os.kill(engine_on(process.port), signal.SIGKILL)
        until(lambda: process.num_restarts == 1)
    printed = capfd.readouterr()
    told = printed.out + printed.err + caplog.text
    assert "road engine is back" in told
    assert "135.5" not in told
    assert "34.68" not in told


def test_two_engines_serve_side_by_side(
    town_roads: TownRoads, process: OsrmProcess
) -> None:
    threads = threading.active_count()
    with OsrmProcess(
        town_roads.programs, town_roads.data.base, algorithm="MLD"
    ) as other:
        assert other.port != process.port
        assert answers(other)
    assert answers(process)  # the end of one is not the end of the other
    assert threading.active_count() == threads
