"""Travel times without a road graph: straight line at a stated crow speed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dispatch.domain.errors import InvalidInputError
from dispatch.domain.place import EARTH_RADIUS_M, LonLat
from dispatch.domain.travel import TravelLevel, TravelMatrix

MPS_PER_KMH = 1000 / 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class StraightLineTravelTimes:
    """
    Travel estimated from positions alone; shown as 推定(直線).

    Parameters
    ----------
    speed_kmh
        Speed as the crow flies: detours, signals and traffic are inside it.
    leg_s
        Added to every leg between two stops, even at one and the same place:
        starting, parking, walking.
    detour
        Road distance over straight line, 1 or more.

    Raises
    ------
    InvalidInputError
        For a speed that is not positive, a negative leg or a detour below 1.
    """

    speed_kmh: float
    leg_s: int
    detour: float

    def __post_init__(self) -> None:
        if self.speed_kmh <= 0:
            raise InvalidInputError("speed_kmh", "速度は正の値が必要です")
        if self.leg_s < 0:
            raise InvalidInputError("leg_s", "1区間の加算秒は0以上が必要です")
        if self.detour < 1:
            raise InvalidInputError("detour", "迂回係数は1以上が必要です")

    def matrix(self, places: Sequence[LonLat], *, at: dt.datetime) -> TravelMatrix:
        """
        Seconds and metres between every two places, the same at any moment.

        Notes
        -----
        metres = haversine × detour; seconds = haversine / speed + leg: the crow speed
        has the detour in it already. The haversine is that of
        `dispatch.domain.place.great_circle_m`, for all pairs at once.
        """
        del at  # a straight line knows no traffic
        count = len(places)
        lon = np.radians(np.array([place.lon for place in places], dtype=np.float64))
        lat = np.radians(np.array([place.lat for place in places], dtype=np.float64))
        half_dlat = (lat[np.newaxis, :] - lat[:, np.newaxis]) / 2
        half_dlon = (lon[np.newaxis, :] - lon[:, np.newaxis]) / 2
        cosines = np.cos(lat)[:, np.newaxis] * np.cos(lat)[np.newaxis, :]
        chord = np.sin(half_dlat) ** 2 + cosines * np.sin(half_dlon) ** 2
        straight_m = 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.minimum(1.0, chord)))
        road_m = straight_m * self.detour
        duration_s = straight_m / (self.speed_kmh * MPS_PER_KMH)
        duration_s += self.leg_s * (1 - np.eye(count))
        return TravelMatrix(
            duration_s=np.rint(duration_s).astype(np.int64),
            distance_m=np.rint(road_m).astype(np.int64),
            level=TravelLevel.STRAIGHT_LINE,
        )
