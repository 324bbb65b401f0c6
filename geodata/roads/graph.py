"""The road graph: junctions, chains of segments between them, and its file."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from dispatch.domain.errors import SourceError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
JUNCTION_ROADS = 3  # fewer roads meet at a bend or an end


@dataclass(frozen=True, kw_only=True, eq=False)
class RoadGraph:
    """
    The drivable roads of a city as arrays.

    A chain is a road between two junctions; its segments lie one after the other in
    the segment arrays, all in the chain's direction. Seconds are `inf` where one may
    not drive; they are running times, without what a junction costs.

    Parameters
    ----------
    node_id
        OSM ids, int64 (n,).
    node_lon, node_lat
        Degrees, float64 (n,).
    node_x, node_y
        City's plane, metres, float64 (n,).
    segment_from, segment_to
        Node rows, int64 (m,).
    segment_m, segment_forward_s, segment_backward_s
        Length and running time, float64 (m,).
    chain_start
        First segment of each chain and, last, the number of segments; int64 (c + 1,).
    chain_rank
        Rank of the road, int64 (c,).
    """

    node_id: Ints
    node_lon: Floats
    node_lat: Floats
    node_x: Floats
    node_y: Floats
    segment_from: Ints
    segment_to: Ints
    segment_m: Floats
    segment_forward_s: Floats
    segment_backward_s: Floats
    chain_start: Ints
    chain_rank: Ints

    @property
    def num_chains(self) -> int:
        """How many chains there are."""
        return len(self.chain_rank)

    @property
    def km(self) -> float:
        """Length of all roads, kilometres."""
        return float(self.segment_m.sum()) / 1000

    @cached_property
    def chain_from(self) -> Ints:
        """Node row at which each chain begins."""
        return self.segment_from[self.chain_start[:-1]]

    @cached_property
    def chain_to(self) -> Ints:
        """Node row at which each chain ends."""
        return self.segment_to[self.chain_start[1:] - 1]

    @cached_property
    def segment_chain(self) -> Ints:
        """Chain of each segment."""
        return np.repeat(np.arange(self.num_chains), np.diff(self.chain_start))

    def chain_sums(self, values: Floats) -> Floats:
        """Sum a value of the segments over each chain."""
        return np.add.reduceat(values, self.chain_start[:-1])

    def before_in_chain(self, values: Floats) -> Floats:
        """Sum of a value over the segments before each one in its chain."""
        total = np.concatenate(
            ([0.0], np.cumsum(np.where(np.isinf(values), 0, values)))
        )
        return total[:-1] - total[self.chain_start[:-1]][self.segment_chain]

    @cached_property
    def num_roads(self) -> Ints:
        """How many chain ends meet at each node."""
        ends = np.concatenate((self.chain_from, self.chain_to))
        return np.bincount(ends, minlength=len(self.node_id)).astype(np.int64)

    @cached_property
    def main(self) -> NDArray[np.bool_]:
        """Whether each chain belongs to the largest part in which all is reachable."""
        forward = self.chain_sums(self.segment_forward_s)
        backward = self.chain_sums(self.segment_backward_s)
        along, against = np.isfinite(forward), np.isfinite(backward)
        rows = np.concatenate((self.chain_from[along], self.chain_to[against]))
        columns = np.concatenate((self.chain_to[along], self.chain_from[against]))
        size = len(self.node_id)
        links = csr_array((np.ones(len(rows), np.int8), (rows, columns)), (size, size))
        _, label = connected_components(links, directed=True, connection="strong")
        ends = np.bincount(label[rows])
        largest = int(ends.argmax())
        both = (label[self.chain_from] == largest) & (label[self.chain_to] == largest)
        reachable: NDArray[np.bool_] = both & (along | against)
        return reachable

    def save(self, file: Path) -> None:
        """Write all arrays to one file."""
        arrays = {field.name: getattr(self, field.name) for field in fields(self)}
        with file.open("wb") as stream:
            np.savez(stream, **arrays)

    @classmethod
    def load(cls, file: Path) -> Self:
        """
        Read a graph that `save` wrote.

        Raises
        ------
        SourceError
            When the file is missing, cut short or of another form.
        """
        try:
            # np.load leaves a file open that it opened itself and cannot read.
            with file.open("rb") as stream, np.load(stream) as arrays:
                return cls(**{field.name: arrays[field.name] for field in fields(cls)})
        except (
            *(OSError, EOFError, RuntimeError, zipfile.BadZipFile),  # damaged
            *(ValueError, KeyError, TypeError),  # of another form
        ) as problem:
            message = f"{file}: no usable road graph ({problem}); kidohan roads build"
            raise SourceError(message) from problem


def bigger_chains(graph: RoadGraph, rank: int, *, shortest_m: float) -> Ints:
    """Chains of a rank and above that hang together over some length at least."""
    chains = np.flatnonzero(graph.chain_rank >= rank)
    size = len(graph.node_id)
    start, end = graph.chain_from[chains], graph.chain_to[chains]
    links = csr_array((np.ones(len(chains), np.int8), (start, end)), (size, size))
    _, part = connected_components(links, directed=False)
    metres = graph.chain_sums(graph.segment_m)[chains]
    total_m = np.bincount(part[start], weights=metres, minlength=len(chains))
    return chains[total_m[part[start]] >= shortest_m]
