"""Mobile teams (機動班): crew, vehicle, skills and shift."""

from __future__ import annotations

from dataclasses import dataclass

from dispatch.domain.errors import InvalidInputError
from dispatch.domain.place import LonLat

DAY_S = 86_400
HORIZON_MAX_S = 62 * DAY_S  # two months; a shift beyond is a slip


@dataclass(frozen=True, slots=True, kw_only=True)
class Lunch:
    """
    A lunch break: `duration_s` long, wholly inside [`earliest_s`, `latest_end_s`].

    `nominal_s` is when it begins on an ordinary day; the search cuts it out of the
    clock there and the exact placement then moves it within the window.
    """

    nominal_s: int
    duration_s: int
    earliest_s: int
    latest_end_s: int

    def __post_init__(self) -> None:
        inside = (
            self.earliest_s <= self.nominal_s
            and self.nominal_s + self.duration_s <= self.latest_end_s
        )
        if self.duration_s <= 0 or not inside:
            raise InvalidInputError("lunch", "昼休みが許容時間帯の外です")

    @property
    def latest_start_s(self) -> int:
        """Latest start that still ends in time."""
        return self.latest_end_s - self.duration_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """
    A team's working day, seconds after midnight; overtime only when granted.

    When several days are planned at once, a later day's shift counts from the first
    day's midnight.
    """

    start_s: int
    end_s: int
    lunch: Lunch | None
    overtime_max_s: int = 0

    def __post_init__(self) -> None:
        if (
            not 0 <= self.start_s < self.end_s <= HORIZON_MAX_S
            or self.overtime_max_s < 0
        ):
            raise InvalidInputError("shift", "勤務時間の始めと終わりが正しくありません")
        lunch = self.lunch
        if lunch is not None and not (
            self.start_s <= lunch.latest_start_s
            and lunch.earliest_s + lunch.duration_s <= self.limit_s
        ):
            problem = "昼休みが勤務時間の中に取れません(空欄なら昼休みなし)"
            raise InvalidInputError("lunch", problem)

    @property
    def limit_s(self) -> int:
        """When the team must be back at the latest."""
        return self.end_s + self.overtime_max_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Vehicle:
    """
    What a team drives: kilograms, pieces by material, and the streets it fits.

    `width_cm` is None when it is not known; it then passes no limit of width.
    """

    name: str
    load_kg: int
    materials: tuple[tuple[str, int], ...] = ()
    width_cm: int | None = None
    vehicle_class: str = ""

    def fits(
        self,
        *,
        materials: tuple[tuple[str, int], ...],
        max_width_cm: int | None,
        vehicle_classes: frozenset[str],
    ) -> bool:
        """Whether it passes, is of an allowed class and carries one visit's pieces."""
        if max_width_cm is not None and (
            self.width_cm is None or self.width_cm > max_width_cm
        ):
            return False
        if vehicle_classes and self.vehicle_class not in vehicle_classes:
            return False
        room = dict(self.materials)
        return all(count <= room.get(name, 0) for name, count in materials)


@dataclass(frozen=True, slots=True, kw_only=True)
class MobileTeam:
    """
    A crew and its vehicle, belonging to one works office.

    `service_times` holds its own seconds of work by category, where it has any.
    """

    id: str
    office_id: str
    name: str
    letter: str
    vehicle: Vehicle
    crew_size: int
    skills: frozenset[str]
    base: LonLat
    shift: Shift
    service_times: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        if self.crew_size < 1:
            raise InvalidInputError("crew_size", "班員は1人以上必要です")
        if any(seconds <= 0 for _, seconds in self.service_times):
            raise InvalidInputError("service_times", "作業時間は正の値が必要です")

    def can_serve(self, *, skills: frozenset[str], crew: int, load_kg: int) -> bool:
        """Whether skills, hands and vehicle suffice for one visit."""
        return (
            skills <= self.skills
            and crew <= self.crew_size
            and load_kg <= self.vehicle.load_kg
        )
