"""Field results (現場結果): what a team found, did and used at one visit."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from dispatch.domain.consultation import MAX_LINE, MAX_NAME, require_length
from dispatch.domain.errors import InvalidInputError
from dispatch.domain.outcome import Outcome

MAX_MINUTES = 1_440  # a visit ends within a day
MAX_MATERIALS = 30
MAX_PIECES = 9_999


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedMaterial:
    """A material and how much of it was used, in the unit that its name says."""

    name: str
    amount: float

    def __post_init__(self) -> None:
        require_length("materials", self.name, MAX_NAME)
        if not self.name.strip() or not 0 < self.amount <= MAX_PIECES:
            problem = (
                f"材料は名前と 0 より大きく {MAX_PIECES:,} 以下の数量にしてください"
            )
            raise InvalidInputError("materials", problem)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldResult:
    """
    One visit as it was: outcome, minutes on site, materials, who caused the damage.

    `occupant` (占用企業者) owns the cover, pipe or pole that failed; `contract_no` is
    the number of the order that follows; `next_on` the day of the next visit.

    Raises
    ------
    InvalidInputError
        For an impossible number or an over-long text.
    """

    at: dt.datetime
    who: str
    outcome: Outcome
    minutes: int | None = None
    materials: tuple[UsedMaterial, ...] = ()
    cause: str = ""
    occupant: str = ""
    contract_no: str = ""
    next_on: dt.date | None = None
    note: str = ""
    photo_ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.minutes is not None and not 0 <= self.minutes <= MAX_MINUTES:
            problem = f"作業時間は 0 から {MAX_MINUTES:,} 分までにしてください"
            raise InvalidInputError("minutes", problem)
        if len(self.materials) > MAX_MATERIALS:
            problem = f"材料は {MAX_MATERIALS} 種類までです"
            raise InvalidInputError("materials", problem)
        for field in ("cause", "occupant", "contract_no", "note"):
            require_length(field, getattr(self, field), MAX_LINE)
