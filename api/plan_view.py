"""Answers about plans in words and rows: why, before and after, broken rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from api.pictures import Pictures
from api.plan_schemas import LEVEL_NAMES
from dispatch.domain.case_chart import CaseChart
from dispatch.domain.catalogue import Urgency
from dispatch.domain.checks import Rule, Violation
from dispatch.domain.comparison import LevelChange, PlanChanges
from dispatch.domain.emergency import EmergencyChoice
from dispatch.domain.explain import clock_text
from dispatch.domain.levels import Level
from dispatch.domain.placements import WhyTeam
from dispatch.domain.plan import Plan
from dispatch.domain.relaxation import RelaxationKind
from dispatch.domain.relaxation_words import (
    Names,
    block_text,
    difference_text,
    hard_block_text,
    relaxation_sentence,
)
from dispatch.domain.schedule import LATE_STEP_S
from dispatch.domain.why_not import WhyNot
from dispatch.ports import StoredPlan
from dispatch.replanning import Mode
from dispatch.what_if import Figures

MODE_TEXT = {
    Mode.INSERT_ONLY: "追加のみ",
    Mode.KEEP_TEAMS: "班を維持",
    Mode.FREE: "自由",
}
MODE_HINT = {
    Mode.INSERT_ONLY: "いまの順番はそのまま、新しい訪問だけを入れます。",
    Mode.KEEP_TEAMS: "訪問の班は変えず、順番だけを組み直します。",
    Mode.FREE: "班も変えて組み直します(班が変わる訪問は5%まで)。",
}
RULE_TEXT = {
    Rule.DATE: "計画の日が違います",
    Rule.ONE_ROUTE: "同じ班の経路が2つあります",
    Rule.KNOWN_TEAM: "出勤していない班です",
    Rule.EACH_VISIT: "必要な数の班がそろっていません",
    Rule.KNOWN_VISIT: "この日の訪問ではありません",
    Rule.COMMITTED: "着手済みの訪問が動いています",
    Rule.VEHICLE_LOAD: "車両の積載を超えます",
    Rule.MATERIALS: "資材の積める数を超えます",
    Rule.SHARED_TOOLS: "共用機材の数が足りません",
    Rule.SKILLS: "必要な技能・装備がありません",
    Rule.TEAM_SIZE: "人数が足りません",
    Rule.VEHICLE_WIDTH: "車幅が道幅を超えます",
    Rule.VEHICLE_CLASS: "入れない車種です",
    Rule.ALLOWED_OFFICE: "担当できる事業所の班ではありません",
    Rule.DISPATCHERS_TEAM: "指定された班ではありません",
    Rule.LEGAL_HOLD: "法定待機が終わっていません",
    Rule.RELEASE: "受付より前に始まります",
    Rule.APPOINTMENT: "約束の時間帯から外れます",
    Rule.FORBIDDEN_HOURS: "作業できない時間帯にかかります",
    Rule.HARD_DUE: "必ず守る期限に遅れます",
    Rule.LOCK: "固定した時間帯から外れます",
    Rule.SERVICE_TIME: "作業時間が違います",
    Rule.TEAMS_TOGETHER: "同時に行く班の開始がそろいません",
    Rule.AFTER: "先に行う訪問が終わっていません",
    Rule.LATENESS_TOLD: "遅れの記載が違います",
    Rule.REACHABLE: "行ける道がありません",
    Rule.DRIVE_TOLD: "移動時間の記載が違います",
    Rule.LEVEL_TOLD: "所要時間の根拠の記載が違います",
    Rule.LUNCH_UNDISTURBED: "昼休みに作業か移動が重なります",
    Rule.TIME_TO_DRIVE: "移動の時間が足りません",
    Rule.WAY_BACK: "帰りの移動が合いません",
    Rule.SHIFT: "勤務時間を超えます",
    Rule.OVERTIME_TOLD: "超過勤務の記載が違います",
    Rule.LUNCH: "昼休みが取れません",
    Rule.SCORE_TOLD: "評価の記載が違います",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamLine:
    """One team's line of 「なぜこの班?」: what the visit costs it, or what stops it."""

    team: str
    text: str
    is_chosen: bool
    is_able: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One change that lets a visit in; the kind tells it from the others."""

    kind: RelaxationKind
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """One broken rule, where, and in which words."""

    where: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BeforeAfter:
    """One row of a table of two plans."""

    name: str
    before: str
    after: str

    @property
    def is_same(self) -> bool:
        """Whether the two plans agree here."""
        return self.before == self.after


def plan_url(stored: StoredPlan) -> str:
    """Address of the page that shows a plan."""
    return f"/plan?date={stored.plan.date.isoformat()}&plan={stored.id}"


def names_of(pictures: Pictures, charts: Iterable[CaseChart]) -> dict[str, str]:
    """Name everything that sentences speak of by id: offices, teams, skills, visits."""
    profile = pictures.services.profile
    skill = "skill_"
    return {
        **{
            key.removeprefix(skill): text
            for key, text in profile.labels.items()
            if key.startswith(skill)
        },
        **{office.id: office.name for office in profile.offices},
        **{team.id: team.name for team in profile.teams},
        **{chart.id: visit_name(pictures, chart) for chart in charts},
    }


def visit_name(pictures: Pictures, chart: CaseChart) -> str:
    """Name a visit as people speak of it: what, and the end of its number."""
    return f"{pictures.category_name(chart)}({chart.number.rpartition('-')[2]})"


def team_lines(why: WhyTeam, names: Names) -> tuple[TeamLine, ...]:
    """Tell each team's line, the best placements first."""
    lines = []
    for line in (*why.best, *why.others):
        if line.difference is None:
            text = "、".join(block_text(block, names) for block in line.blocks)
        elif line.is_chosen:
            text = "この計画"
        else:
            text = difference_text(line.difference)
        lines.append(
            TeamLine(
                team=names.get(line.team_id, line.team_id),
                text=text,
                is_chosen=line.is_chosen,
                is_able=line.difference is not None,
            )
        )
    return tuple(lines)


