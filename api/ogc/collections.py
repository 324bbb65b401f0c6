"""The collections of the feature service: what each holds and is narrowed by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from api.ogc.areas import (
    FixedFeatures,
    district_features,
    office_features,
    ward_features,
)
from api.ogc.charts import ChartFeatures
from api.ogc.days import PlanDays
from api.ogc.features import FeatureSource, Json
from api.ogc.names import Names, names_of
from api.ogc.parameters import ParameterError, read_day
from api.ogc.routes import RouteFeatures
from api.ogc.visits import VisitFeatures
from api.wiring import Services
from dispatch.adapters.feature_store import SqlFeatures


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Queryable:
    """A property that features can be narrowed by; `values` None: any day."""

    title: str
    values: Callable[[], Iterable[str]] | None = None

    @property
    def schema(self) -> Json:
        """The values that it takes, as a JSON Schema."""
        if self.values is None:
            return {"title": self.title, "type": "string", "format": "date"}
        return {"title": self.title, "type": "string", "enum": list(self.values())}

    def read(self, name: str, text: str) -> str:
        """
        Return a value, checked.

        Raises
        ------
        ParameterError
            For a value that no feature can have: a slip, not an empty map.
        """
        if self.values is None:
            return read_day(name, text).isoformat()
        if text not in self.values():
            raise ParameterError(name, "一覧(queryables)にない値です")
        return text


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Collection:
    """One collection; `key_parts` is how many parts the place in it has."""

    id: str
    title: str
    description: str
    source: FeatureSource
    queryables: Mapping[str, Queryable]
    key_parts: int

    def filters(self, given: Mapping[str, str]) -> dict[str, str]:
        """Values that the features' properties must have."""
        return {
            name: queryable.read(name, given[name])
            for name, queryable in self.queryables.items()
            if name in given
        }


def collections_of(services: Services, store: SqlFeatures) -> Mapping[str, Collection]:
    """Return every collection of a wired city, by id."""
    names = names_of(services)
    made = (*_work(services, store, names), *_city(services, names))
    return {collection.id: collection for collection in made}


def _work(
    services: Services, store: SqlFeatures, names: Names
) -> tuple[Collection, ...]:
    bounds = services.profile.bounds
    days = PlanDays(store, services.profile.timezone)
    known = _queryables(names)
    of_chart = ("status", "category", "urgency", "ward", "district", "office", "date")
    return (
        Collection(
            id="consultations",
            title="相談",
            description=(
                "機動班が受け持つ相談の位置と状態。申出人の情報と相談の文面は含まない。"
                "移管したもの、場所が決まっていないものは載らない。"
                "datetime は受付日時。"
            ),
            source=ChartFeatures(store=store, names=names, bounds=bounds),
            queryables={name: known[name] for name in of_chart},
            key_parts=2,
        ),
        Collection(
            id="visits",
            title="訪問",
            description=(
                "確定した計画で班が訪れる場所と予定時刻。datetime は作業の予定時刻。"
            ),
            source=VisitFeatures(days=days, names=names, bounds=bounds),
            queryables={name: known[name] for name in (*of_chart, "team")},
            key_parts=3,
        ),
        Collection(
            id="plans",
            title="巡回経路",
            description=(
                "確定した計画の班ごとの一日の経路。訪問先を順に直線で結ぶ"
                "(道に沿った線ではない)。datetime は計画の日。"
            ),
            source=RouteFeatures(days=days, names=names, bounds=bounds),
            queryables={name: known[name] for name in ("date", "office", "team")},
            key_parts=2,
        ),
    )


def _city(services: Services, names: Names) -> tuple[Collection, ...]:
    bounds = services.profile.bounds
    is_rough = services.areas.is_approximate
    rough = "境界は町丁目と小学校の点から作った概略。" if is_rough else ""
    return (
        Collection(
            id="wards",
            title="区",
            description=f"区の範囲と担当の工営所。{rough}",
            source=FixedFeatures(
                listed=lambda: ward_features(services, names), bounds=bounds
            ),
            queryables={},
            key_parts=1,
        ),
        Collection(
            id="school_districts",
            title="校区",
            description=f"小学校区の範囲。{rough}",
            source=FixedFeatures(
                listed=lambda: district_features(services, names), bounds=bounds
            ),
            queryables={"ward": _queryables(names)["ward"]},
            key_parts=1,
        ),
        Collection(
            id="offices",
            title="工営所",
            description="工営所の位置、所在地、電話。",
            source=FixedFeatures(
                listed=lambda: office_features(services), bounds=bounds
            ),
            queryables={},
            key_parts=1,
        ),
    )


def _queryables(names: Names) -> Mapping[str, Queryable]:
    return {
        "status": Queryable(title="状態", values=lambda: names.statuses),
        "category": Queryable(title="分類", values=lambda: names.categories),
        "urgency": Queryable(title="緊急度", values=lambda: names.urgencies),
        "ward": Queryable(title="区", values=lambda: names.wards),
        "district": Queryable(title="校区", values=names.districts),
        "office": Queryable(title="工営所", values=lambda: names.offices),
        "team": Queryable(title="班", values=lambda: names.teams),
        "date": Queryable(title="日付"),
    }
