"""What people read about teams, what stops a visit, and what would let it in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dispatch.domain.levels import Level
from dispatch.domain.placements import Difference, TeamPlacement, WhyTeam
from dispatch.domain.relaxation import Relaxation, RelaxationKind
from dispatch.domain.relaxation_words import (
    block_text,
    difference_text,
    hard_block_text,
    placement_sentence,
    placement_sentences,
    relaxation_sentence,
    why_not_sentences,
)
from dispatch.domain.trial import Block, Rule
from dispatch.domain.visit import TimeWindow
from dispatch.domain.why_not import WhyNot
from tests.builders import MIN, at

NAMES = {
    "t1": "津守-1",
    "t2": "平野-2",
    "t3": "津守-2",
    "v7": "2026-0007",
    "sewer": "下水道",
    "tsumori": "津守工営所",
}
MORE = Difference(drive_s=12 * MIN, late_steps=0, overtime_s=0, levels=())
OFFER = Relaxation(
    kind=RelaxationKind.OVERTIME,
    visit_id="v1",
    team_id="t1",
    start_s=at("16:05"),
    price_min=40,
    drive_s=-4 * MIN,
    new_orders=(),
    minutes=15,
)


def why(
    *offers: Relaxation, blocks: tuple[Block, ...] = (), cut: bool = False
) -> WhyNot:
    return WhyNot(
        visit_id="v1", blocks=blocks, offers=offers, num_timings=9, cut_short=cut
    )


def test_a_team_is_told_with_the_minutes_it_would_cost() -> None:
    line = TeamPlacement(team_id="t1", start_s=at("13:20"), difference=MORE)
    assert placement_sentence(line, NAMES) == "津守-1: 移動 +12分(13:20開始)"
    chosen = replace(line, is_chosen=True)
    assert placement_sentence(chosen, NAMES) == "津守-1: この計画(13:20開始)"
    blocked = TeamPlacement(
        team_id="t2",
        blocks=(
            Block(rule=Rule.SHIFT_END, over_s=25 * MIN - 30),
            Block(rule=Rule.SKILL, names=("sewer",)),
        ),
    )
    told = "平野-2: 勤務終了を25分超えます、必要な技能・装備(下水道)がありません"
    assert placement_sentence(blocked, NAMES) == told
    both = WhyTeam(visit_id="v1", best=(chosen,), others=(blocked,))
    assert placement_sentences(both, {}) == (
        "t1: この計画(13:20開始)",
        "t2: 勤務終了を25分超えます、必要な技能・装備(sewer)がありません",
    )


def test_what_residents_notice_is_told_before_the_driving() -> None:
    worse = Difference(
        drive_s=10,
        late_steps=2,
        overtime_s=-5 * MIN,
        levels=((Level.S_ON_TIME, (1,)), (Level.PROMISES, (-2,))),
    )
    assert difference_text(worse) == (
        "Sの未達 +1件、約束・Aの未達 -2件、移動 ±0分、遅れ +30分、残業 -5分"
    )


@pytest.mark.parametrize("rule", list(Rule))
def test_every_rule_has_words_for_one_team_and_for_all(rule: Rule) -> None:
    block = Block(rule=rule, over_s=90, needed=3, has=2, names=("sewer",))
    for text in (block_text(block, NAMES), hard_block_text(block, NAMES)):
        assert text
        assert "{" not in text
        assert "sewer" not in text


def test_numbers_of_a_rule_are_in_its_words() -> None:
    load = Block(rule=Rule.LOAD, needed=300, has=50)
    assert block_text(load, NAMES) == "資材300kgに対し積載の空きは50kgです"
    assert hard_block_text(load, NAMES) == "資材300kgに対し、積載の空きは最大50kgです"
    unknown = Block(rule=Rule.WIDTH, needed=200)
    for text in (block_text(unknown, NAMES), hard_block_text(unknown, NAMES)):
        assert text == "道幅200cmに対し、車幅が登録されていません"
    wide = Block(rule=Rule.WIDTH, needed=200, has=210)
    assert hard_block_text(wide, NAMES) == "道幅200cmに対し、最も細い車でも210cmです"
    first = Block(rule=Rule.LINKED, names=("v7",))
    assert block_text(first, NAMES) == "先に行う訪問(2026-0007)が計画に入っていません"
    moment = Block(rule=Rule.LINKED, over_s=61)
    assert block_text(moment, NAMES) == "連動する訪問の時刻から2分外れます"
    office = Block(rule=Rule.OFFICE, names=("tsumori",))
    assert hard_block_text(office, NAMES) == (
        "担当できる事業所(津守工営所)に出勤している班がありません"
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "津守-1の残業をあと15分認めれば"),
        ({"kind": RelaxationKind.NOTHING}, "このままで"),
        (
            {
                "kind": RelaxationKind.MOVE_OVER,
                "other_visit_id": "v7",
                "other_team_id": "t2",
            },
            "2026-0007を平野-2に移せば",
        ),
        (
            {"kind": RelaxationKind.SWAP_OUT, "other_visit_id": "v8"},
            "v8を別の日に回せば",
        ),
        (
            {
                "kind": RelaxationKind.WINDOW,
                "window": TimeWindow(start_s=at("13:30"), end_s=at("15:00")),
            },
            "約束を13:30–15:00に変えれば",
        ),
        ({"kind": RelaxationKind.SKILL, "names": ("sewer",)}, "津守-1に下水道があれば"),
        (
            {"kind": RelaxationKind.TOOL, "names": ("高所作業車",)},
            "高所作業車がもう1台あれば",
        ),
        ({"kind": RelaxationKind.PERSON}, "津守-1にあと1人いれば"),
        ({"kind": RelaxationKind.OFFICE}, "津守-1の応援を認めれば"),
        ({"kind": RelaxationKind.UNLOCK}, "班と時刻の指定を外せば"),
        ({"kind": RelaxationKind.HARD_DUE}, "期限に15分遅れてよければ"),
    ],
)
def test_an_offer_is_told_with_what_then_happens(
    changes: dict[str, object], expected: str
) -> None:
    offer = replace(OFFER, **changes)  # type: ignore[arg-type]
    assert relaxation_sentence(offer, NAMES) == (
        f"{expected}、津守-1が16:05に始められます(全体の移動 -4分)。"
    )


def test_an_offer_for_two_teams_names_both() -> None:
    offer = replace(OFFER, with_team_ids=("t3",), drive_s=0)
    assert relaxation_sentence(offer, NAMES) == (
        "津守-1の残業をあと15分認めれば、津守-1・津守-2が16:05に始められます"
        "(全体の移動 ±0分)。"
    )


def test_what_stops_a_visit_is_told_before_the_offers() -> None:
    skill = Block(rule=Rule.SKILL, names=("sewer",))
    assert why_not_sentences(why(OFFER, blocks=(skill,)), NAMES) == (
        "必要な技能・装備(下水道)を持つ班が出勤していません。",
        relaxation_sentence(OFFER, NAMES),
    )
    full = "緊急度の順に入れると、行ける班の一日がいっぱいです。"
    assert why_not_sentences(why(OFFER), NAMES)[0] == full
    fits = replace(OFFER, kind=RelaxationKind.NOTHING)
    assert why_not_sentences(why(fits), NAMES) == (relaxation_sentence(fits, NAMES),)


def test_that_nothing_was_found_is_told_with_the_reason() -> None:
    none = "一つの変更だけで今日に入れる方法は見つかりませんでした。"
    assert why_not_sentences(why(), NAMES)[1] == none
    short = "調べる量の上限までに、今日に入れる方法は見つかりませんでした。"
    assert why_not_sentences(why(cut=True), NAMES)[1] == short
