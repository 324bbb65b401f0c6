"""VROOM's input as far as our planner can keep it; the rest is refused by name."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, field_validator
from pydantic_core import PydanticCustomError

from api.json_files import Layout
from api.problem_schemas import (
    MAX_AMOUNT,
    MAX_NAMES,
    MAX_NODES,
    MAX_SPANS,
    MAX_TEAMS,
    MAX_VISITS,
    MetresRows,
    Seconds,
    Sentence,
)

MAX_PRIORITY = 100
MAX_TIME = 2**53  # real timestamps are allowed


def _refused(sentence: str) -> AfterValidator:
    """Refuse what VROOM knows and we cannot keep, unless it is empty."""

    def refuse(given: object) -> object:
        if given:
            raise PydanticCustomError("not_kept", "{sentence}", {"sentence": sentence})
        return given

    return AfterValidator(refuse)


Shipments = Annotated[Any, _refused("集荷と配達の組には対応していません")]
Limit = Annotated[Any, _refused("訪問数・移動時間・移動距離の上限には対応していません")]
Costs = Annotated[Any, _refused("費用の指定には対応していません(移動時間が費用です)")]
ByType = Annotated[Any, _refused("車両の種別ごとの時間には対応していません")]
Steps = Annotated[Any, _refused("経路の指定には対応していません")]
MaxLoad = Annotated[Any, _refused("休憩中の積載の上限には対応していません")]

Whole = Annotated[int, Field(ge=0)]
Time = Annotated[int, Field(ge=0, le=MAX_TIME)]
Window = tuple[Time, Time]
Amounts = Annotated[
    list[Annotated[int, Field(ge=0, le=MAX_AMOUNT)]], Field(max_length=MAX_NAMES)
]
Skills = Annotated[list[Whole], Field(max_length=MAX_NAMES)]
Position = tuple[
    Annotated[float, Field(ge=-180, le=180)], Annotated[float, Field(ge=-90, le=90)]
]
Index = Annotated[int, Field(ge=0, lt=MAX_NODES)]


class VroomJob(Layout):
    """One place to visit."""

    id: Whole
    description: Sentence | None = None
    location: Position | None = None
    location_index: Index | None = None
    setup: Seconds = 0
    service: Seconds = 0
    delivery: Amounts = Field([])
    pickup: Amounts = Field([])
    skills: Skills = Field([])
    priority: Annotated[int, Field(ge=0, le=MAX_PRIORITY)] = 0
    time_windows: list[Window] = Field([], max_length=MAX_SPANS)
    setup_per_type: ByType = None
    service_per_type: ByType = None


class VroomBreak(Layout):
    """A break; its window says when it may begin."""

    id: Whole
    description: Sentence | None = None
    service: Annotated[int, Field(gt=0)]
    time_windows: list[Window]
    max_load: MaxLoad = None

    @field_validator("time_windows")
    @classmethod
    def _one(cls, windows: list[Window]) -> list[Window]:
        if len(windows) != 1:
            sentence = "休憩の時間帯は1つにしてください"
            raise PydanticCustomError("one_window", sentence)
        return windows


class VroomVehicle(Layout):
    """One vehicle and its working hours."""

    id: Whole
    profile: Sentence = "car"
    description: Sentence | None = None
    start: Position | None = None
    start_index: Index | None = None
    end: Position | None = None
    end_index: Index | None = None
    capacity: Amounts = Field([])
    skills: Skills = Field([])
    time_window: Window | None = None
    breaks: list[VroomBreak] = Field([])
    speed_factor: float = 1.0
    max_tasks: Limit = None
    max_travel_time: Limit = None
    max_distance: Limit = None
    costs: Costs = None
    type: ByType = None
    steps: Steps = None

    @field_validator("breaks")
    @classmethod
    def _at_most_one(cls, breaks: list[VroomBreak]) -> list[VroomBreak]:
        if len(breaks) > 1:
            sentence = "休憩は1台に1回までです"
            raise PydanticCustomError("one_break", sentence)
        return breaks

    @field_validator("speed_factor")
    @classmethod
    def _as_in_the_matrix(cls, factor: float) -> float:
        if factor != 1.0:
            sentence = "速さの係数(speed_factor)は1だけに対応しています"
            raise PydanticCustomError("speed", sentence)
        return factor


class VroomMatrix(Layout):
    """Seconds between places, and metres where they are known."""

    durations: MetresRows = Field(description="seconds; 864000 and more: no way")
    distances: MetresRows | None = None
    costs: Costs = None


class VroomIn(Layout):
    """A routing problem as VROOM reads it."""

    vehicles: list[VroomVehicle] = Field(min_length=1, max_length=MAX_TEAMS)
    jobs: list[VroomJob] = Field([], max_length=MAX_VISITS)
    shipments: Shipments = None
    matrices: dict[str, VroomMatrix] | None = None

    @field_validator("vehicles")
    @classmethod
    def _one_profile(cls, vehicles: list[VroomVehicle]) -> list[VroomVehicle]:
        if len({vehicle.profile for vehicle in vehicles}) > 1:
            sentence = "車両の profile は1種類にしてください"
            raise PydanticCustomError("one_profile", sentence)
        return vehicles
