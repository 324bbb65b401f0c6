"""Every mechanism of the city's plan has its row, a route that is, and a test."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from api.access_table import NEEDS
from tests.architecture.test_docs import names_of_tests

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\|" + r" ([^|]+) \|" * 5 + "$", re.MULTILINE)
CODE = re.compile(r"`([^`]+)`")
WITHOUT = {"planned", "not used"}
# As the evaluation names them; a term that is missing here was overlooked there.
TERMS = (
    *("地域担当制", "地域担当職員", "総括職員", "連絡会議", "ハンドブック", "研修"),
    *("異動期間", "兼務制", "柔軟な勤務時間", "技術職OB", "地域の声システム"),
    *("区政会議", "情報共有カルテ", "対応ルール", "対応連絡", "一元的受付"),
    *("子育て", "福祉介護", "水道", "経営相談", "8 工営所", "機動班"),
    *("地域安全対策担当", "公園事務所", "環境事業センター", "ごみ減量", "緑化推進"),
    *("放置自転車", "相談事例収集", "対応状況の情報収集", "区役所内共有"),
    *("事業所連携", "負担軽減", "解決までの時間短縮", "区長会議"),
    *("区長支援タスクフォース", "コミュニティ協会", "社会福祉協議会", "達成状況"),
)
MAY_BE_PLANNED = ("連絡会議", "研修", "達成状況")


def rows() -> list[tuple[str, ...]]:
    text = (ROOT / "docs" / "reference" / "mechanisms.md").read_text(encoding="utf-8")
    return [row for row in ROW.findall(text) if row[0] not in {"Term", "---"}]


@pytest.mark.parametrize("term", TERMS)
def test_a_mechanism_has_a_row(term: str) -> None:
    assert any(term in row[0] for row in rows())


@pytest.mark.parametrize("row", rows(), ids=lambda row: str(row[0]))
def test_a_row_names_a_route_and_a_test_that_exist(row: tuple[str, ...]) -> None:
    term, _, _, where, shown_by = row
    if shown_by in WITHOUT:
        assert any(name in term for name in MAY_BE_PLANNED)
        return
    routes = CODE.findall(where)
    tests = CODE.findall(shown_by)
    assert routes
    assert tests
    paths = {path for _, path in NEEDS}
    assert set(routes) <= paths
    assert set(tests) <= names_of_tests()
