"""The states of the roads: as built, and with closures; each with its own engine."""

from __future__ import annotations

import logging
import math
import os
import shutil
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dispatch.domain.errors import SourceError
from dispatch.domain.travel import UNREACHABLE_S
from geodata.roads.closing import speed_file
from geodata.roads.graph import RoadGraph
from geodata.roads.graph_times import GraphTimes
from geodata.roads.manifest import (
    BASE,
    CH_SUFFIX,
    RoadData,
    RoadManifest,
    lives,
    mark_in_use,
)
from geodata.roads.network import Fallback, Network
from geodata.roads.numbers import JunctionDelay
from geodata.roads.osrm_client import OsrmClient
from geodata.roads.osrm_process import OsrmProcess
from geodata.roads.programs import OsrmPrograms
from geodata.roads.snapping import Snapped

logger = logging.getLogger(__name__)

MAX_CLOSED = 5  # states kept beside the one as built; an engine each, some 70 MB
RETRY_S = 30.0  # a state that could not be opened is tried again after so long
CUSTOMIZE_TIMEOUT_S = 120.0
ANSWER_TIMEOUT_S = 20.0  # a block of 300 × 300 takes 2 to 3 s
CLOSED_FILE = "closed.csv"
COPIES = "kidohan-roads-"  # and the number of the process

Chains = frozenset[int]
AS_BUILT: Chains = frozenset()


@dataclass(slots=True)
class _State:
    """One state: its network and the process and folder behind it."""

    network: Network
    process: OsrmProcess | None = None
    folder: Path | None = None
    retry_at_s: float = math.inf  # by the monotonic clock: it failed, try again then

    def close(self) -> None:
        if self.process is not None:
            self.process.close()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


