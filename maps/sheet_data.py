"""What a route sheet is printed from: plain values, ready to read."""

from __future__ import annotations

from dataclasses import dataclass

from dispatch.domain.travel import TravelLevel
from maps.road_lines import MapClosure, Path, require_legs


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetStop:
    """
    One stop as it is printed; texts are ready to read and may be hostile.

    Parameters
    ----------
    order, chart_id, chart_number
        Number in the route; opaque id for the QR code; number people say.
    planned_start, planned_end
        Clock times such as ``9:05``.
    urgency
        ``S``, ``A``, ``B`` or ``C``.
    place_text, landmark, district, category
        Where it is and what kind of work.
    instruction, materials, minutes, cautions
        What to do, with what, for how long, and what to mind.
    conditions
        What this site asks for (two teams, a narrow street, a shared tool).
    lon, lat, radius_m
        Point in degrees and how uncertain it is.
    drive_min, drive_level, held_min
        Minutes of travel from the stop before, how they were found, and how many of
        them are waiting for a closure to end.
    call_back
        Telephone number, only when the caller is to be called.
    changed, late
        Marked after a re-plan; will be late by the plan.
    bundle
        First and last number of the stops that the vehicle is parked once for: to all
        but the first `drive_min` are on foot.
    """

    order: int
    chart_id: str
    chart_number: str
    planned_start: str
    planned_end: str
    urgency: str
    place_text: str
    landmark: str
    district: str
    category: str
    instruction: str
    materials: str
    minutes: int
    cautions: tuple[str, ...]
    lon: float
    lat: float
    radius_m: float
    drive_min: int
    call_back: str | None = None
    changed: bool = False
    late: bool = False
    drive_level: TravelLevel = TravelLevel.STRAIGHT_LINE
    held_min: int = 0
    bundle: tuple[int, int] | None = None
    conditions: tuple[str, ...] = ()

    @property
    def is_walked(self) -> bool:
        """Whether the way there is on foot."""
        return self.bundle is not None and self.order > self.bundle[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetLeg:
    """
    The way to one stop, or back to the depot, as it is printed.

    Parameters
    ----------
    path
        (lon, lat) along the road; not drawn when it has fewer than two places.
    level
        How distance and time were found.
    directions
        The turns in words, ready to read; may be hostile, and empty where no road
        is known.
    km, drive_min
        Length and time of the way.
    arrives_left
        Whether the stop lies on the left-hand side when the vehicle arrives.
    walked
        Whether the vehicle stays and the crew walks.
    """

    path: Path
    level: TravelLevel
    directions: str
    km: float
    drive_min: int
    arrives_left: bool
    walked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetData:
    """
    One team's day as it is printed.

    Parameters
    ----------
    date_text, date_iso, office, office_tel, team, vehicle, crew_text
        Who works when; `date_text` is in the era calendar.
    plan_version, printed_at
        Which plan, and when it was printed (given: nothing here reads the clock).
    depart, return_, lunch
        Planned clock times.
    total_drive_min, total_km, travel_note
        Travel of the day and how it was estimated.
    base_url
        Address of the service; a QR code is `base_url` + ``/c/`` + chart id.
    base_lon, base_lat, stops, wards
        Depot, stops in order, and (name, ring) of the wards for the map.
    attribution
        The line that names the data sources.
    legs
        Depot → first stop, …, last stop → depot; none: no road data at all.
    closures
        Roads that are shut, shown as far as the map reaches.

    Raises
    ------
    InvalidInputError
        When there are legs, but not one more than there are stops.
    """

    date_text: str
    date_iso: str
    office: str
    office_tel: str
    team: str
    vehicle: str
    crew_text: str
    plan_version: int
    printed_at: str
    depart: str
    return_: str
    lunch: str
    total_drive_min: int
    total_km: float
    travel_note: str
    base_url: str
    base_lon: float
    base_lat: float
    stops: tuple[SheetStop, ...]
    wards: tuple[tuple[str, tuple[tuple[float, float], ...]], ...]
    attribution: str
    legs: tuple[SheetLeg, ...] = ()
    closures: tuple[MapClosure, ...] = ()

    def __post_init__(self) -> None:
        require_legs(self.legs, self.stops)
