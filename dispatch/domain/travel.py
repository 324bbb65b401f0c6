"""Travel matrix (所要時間行列): seconds and metres between every two places."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from dispatch.domain.errors import InvalidInputError

UNREACHABLE_S = 10 * 86_400


class TravelLevel(StrEnum):
    """How a travel time was found, best first."""

    ROAD = "road"
    STRAIGHT_LINE = "straight_line"  # shown as 推定(直線)


@dataclass(frozen=True, slots=True, eq=False)
class TravelMatrix:
    """
    Seconds and metres from every place to every other.

    Both arrays are int64 of shape (n, n), row = from, zero diagonal, read-only;
    an unreachable pair holds `UNREACHABLE_S`.

    Raises
    ------
    InvalidInputError
        When the shapes differ, a value is negative or the diagonal is not zero.
    """

    duration_s: NDArray[np.int64]
    distance_m: NDArray[np.int64]
    level: TravelLevel

    def __post_init__(self) -> None:
        shape = self.duration_s.shape
        square = len(shape) == 2 and shape[0] == shape[1]  # noqa: PLR2004
        if not square or self.distance_m.shape != shape:
            raise InvalidInputError("travel matrix", "行列の形が正しくありません")
        for values in (self.duration_s, self.distance_m):
            if values.dtype != np.int64:
                raise InvalidInputError("travel matrix", "整数(int64)が必要です")
            if (values < 0).any() or np.diagonal(values).any():
                raise InvalidInputError("travel matrix", "負の値か対角の値があります")
            values.flags.writeable = False

    def __len__(self) -> int:
        return int(self.duration_s.shape[0])
