"""The states of the roads: as built, and with closures; each with its own engine."""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dispatch.domain.errors import SourceError
from dispatch.domain.travel import UNREACHABLE_S
from geodata.roads.closing import speed_file
from geodata.roads.graph import RoadGraph
from geodata.roads.graph_times import GraphTimes
from geodata.roads.manifest import BASE, RoadData, RoadManifest, mark_in_use
from geodata.roads.network import Fallback, Network
from geodata.roads.numbers import JunctionDelay
from geodata.roads.osrm_client import OsrmClient
from geodata.roads.osrm_process import OsrmProcess
from geodata.roads.programs import OsrmPrograms
from geodata.roads.snapping import Snapped

logger = logging.getLogger(__name__)

MAX_CLOSED = 3  # states kept beside the one as built; an engine each, some 70 MB
CUSTOMIZE_TIMEOUT_S = 120.0
ANSWER_TIMEOUT_S = 60.0
CLOSED_FILE = "closed.csv"

Chains = frozenset[int]
AS_BUILT: Chains = frozenset()


@dataclass(slots=True)
class _State:
    """One state: its network and the process and folder behind it."""

    network: Network
    process: OsrmProcess | None = None
    folder: Path | None = None

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
        self._lock = threading.Lock()
        self._maker = ThreadPoolExecutor(1, thread_name_prefix="roads")
        self._states: OrderedDict[Chains, Future[_State]] = OrderedDict()
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
        """Begin to open a state in the background, if it is not open yet."""
        self._future(closed)

    def get(self, closed: Chains) -> Network:
        """Return the network with these chains closed; waits until it is open."""
        return self._future(closed).result().network

    def is_ready(self, closed: Chains) -> bool:
        """Whether a state is open already."""
        with self._lock:
            known = self._states.get(closed)
            return known is not None and known.done()

    def processes(self) -> list[OsrmProcess]:
        """Engines that run now."""
        with self._lock:
            done = [
                future.result() for future in self._states.values() if future.done()
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
        with self._lock:
            if closed not in self._states:
                self._states[closed] = self._maker.submit(self._with_closed, closed)
                self._forget_oldest()
            elif closed:
                self._states.move_to_end(closed)
            return self._states[closed]

    def _forget_oldest(self) -> None:
        """Close the state that was used longest ago, never the one as built."""
        while len(self._states) > MAX_CLOSED + 1:
            oldest = next(chains for chains in self._states if chains)
            self._states.pop(oldest).add_done_callback(_close_state)

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
        return _State(Network(_client(process), fallback), process)

    def _with_closed(self, closed: Chains) -> _State:
        """Shut the roads in a copy of the data; without success the graph answers."""
        fallback = self._fallback(closed)
        if self._programs is None:
            return _State(Network(None, fallback, is_closed=True))
        folder = None
        try:
            folder = Path(tempfile.mkdtemp(prefix="kidohan-roads-"))
            process = self._customized(self._programs, closed, folder)
        except (SourceError, OSError) as problem:
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)
            logger.warning("closures without the engine: %s", problem)
            return _State(Network(None, fallback, is_closed=True))
        network = Network(_client(process), fallback, is_closed=True)
        return _State(network, process, folder)

    def _customized(
        self, programs: OsrmPrograms, closed: Chains, folder: Path
    ) -> OsrmProcess:
        """Write the data anew with the roads shut, and serve it."""
        for file in self._data.folder.glob(f"{BASE}.*"):
            shutil.copyfile(file, folder / file.name)  # customizing rewrites some
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
            lambda: GraphTimes(self._graph, self._junction, closed_chains=closed),
            self._data.manifest.graph_factor,
        )


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


def _close_state(future: Future[_State]) -> None:
    if not future.cancelled():
        future.result().close()