def offers(why: WhyNot, names: Names) -> tuple[Offer, ...]:
    """Tell the changes that let a visit in, the cheapest first."""
    return tuple(
        Offer(kind=offer.kind, sentence=relaxation_sentence(offer, names))
        for offer in why.offers
    )


def blocks(why: WhyNot, names: Names) -> tuple[str, ...]:
    """Tell what stops a visit also on a day with nothing else."""
    return tuple(f"{hard_block_text(block, names)}。" for block in why.blocks)


def broken_rules(found: Sequence[Violation], names: Names) -> tuple[Broken, ...]:
    """Tell each broken rule and where; all are told."""
    return tuple(
        Broken(
            where=" ".join(
                names.get(one, one) for one in (item.team_id, item.visit_id) if one
            ),
            text=RULE_TEXT[item.rule],
        )
        for item in found
    )


def level_rows(changes: PlanChanges) -> tuple[BeforeAfter, ...]:
    """Score before and after, level by level as the plan is judged."""
    return tuple(
        BeforeAfter(
            name=LEVEL_NAMES[one.level],
            before=_level_text(one, one.before),
            after=_level_text(one, one.after),
        )
        for one in changes.levels
    )


def _level_text(one: LevelChange, numbers: Sequence[int]) -> str:
    """Say the numbers of one level with their unit."""
    match one.level:
        case Level.S_ON_TIME | Level.PROMISES:
            return f"守れない {numbers[0]}件"
        case Level.SERVED:
            told = zip("SABC", numbers, strict=True)
            left = "・".join(f"{letter}{count}" for letter, count in told if count)
            return f"残り {left}" if left else "すべて訪問"
        case Level.LATENESS:
            return f"合計 {sum(numbers) * LATE_STEP_S // 60}分"
        case Level.COMPACTNESS:
            return f"{numbers[0]}校区"
        case _:
            return f"{round(numbers[0] / 60):,}分"


