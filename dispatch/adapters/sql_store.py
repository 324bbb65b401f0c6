"""Charts and plans in a relational database: the only module with queries."""

from __future__ import annotations

import datetime as dt
import gzip
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Executable,
    Row,
    bindparam,
    func,
    insert,
    select,
    update,
)

from dispatch.adapters.codec import from_json, to_json
from dispatch.adapters.database import glance, is_alive, reading, writing
from dispatch.adapters.entry_rows import append_entries
from dispatch.adapters.new_chart_rows import add_new, charts_of_keys
from dispatch.adapters.tables import (
    by_code,
    charts,
    entries,
    plan_inputs,
    plans,
)
from dispatch.adapters.transfer_rows import put_transfers
from dispatch.adapters.vault import Vault
from dispatch.domain.case_chart import CaseChart, ChartEntry, ChartStatus, EntryKind
from dispatch.domain.catalogue import Catalogue, Duty
from dispatch.domain.errors import ConflictError, NotFoundError
from dispatch.domain.life_cycle import PLANNABLE
from dispatch.ports import (
    AddedChart,
    ChartChange,
    IdempotencyKey,
    NewChart,
    PlanStatus,
    StoredPlan,
)

OPEN = tuple(status for status in PLANNABLE if status is not ChartStatus.ON_HOLD)
GZIP_LEVEL = 1  # 24 MB of a day of 1,500 visits: 0.3 s; level 6 takes 2.6 s
QUERY_BATCH = 500  # below every database's limit of bound parameters
# Made once: building a statement takes longer than the database takes for it.
_LOADS = (
    select(charts.c.team_id, func.sum(charts.c.onsite_s))
    .where(
        charts.c.team_id.in_(bindparam("team_ids", expanding=True)),
        charts.c.status.in_([str(status) for status in OPEN]),
        charts.c.duty == str(Duty.FIELD),
    )
    .group_by(charts.c.team_id)
)


