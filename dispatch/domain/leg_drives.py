"""Driving times by departure, each worked out once: a search asks again and again."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from dispatch.domain.travel import TravelMatrix

DRIVES_MAX = 100_000  # drives by departure that are kept, some 10 MB


class LegDrives:
    """
    Driving times by departure, from plain lists, each worked out once.

    Orders that a search compares begin alike, so most legs are left at moments that
    were asked before.
    """

    def __init__(self, travel: TravelMatrix) -> None:
        self._trip = travel.trip
        self._open_s: list[list[int]] = travel.duration_s.tolist()
        closed = travel.restricted
        self._restricted_s: list[list[int]] = (
            self._open_s if closed is None else closed.duration_s.tolist()
        )
        self._known: dict[tuple[int, int], DrivesByDeparture] = {}
        self._num_known = 0

    def along(self, nodes: Sequence[int]) -> list[DrivesByDeparture]:
        """Driving times on the legs of one order."""
        if self._num_known >= DRIVES_MAX:
            self._known.clear()
            self._num_known = 0
        drives = []
        for leg in itertools.pairwise(nodes):
            if leg not in self._known:
                self._known[leg] = DrivesByDeparture(self, leg)
            drives.append(self._known[leg])
        return drives

    def drive_s(self, leg: tuple[int, int], depart_s: int) -> int:
        """Work out one drive, to be kept."""
        self._num_known += 1
        here, there = leg
        bases_s = self._open_s[here][there], self._restricted_s[here][there]
        return self._trip(*bases_s, depart_s)[0]


class DrivesByDeparture(dict[int, int]):
    """Seconds of one leg by departure; a dict, because a hit costs next to nothing."""

    __slots__ = ("_drives", "_leg")

    def __init__(self, drives: LegDrives, leg: tuple[int, int]) -> None:
        super().__init__()
        self._drives = drives
        self._leg = leg

    def __missing__(self, depart_s: int) -> int:
        drive_s = self[depart_s] = self._drives.drive_s(self._leg, depart_s)
        return drive_s
