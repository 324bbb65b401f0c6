"""Japanese sentences for placements, what stops a visit, and what would let it in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

from dispatch.domain.explain import clock_text
from dispatch.domain.levels import Level
from dispatch.domain.placements import Difference, TeamPlacement, WhyTeam
from dispatch.domain.relaxation import Relaxation, RelaxationKind
from dispatch.domain.trial import Block, Rule
from dispatch.domain.why_not import WhyNot

# Japanese names by id: teams, visits (chart numbers), offices, skills, tools. What is
# not in it is told by its id.
Names = Mapping[str, str]

_BLOCK_TEXTS: Mapping[Rule, str] = {
    Rule.OFFICE: "担当できる事業所の班ではありません({names})",
    Rule.TEAM: "指定された班({names})ではありません",
    Rule.SKILL: "必要な技能・装備({names})がありません",
    Rule.CREW: "{needed}人必要ですが{has}人です",
    Rule.WIDTH: "道幅{needed}cmに対し車幅が{has}cmです",
    Rule.VEHICLE_CLASS: "この車種({names})では入れません",
    Rule.LOAD: "資材{needed}kgに対し積載の空きは{has}kgです",
    Rule.MATERIAL: "{names}が{needed}必要ですが、空きは{has}です",
    Rule.TOOL: "{names}の数が足りません",
    Rule.TEAMS: "同時に{needed}班必要ですが、行ける班は{has}班です",
    Rule.UNREACHABLE: "行って戻れる道が見つかりません",
    Rule.WINDOW: "約束の時間帯から{minutes}分外れます",
    Rule.FORBIDDEN: "作業できない時間帯を避けられません({minutes}分)",
    Rule.HARD_DUE: "必ず守る期限に{minutes}分遅れます",
    Rule.LOCK: "固定した時間帯から{minutes}分外れます",
    Rule.LINKED: "連動する訪問の時刻から{minutes}分外れます",
    Rule.LUNCH: "昼休み({minutes}分)が取れなくなります",
    Rule.SHIFT_END: "勤務終了を{minutes}分超えます",
    Rule.OTHERS: "同じ班のほかの訪問の時刻が守れなくなります",
    Rule.SEVERAL: "いくつかの条件が重なって入りません",
}
# The same rules when they stop every team, where the words must differ.
_HARD_TEXTS: Mapping[Rule, str] = {
    Rule.OFFICE: "担当できる事業所({names})に出勤している班がありません",
    Rule.TEAM: "指定された班({names})が出勤していません",
    Rule.SKILL: "必要な技能・装備({names})を持つ班が出勤していません",
    Rule.CREW: "{needed}人必要ですが、最大の班でも{has}人です",
    Rule.WIDTH: "道幅{needed}cmに対し、最も細い車でも{has}cmです",
    Rule.VEHICLE_CLASS: "入れる車種の班が出勤していません",
    Rule.LOAD: "資材{needed}kgに対し、積載の空きは最大{has}kgです",
    Rule.MATERIAL: "{names}が{needed}必要ですが、空きは最大{has}です",
}
_RELAXATION_TEXTS: Mapping[RelaxationKind, str] = {
    RelaxationKind.NOTHING: "このままで",
    RelaxationKind.MOVE_OVER: "{other}を{other_team}に移せば",
    RelaxationKind.OVERTIME: "{team}の残業をあと{minutes}分認めれば",
    RelaxationKind.UNLOCK: "班と時刻の指定を外せば",
    RelaxationKind.WINDOW: "約束を{window}に変えれば",
    RelaxationKind.OFFICE: "{team}の応援を認めれば",
    RelaxationKind.HARD_DUE: "期限に{minutes}分遅れてよければ",
    RelaxationKind.TOOL: "{names}がもう1台あれば",
    RelaxationKind.PERSON: "{team}にあと1人いれば",
    RelaxationKind.SWAP_OUT: "{other}を別の日に回せば",
    RelaxationKind.SKILL: "{team}に{names}があれば",
}


def placement_sentences(why: WhyTeam, names: Names) -> tuple[str, ...]:
    """Tell each team's line: what the visit costs it, or what stops it."""
    return tuple(placement_sentence(line, names) for line in (*why.best, *why.others))