class SqlStore:
    """
    The `Charts` and `Plans` ports on SQLAlchemy Core.

    Parameters
    ----------
    engine
        From `open_database`.
    catalogue
        To know the minutes on site behind a team's load.
    vault
        Seals what new charts say about their reporters; without one, a chart that
        says anything about a person is refused.
    """

    def __init__(
        self, engine: Engine, catalogue: Catalogue, vault: Vault | None = None
    ) -> None:
        self._engine = engine
        self._catalogue = catalogue
        self._vault = vault

    def is_alive(self) -> bool:
        """Whether the database answers."""
        return is_alive(self._engine)

    def close(self) -> None:
        """Give the connections back; they are opened anew when needed."""
        self._engine.dispose()

    # -- charts ---------------------------------------------------------------

    def add_all(self, new: Sequence[NewChart]) -> list[AddedChart]:
        """Store charts in one transaction; see `dispatch.ports.Charts`."""
        with writing(self._engine) as connection:
            return self.add_within(connection, new)

    def add_within(
        self, connection: Connection, new: Sequence[NewChart]
    ) -> list[AddedChart]:
        """Store charts as a part of another store's transaction."""
        return add_new(connection, new, row_of=self._row, vault=self._vault)

    def add_topics(
        self, first: NewChart | ChartChange, topics: Sequence[NewChart]
    ) -> list[AddedChart]:
        """Store one call in one transaction; see `dispatch.topic_desk`."""
        with writing(self._engine) as connection:
            if isinstance(first, NewChart):
                added = self.add_within(connection, [first])[0]
                if not added.is_new:
                    return [added]
            else:
                self._save(connection, *first)
                added = AddedChart(chart=first[0], is_new=False)
            return [added, *self.add_within(connection, topics)]

    def known(self, keys: Iterable[IdempotencyKey]) -> dict[IdempotencyKey, CaseChart]:
        """Charts of keys seen before; see `dispatch.ports.Charts`."""

        def ask(
            statement: Executable, values: Mapping[str, object]
        ) -> Sequence[Row[Any]]:
            return glance(self._engine, statement, values)

        return charts_of_keys(ask, keys)

    def known_external(self, source: str, external_ids: Iterable[str]) -> set[str]:
        """Which external ids of a source are in the store."""
        wanted = list(external_ids)
        found: set[str] = set()
        with reading(self._engine) as connection:
            for at in range(0, len(wanted), QUERY_BATCH):
                query = select(charts.c.external_id).where(
                    charts.c.source == source,
                    charts.c.external_id.in_(wanted[at : at + QUERY_BATCH]),
                )
                found.update(connection.execute(query).scalars())
        return found

    def get(self, chart_id: str) -> CaseChart:
        """Return the chart; NotFoundError when there is none."""
        return self._get(charts.c.id == chart_id, chart_id)

    def get_by_number(self, number: str) -> CaseChart:
        """Return the chart of a running number; NotFoundError when there is none."""
        return self._get(charts.c.number == number, number)

    def _get(self, condition: Any, key: str) -> CaseChart:  # noqa: ANN401 - SQL expression
        with reading(self._engine) as connection:
            row = connection.execute(select(charts.c.body).where(condition)).first()
        if row is None:
            raise NotFoundError("chart", key)
        return from_json(CaseChart, row.body)

    def get_many(self, chart_ids: Iterable[str]) -> dict[str, CaseChart]:
        """Charts by id, as asked for; an id that does not exist is left out."""
        wanted = list(dict.fromkeys(chart_ids))
        found: dict[str, CaseChart] = {}
        with reading(self._engine) as connection:
            for at in range(0, len(wanted), QUERY_BATCH):
                query = select(charts.c.body).where(
                    charts.c.id.in_(wanted[at : at + QUERY_BATCH])
                )
                for body in connection.execute(query).scalars():
                    chart = from_json(CaseChart, body)
                    found[chart.id] = chart
        # Which row comes first is each database's own affair.
        return {chart_id: found[chart_id] for chart_id in wanted if chart_id in found}

    def find(
        self,
        *,
        statuses: Iterable[ChartStatus] | None = None,
        office_id: str | None = None,
    ) -> list[CaseChart]:
        """Charts in a status and of an office, oldest first."""
        query = select(charts.c.body).order_by(
            charts.c.received_at, by_code(charts.c.number)
        )
        if statuses is not None:
            query = query.where(charts.c.status.in_([str(s) for s in statuses]))
        if office_id is not None:
            query = query.where(charts.c.office_id == office_id)
        with reading(self._engine) as connection:
            rows = connection.execute(query).scalars().all()
        return [from_json(CaseChart, body) for body in rows]

    def save_all(self, changes: Sequence[ChartChange]) -> None:
        """Store next versions in one transaction; ConflictError if one is stale."""
        with writing(self._engine) as connection:
            for chart, new_entries in changes:
                self._save(connection, chart, new_entries)

    def _save(
        self,
        connection: Connection,
        chart: CaseChart,
        new_entries: Sequence[ChartEntry],
    ) -> None:
        changed = connection.execute(
            update(charts)
            .where(charts.c.id == chart.id, charts.c.version == chart.version - 1)
            .values(**self._row(chart))
        )
        if changed.rowcount != 1:
            query = select(charts.c.version).where(charts.c.id == chart.id)
            current = connection.execute(query).scalar()
            raise ConflictError(chart.stale_message, current=current)
        put_transfers(connection, chart)
        append_entries(connection, chart.id, new_entries, chart)

    def history(self, chart_id: str) -> list[ChartEntry]:
        """All entries of a chart, oldest first."""
        query = select(entries).where(entries.c.chart_id == chart_id)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(entries.c.seq)).all()
        return [
            ChartEntry(
                at=row.at,
                who=row.who,
                kind=EntryKind(row.kind),
                text=row.text,
                about=row.about or "",
                status=ChartStatus(row.status) if row.status else None,
            )
            for row in rows
        ]

    def append(self, chart_id: str, new_entries: Sequence[ChartEntry]) -> None:
        """Append to a chart's history without changing the chart."""
        with writing(self._engine) as connection:
            append_entries(connection, chart_id, new_entries)

    def team_loads_s(self, team_ids: Iterable[str]) -> dict[str, int]:
        """Seconds of work on site that are assigned and open, by team."""
        asked = {"team_ids": sorted(team_ids)}
        rows = glance(self._engine, _LOADS, asked)
        return {team_id: int(seconds) for team_id, seconds in rows}

    def _row(self, chart: CaseChart) -> dict[str, object]:
        placement, assignment = chart.placement, chart.assignment
        place = placement.place if placement is not None else None
        consultation = chart.consultation
        code = chart.category_code
        return {
            "id": chart.id,
            "number": chart.number,
            "version": chart.version,
            "status": str(chart.status),
            "duty": str(chart.duty),
            "urgency": str(chart.urgency),
            "category_code": code,
            "office_id": assignment.office_id if assignment else None,
            "team_id": assignment.team_id if assignment else None,
            "onsite_s": self._catalogue.get(code).onsite_s,
            "ward_code": chart.ward_code,
            "district_id": placement.district_id if placement else "",
            "lon": place.lon if place else None,
            "lat": place.lat if place else None,
            "received_at": consultation.received_at,
            "due_at": chart.due_at,
            "hold_until": chart.hold_until,
            "scheme": str(chart.scheme),
            "receiver": chart.receiver,
            "answer_due_at": chart.answer_due_at if chart.answered_at is None else None,
            "parent_id": chart.parent_id or None,
            "duplicate_of": chart.duplicate_of or None,
            "source": consultation.source,
            "external_id": consultation.external_id or None,
            "body": to_json(chart),
        }

    # -- plans ----------------------------------------------------------------

    def add_plan(self, plan: StoredPlan, problem_json: str | None = None) -> StoredPlan:
        """Store a draft and what it was made from; see `dispatch.ports.Plans`."""
        packed = None
        if problem_json is not None:  # before the lock: it takes its time
            packed = gzip.compress(problem_json.encode(), GZIP_LEVEL, mtime=0)
        with writing(self._engine) as connection:
            last = connection.execute(
                select(func.max(plans.c.version)).where(plans.c.date == plan.plan.date)
            ).scalar()
            numbered = replace(plan, version=(last or 0) + 1)
            connection.execute(insert(plans).values(**_plan_row(numbered)))
            if packed is not None:
                row = {"plan_id": numbered.id, "problem": packed}
                connection.execute(insert(plan_inputs).values(**row))
        return numbered

    def problem_of(self, plan_id: str) -> str | None:
        """JSON text of what a plan was made from; None when none was stored."""
        query = select(plan_inputs.c.problem).where(plan_inputs.c.plan_id == plan_id)
        with reading(self._engine) as connection:
            packed = connection.execute(query).scalar()
        return None if packed is None else gzip.decompress(packed).decode()

    def get_plan(self, plan_id: str) -> StoredPlan:
        """Return the plan; NotFoundError when there is none."""
        with reading(self._engine) as connection:
            return _plan_of(connection, plan_id)

    def plans_on(self, date: dt.date) -> list[StoredPlan]:
        """All plans of a day, newest first."""
        query = select(plans.c.body).where(plans.c.date == date)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(plans.c.version.desc())).scalars()
            return [from_json(StoredPlan, body) for body in rows]

    def in_force(self, date: dt.date) -> StoredPlan | None:
        """Return the published plan of a day, if there is one."""
        query = select(plans.c.body).where(
            plans.c.date == date, plans.c.status == str(PlanStatus.PUBLISHED)
        )
        with reading(self._engine) as connection:
            body = connection.execute(query).scalar()
        return None if body is None else from_json(StoredPlan, body)

    def planned_elsewhere(self, date: dt.date, *, since: dt.date) -> set[str]:
        """Visits of the plans in force of other days, from a day on."""
        query = select(plans.c.body).where(
            plans.c.date >= since,
            plans.c.date != date,
            plans.c.status == str(PlanStatus.PUBLISHED),
        )
        with reading(self._engine) as connection:
            others = [
                from_json(StoredPlan, body)
                for body in connection.execute(query).scalars()
            ]
        return {stop.visit_id for plan in others for _, _, stop in plan.plan.stops()}

    def publish(
        self,
        plan_id: str,
        *,
        at: dt.datetime,
        changes: Sequence[ChartChange],
        left_out: Sequence[tuple[str, ChartEntry]],
    ) -> StoredPlan:
        """Put a draft in force and change its charts, in one transaction."""
        with writing(self._engine) as connection:
            plan = _plan_of(connection, plan_id)
            if plan.status is not PlanStatus.DRAFT:
                message = f"計画 第{plan.version}版は下書きではないので確定できません"
                raise ConflictError(message)
            query = select(plans.c.body).where(
                plans.c.date == plan.plan.date,
                plans.c.status == str(PlanStatus.PUBLISHED),
            )
            in_force = [
                from_json(StoredPlan, body)
                for body in connection.execute(query).scalars().all()
            ]
            if [old.id for old in in_force] != [plan.based_on] * bool(plan.based_on):
                message = (
                    f"第{plan.version}版を作ったあとで別の版が確定されました。"
                    "計画を作り直してください"
                )
                raise ConflictError(message)
            for old in in_force:
                _update_plan(connection, replace(old, status=PlanStatus.SUPERSEDED))
            published = replace(plan, status=PlanStatus.PUBLISHED, published_at=at)
            _update_plan(connection, published)
            for chart, new_entries in changes:
                self._save(connection, chart, new_entries)
            by_chart: dict[str, list[ChartEntry]] = defaultdict(list)
            for chart_id, entry in left_out:
                by_chart[chart_id].append(entry)
            for chart_id, new in by_chart.items():
                append_entries(connection, chart_id, new)
        return published


def _plan_of(connection: Connection, plan_id: str) -> StoredPlan:
    query = select(plans.c.body).where(plans.c.id == plan_id)
    body = connection.execute(query).scalar()
    if body is None:
        raise NotFoundError("plan", plan_id)
    return from_json(StoredPlan, body)


def _plan_row(plan: StoredPlan) -> dict[str, object]:
    return {
        "id": plan.id,
        "date": plan.plan.date,
        "version": plan.version,
        "status": str(plan.status),
        "made_at": plan.made_at,
        "made_by": plan.made_by,
        "published_at": plan.published_at,
        "body": to_json(plan),
    }


def _update_plan(connection: Connection, plan: StoredPlan) -> None:
    connection.execute(
        update(plans).where(plans.c.id == plan.id).values(**_plan_row(plan))
    )