def change_facts(changes: PlanChanges, names: Names) -> tuple[tuple[str, str], ...]:
    """Tell what crews and residents notice of a change of plan."""
    median_min, p90_min = changes.shift_median_min, changes.shift_p90_min
    return (
        ("班が変わる訪問", _counted(changes.team_changes, names)),
        ("順番の入れ替わり", f"{changes.order_inversions}組"),
        ("開始のずれ", f"中央値 {median_min:.0f}分・9割が {p90_min:.0f}分以内"),
        ("守れなくなる約束・A", _counted(changes.promises_broken, names)),
        ("新しく入る訪問", _counted(changes.visits_in, names)),
        ("外れる訪問", _counted(changes.visits_out, names)),
        ("刷り直す巡回表", _counted(changes.sheets, names, unit="班")),
        ("移動の節約", _signed_min(changes.drive_saved_s)),
    )


def _counted(ids: Sequence[str], names: Names, *, unit: str = "件") -> str:
    """Count and name the first few."""
    shown = "、".join(names.get(one, one) for one in ids[:5])
    more = "ほか" if len(ids) > 5 else ""  # noqa: PLR2004 - the few that are shown
    return f"{len(ids)}{unit}({shown}{more})" if ids else f"0{unit}"


def choice_text(choice: EmergencyChoice, names: Names) -> str:
    """Say when one team could begin an emergency, and what that costs."""
    told = [f"{clock_text(choice.start_s)}開始"]
    if choice.late_s:
        told.append(f"期限に{-(-choice.late_s // 60)}分遅れ")
    told.append(f"移動 {_signed_min(choice.drive_added_s)}")
    if choice.delays_s:
        most_min = -(-max(late_s for _, late_s in choice.delays_s) // 60)
        told.append(f"後の訪問{len(choice.delays_s)}件が最大{most_min}分遅くなる")
    if choice.pushed_out:
        told.append(f"外れる訪問 {_counted(choice.pushed_out, names)}")
    return "、".join(told)


def figure_rows(
    before: Figures, after: Figures, names: Names
) -> tuple[BeforeAfter, ...]:
    """Two days side by side, in the figures that people ask for."""

    def by_urgency(numbers: Sequence[tuple[Urgency, int]]) -> str:
        told = "・".join(f"{urgency}{count}" for urgency, count in numbers if count)
        total = sum(count for _, count in numbers)
        return f"{total}件({told})" if told else "0件"

    def spread(figures: Figures) -> str:
        most = max(figures.spread_s, key=lambda one: one[1], default=("", 0))
        return f"{names.get(most[0], most[0])} {round(most[1] / 60):,}分".strip()

    pairs = (
        ("訪問", by_urgency(before.served), by_urgency(after.served)),
        ("うち期限後", by_urgency(before.late), by_urgency(after.late)),
        ("計画に入らず", by_urgency(before.left_out), by_urgency(after.left_out)),
        ("移動", _minutes(before.drive_s), _minutes(after.drive_s)),
        ("超過勤務", _minutes(before.overtime_s), _minutes(after.overtime_s)),
        ("班の負担の差(最大の事業所)", spread(before), spread(after)),
    )
    return tuple(BeforeAfter(name=n, before=b, after=a) for n, b, a in pairs)


def extra_rows(plan: Plan, names: Mapping[str, str]) -> tuple[BeforeAfter, ...]:
    """Tell what teams do that only the supposed day has."""
    routes = {route.team_id: route for route in plan.routes}
    return tuple(
        BeforeAfter(
            name=name,
            before="—",
            after=f"{len(routes[team_id].stops)}件・"
            f"移動 {_minutes(routes[team_id].drive_s)}",
        )
        for team_id, name in names.items()
    )


def _signed_min(seconds: int) -> str:
    minutes = round(seconds / 60)
    return f"{minutes:+d}分" if minutes else "±0分"


def _minutes(seconds: int) -> str:
    return f"{round(seconds / 60):,}分"