def placement_sentence(line: TeamPlacement, names: Names) -> str:
    """Tell one team's line, 「津守-1: 移動 +12分」."""
    team = names.get(line.team_id, line.team_id)
    if line.difference is None:
        blocks = "、".join(block_text(block, names) for block in line.blocks)
        return f"{team}: {blocks}"
    starts = "" if line.start_s is None else f"{clock_text(line.start_s)}開始"
    if line.is_chosen:
        return f"{team}: この計画({starts})"
    return f"{team}: {difference_text(line.difference)}({starts})"


def difference_text(difference: Difference) -> str:
    """Tell what changes for residents, then the driving, then lateness and overtime."""
    changes = dict(difference.levels)
    counts = (
        ("Sの未達", sum(changes.get(Level.S_ON_TIME, ())), "件"),
        ("約束・Aの未達", sum(changes.get(Level.PROMISES, ())), "件"),
    )
    told = [f"{what} {count:+d}{unit}" for what, count, unit in counts if count]
    told.append(f"移動 {_signed_minutes(difference.drive_s)}")
    if difference.late_steps:
        told.append(f"遅れ {_signed_minutes(difference.late_steps * 900)}")
    if difference.overtime_s:
        told.append(f"残業 {_signed_minutes(difference.overtime_s)}")
    return "、".join(told)


def _signed_minutes(seconds: int) -> str:
    minutes = round(seconds / 60)
    return f"{minutes:+d}分" if minutes else "±0分"


def block_text(block: Block, names: Names) -> str:
    """Tell a rule that stops one team."""
    if block.rule is Rule.WIDTH and not block.has:
        return f"道幅{block.needed}cmに対し、車幅が登録されていません"
    if block.rule is Rule.LINKED and block.names:
        return f"先に行う訪問({_listed(block.names, names)})が計画に入っていません"
    return _filled(_BLOCK_TEXTS[block.rule], block, names)


def hard_block_text(block: Block, names: Names) -> str:
    """Tell a rule that stops every team."""
    if block.rule in _HARD_TEXTS and (block.has or block.rule is not Rule.WIDTH):
        return _filled(_HARD_TEXTS[block.rule], block, names)
    return block_text(block, names)


def _filled(text: str, block: Block, names: Names) -> str:
    return text.format(
        names=_listed(block.names, names),
        needed=block.needed,
        has=block.has,
        minutes=ceil(block.over_s / 60),
    )


def _listed(ids: Sequence[str], names: Names) -> str:
    return "・".join(names.get(one, one) for one in ids)


def why_not_sentences(why: WhyNot, names: Names) -> tuple[str, ...]:
    """Tell what stops a visit, then each offer."""
    blocks = [f"{hard_block_text(block, names)}。" for block in why.blocks]
    full = "緊急度の順に入れると、行ける班の一日がいっぱいです。"
    offers = [relaxation_sentence(offer, names) for offer in why.offers]
    if not offers:
        offers = ["一つの変更だけで今日に入れる方法は見つかりませんでした。"]
        if why.cut_short:
            offers = ["調べる量の上限までに、今日に入れる方法は見つかりませんでした。"]
    fits = any(offer.kind is RelaxationKind.NOTHING for offer in why.offers)
    return (*(blocks or ([] if fits else [full])), *offers)


def relaxation_sentence(relaxation: Relaxation, names: Names) -> str:
    """Tell an offer, 「津守-1の残業をあと15分認めれば、…」."""
    team = names.get(relaxation.team_id, relaxation.team_id)
    other, other_team = relaxation.other_visit_id, relaxation.other_team_id
    window = relaxation.window
    change = _RELAXATION_TEXTS[relaxation.kind].format(
        team=team,
        minutes=relaxation.minutes,
        names=_listed(relaxation.names, names),
        other=names.get(other or "", other),
        other_team=names.get(other_team or "", other_team),
        window=""
        if window is None
        else f"{clock_text(window.start_s)}–{clock_text(window.end_s)}",
    )
    drive = _signed_minutes(relaxation.drive_s)
    starts = clock_text(relaxation.start_s)
    teams = "・".join((team, *(names.get(i, i) for i in relaxation.with_team_ids)))
    return f"{change}、{teams}が{starts}に始められます(全体の移動 {drive})。"