class Networks:
    """
    Opens the engine for the roads as built and for each set of closed roads.

    Parameters
    ----------
    data
        Prepared road data.
    graph
        Its graph, for times without the engine.
    junction
        Seconds at junctions, for the same.
    programs
        The engine; None where it does not run: then the graph answers.
    server
        Another machine's engine, asked instead while nothing is closed.
    port
        For the engine of the roads as built; 0 takes a free one.
    """

    def __init__(
        self,
        data: RoadData,
        graph: RoadGraph,
        junction: JunctionDelay,
        *,
        programs: OsrmPrograms | None,
        server: OsrmClient | None = None,
        port: int = 0,
    ) -> None:
        self._data = data
        self._graph = graph
        self._junction = junction
        self._programs = programs
        self._server = server
        self._port = port
        self._mark = mark_in_use(data.folder)
        _remove_copies_of_the_dead()
        self._lock = threading.Lock()
        self._maker = ThreadPoolExecutor(1, thread_name_prefix="roads")
        self._states: OrderedDict[Chains, Future[_State]] = OrderedDict()
        self._prepared: set[Chains] = set()  # begun, and not asked for yet
        self._waiting: dict[Chains, Network] = {}
        self._states[AS_BUILT] = Future()
        self._states[AS_BUILT].set_result(self._as_built())

    @property
    def manifest(self) -> RoadManifest:
        """Record of the data."""
        return self._data.manifest

    @property
    def engine(self) -> OsrmProcess | None:
        """Engine of the roads as built."""
        return self._states[AS_BUILT].result().process

    def prepare(self, closed: Chains) -> None:
        """
        Begin to open a state in the background, if it is not open yet.

        What was to be prepared before and nobody has asked for is given up: it is
        out of date.
        """
        with self._lock:
            stale = self._prepared - {closed}
            for chains in stale:
                known = self._states.get(chains)
                if known is not None and known.cancel():
                    del self._states[chains]
            self._prepared = (
                {closed} if closed and closed not in self._states else set()
            )
        self._future(closed)

    def get(self, closed: Chains, *, patience_s: float | None = None) -> Network:
        """
        Return the network with these chains closed.

        Parameters
        ----------
        closed
            The chains.
        patience_s
            How long to wait until it is open; then the graph answers meanwhile.
        """
        future = self._future(closed)
        with self._lock:
            self._prepared.discard(closed)
        try:
            return future.result(patience_s).network
        except (TimeoutError, CancelledError):
            return self._meanwhile(closed)

    def _meanwhile(self, closed: Chains) -> Network:
        with self._lock:
            known = self._waiting.get(closed)
            if known is None:
                known = Network(None, self._fallback(closed), is_closed=True)
                self._waiting = {closed: known}
            return known

    def by_graph(self, closed: Chains) -> Network:
        """
        Return a network with these chains closed that asks no engine.

        It is nobody's state: none is opened or given up for it, and it is forgotten
        with its last user.
        """
        return Network(None, self._fallback(closed), is_closed=bool(closed))

    def graph_times(self, closed: Chains) -> GraphTimes:
        """Return the road graph with these chains closed."""
        return GraphTimes(self._graph, self._junction, closed_chains=closed)

    def is_ready(self, closed: Chains) -> bool:
        """Whether a state is open already."""
        with self._lock:
            known = self._states.get(closed)
            return known is not None and known.done()

    def processes(self) -> list[OsrmProcess]:
        """Engines that run now."""
        with self._lock:
            done = [
                future.result()
                for future in self._states.values()
                if future.done() and not future.cancelled()
            ]
        return [state.process for state in done if state.process is not None]

    def close(self) -> None:
        """End all engines and remove what was made for them."""
        self._maker.shutdown(wait=True, cancel_futures=True)
        if self._mark is not None:
            self._mark.unlink(missing_ok=True)
        with self._lock:
            states, self._states = self._states, OrderedDict()
        for future in states.values():
            if future.done() and not future.cancelled():
                future.result().close()

    def _future(self, closed: Chains) -> Future[_State]:
        evicted: list[Future[_State]] = []
        with self._lock:
            known = self._states.get(closed)
            if known is not None and _is_to_retry(known):
                evicted.append(self._states.pop(closed))
                known = None
            if known is None:
                known = self._maker.submit(self._with_closed, closed)
                self._states[closed] = known
            elif closed:
                self._states.move_to_end(closed)
            while len(self._states) > MAX_CLOSED + 1:
                oldest = next(chains for chains in self._states if chains)
                evicted.append(self._states.pop(oldest))
                self._prepared.discard(oldest)
        for future in evicted:  # outside the lock: ending an engine takes a moment
            if not future.cancel():
                future.add_done_callback(_close_state)
        return known

    def _as_built(self) -> _State:
        fallback = self._fallback(AS_BUILT)
        if self._server is not None:
            return _State(Network(self._server, fallback))
        if self._programs is None:
            return _State(Network(None, fallback))
        algorithm = "CH" if self._data.has_ch else "MLD"
        try:
            process = OsrmProcess(
                self._programs, self._data.base, algorithm=algorithm, port=self._port
            )
        except SourceError as problem:
            if self._port:
                raise  # who names a port must know that it is taken
            logger.warning("travel times without the engine: %s", problem)
            return _State(Network(None, fallback))
        network = Network(_client(process), fallback, on_hang=process.restart)
        return _State(network, process)

    def _with_closed(self, closed: Chains) -> _State:
        """Shut the roads in a copy of the data; without success the graph answers."""
        fallback = self._fallback(closed)
        if self._programs is None:
            return _State(Network(None, fallback, is_closed=True))
        folder = None
        try:
            folder = Path(tempfile.mkdtemp(prefix=f"{COPIES}{os.getpid()}-"))
            process = self._customized(self._programs, closed, folder)
        except (SourceError, OSError) as problem:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            logger.warning("closures without the engine: %s", problem)
            network = Network(None, fallback, is_closed=True)
            return _State(network, retry_at_s=time.monotonic() + RETRY_S)
        network = Network(
            _client(process), fallback, is_closed=True, on_hang=process.restart
        )
        return _State(network, process, folder)

    def _customized(
        self, programs: OsrmPrograms, closed: Chains, folder: Path
    ) -> OsrmProcess:
        """Write the data anew with the roads shut, and serve it."""
        for file in self._data.folder.glob(f"{BASE}.*"):
            if not file.name.endswith(CH_SUFFIX):  # customizing is for the others
                shutil.copyfile(file, folder / file.name)
        speeds = folder / CLOSED_FILE
        speeds.write_text(speed_file(self._graph, closed), encoding="ascii")
        programs.run(
            "customize",
            [folder / BASE, "--segment-speed-file", speeds],
            timeout_s=CUSTOMIZE_TIMEOUT_S,
        )
        return OsrmProcess(programs, folder / BASE, algorithm="MLD")

    def _fallback(self, closed: Chains) -> Fallback:
        return _GraphFallback(
            lambda: self.graph_times(closed),
            self._data.manifest.graph_factor,
        )


def _remove_copies_of_the_dead() -> None:
    """Remove what services that were killed have left in the temporary folder."""
    for copy in Path(tempfile.gettempdir()).glob(f"{COPIES}*"):
        pid = copy.name.removeprefix(COPIES).partition("-")[0]
        if pid.isdigit() and not lives(int(pid)):
            shutil.rmtree(copy, ignore_errors=True)


class _GraphFallback:
    """The graph's times, stretched to the engine's; made when first asked for."""

    def __init__(self, make: Callable[[], GraphTimes], factor: float) -> None:
        self._make = make
        self._factor = factor
        self._times: GraphTimes | None = None

    def __call__(self, snapped: Snapped) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        if self._times is None:
            self._times = self._make()
        seconds, metres = self._times.matrix(snapped)
        stretched = np.rint(seconds * self._factor).astype(np.int64)
        return np.where(seconds >= UNREACHABLE_S, seconds, stretched), metres


def _client(process: OsrmProcess) -> OsrmClient:
    return OsrmClient(lambda: process.url, timeout_s=ANSWER_TIMEOUT_S)


def _is_to_retry(future: Future[_State]) -> bool:
    return (
        future.done()
        and not future.cancelled()
        and time.monotonic() >= future.result().retry_at_s
    )


def _close_state(future: Future[_State]) -> None:
    if not future.cancelled():
        future.result().close()
