"""Voices by form, file and API become charts; the report says what became of them."""

from __future__ import annotations

import csv
import io

import pytest
from fastapi.testclient import TestClient
from openpyxl import Workbook, load_workbook

from dispatch.domain.answer import Answer, AnswerKind
from dispatch.domain.case_chart import CaseChart, ChartStatus
from dispatch.domain.consultation import Channel, ContactMethod, ReporterKind
from dispatch.domain.life_cycle import Act
from dispatch.domain.scheme import Scheme
from tests.api.installation import (
    ADDRESS,
    AUTH,
    BROWSER,
    NOW,
    num_charts,
    person_of,
    services_of,
)

pytestmark = pytest.mark.both_databases

WARD = "271225"  # 西成区
MEETING = {"kind": "council", "ward": "西成区", "who": "区民企画係"}
HEAD = "件名,分類,内容,住所,目標物,申出人の氏名,申出人の電話"


def district_of(client: TestClient) -> str:
    """First school district of 西成区."""
    wards = services_of(client).organisation.rules.districts_on(NOW.date())
    return next(one for one, code in wards.items() if code == WARD)


def posted(
    client: TestClient, values: dict[str, str], *, file: tuple[str, bytes] | None = None
) -> str:
    files = {"file": file} if file else {"file": ("", b"")}
    answer = client.post("/voices/new", data=values, files=files, headers=BROWSER)
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def refused(
    client: TestClient, values: dict[str, str], *, file: tuple[str, bytes] | None = None
) -> str:
    files = {"file": file} if file else {"file": ("", b"")}
    answer = client.post("/voices/new", data=values, files=files, headers=BROWSER)
    assert answer.status_code == 422, answer.text
    return str(answer.text)


def of_meeting(client: TestClient, day: str) -> list[CaseChart]:
    voices = services_of(client).voices
    return list(voices.of_meeting(WARD, NOW.date().fromisoformat(day)))


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.lstrip("\ufeff"))))


def test_council_opinions_become_charts_of_that_meeting(client: TestClient) -> None:
    form = {
        **MEETING,
        "meeting_on": "2026-11-10",
        "subject-1": "津守の道路の穴",
        "category-1": "R02",
        "address-1": ADDRESS,
        "subject-3": "避難所の案内をふやしてほしい",
        "category-3": "Z01",
    }
    page = posted(client, form)
    assert "新しいカルテ 2件" in page
    pothole, opinion = of_meeting(client, "2026-11-10")
    said = pothole.consultation
    assert (said.channel, pothole.scheme) == (Channel.COUNCIL, Scheme.AREA_VOICE)
    assert (said.subject, str(said.meeting_on)) == ("津守の道路の穴", "2026-11-10")
    assert pothole.status is ChartStatus.ASSIGNED
    # an opinion about no place is a chart that a person looks at, and on no map
    assert opinion.consultation.address_text == "西成区"
    assert opinion.status is ChartStatus.UNPLACED
    assert not opinion.is_mappable
    # the same again adds nothing
    before = num_charts(client)
    page = posted(client, form)
    assert "新しいカルテ 0件、登録済み 2件" in page
    assert f'1行目 <a href="/charts/{pothole.id}">{pothole.number}</a>' in page
    assert num_charts(client) == before


def test_what_officers_bring_back_is_kept_by_school_district(
    client: TestClient,
) -> None:
    district = district_of(client)
    body = {
        "kind": "officer",
        "district": district,  # says the ward, too
        "meeting_on": "2026-11-20",
        "who": "地域担当",
        "voices": [
            {
                "subject": "公園の柵がこわれている",
                "category": "公園遊具・柵・ベンチの破損",
                "address": ADDRESS,
                "reporter": {"name": "声野伝"},
            },
            {"subject": "だれの担当か分からない", "category": "Q99"},
            {"subject": "道路に穴", "category": "R02"},
        ],
    }
    answer = client.post("/v1/voices", json=body, headers=AUTH)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    (taken,) = found["taken"]
    assert (taken["row"], taken["is_new"]) == (1, True)
    told = [(one["row"], one["field"]) for one in found["refused"]]
    assert told == [(2, "category"), (3, "address")]  # a hole is somewhere
    (chart,) = services_of(client).voices.of_district(district)
    assert chart.consultation.reporter_kind is ReporterKind.STAFF
    assert person_of(client, chart.id).name == "声野伝"
    again = client.post("/v1/voices", json=body, headers=AUTH).json()
    assert [one["is_new"] for one in again["taken"]] == [False]
    # heard again another day: the park's fence is broken once more
    later = {**body, "meeting_on": "2026-11-23"}
    again = client.post("/v1/voices", json=later, headers=AUTH).json()
    assert [one["is_new"] for one in again["taken"]] == [True]
    assert chart.consultation.meeting_on is None  # no council's
    listed = client.get("/voices", headers=BROWSER).text
    assert "地域担当の持ち帰り 令和8年11月23日" in listed
    assert f"/voices/report?district={district}" in listed
    page = client.get(f"/voices/report?district={district}", headers=BROWSER).text
    assert "公園の柵がこわれている" in page
    assert "声野伝" not in page


def test_bad_rows_of_a_file_are_told_and_good_ones_kept(client: TestClient) -> None:
    lines = [
        HEAD,
        f"側溝のふた,路面の穴ぼこ・陥没の疑い,ふたがない,{ADDRESS},,声野寄子,06-0000-8123",
        ",R02,件名がない,,,,",
        ",,,,,,",
        "長すぎる件名" * 10 + ",Z01,,,,,",
        "ごみの出し方,G03,,,,,",
    ]
    code = services_of(client).profile.catalogue.get("R02")
    lines[1] = lines[1].replace("路面の穴ぼこ・陥没の疑い", code.name)
    values = {**MEETING, "meeting_on": "2026-11-11"}
    content = "\n".join(lines).encode("cp932")
    page = posted(client, values, file=("声.csv", content))
    assert "4件のうち、新しいカルテ 2件、登録済み 0件、受け付けなかった行 2件" in page
    assert '<td class="num">3</td><td>件名</td>' in page
    assert '<td class="num">5</td><td>件名</td>' in page
    lid, garbage = of_meeting(client, "2026-11-11")
    assert person_of(client, lid.id).phone == "06-0000-8123"
    assert garbage.status is ChartStatus.REFERRED
    # the corrected file adds the corrected row alone
    lines[2] = "件名を入れた,Z01,,,,,"
    book = Workbook()
    for line in lines:
        book.worksheets[0].append(line.split(","))
    target = io.BytesIO()
    book.save(target)
    page = posted(client, values, file=("声.xlsx", target.getvalue()))
    assert "新しいカルテ 1件、登録済み 2件、受け付けなかった行 1件" in page


def test_whether_somebody_wants_an_answer_is_read_or_told(client: TestClient) -> None:
    lines = [
        "件名,分類,連絡希望",
        "返事がほしい,Z01,要",
        "返事はいらない,Z01,不要",
        "どちらか分からない,Z01,たぶん",
    ]
    values = {**MEETING, "meeting_on": "2026-11-17"}
    page = posted(client, values, file=("声.csv", "\n".join(lines).encode()))
    assert '<td class="num">4</td><td>連絡希望</td>' in page
    charts = of_meeting(client, "2026-11-17")
    assert [one.consultation.contact_wanted for one in charts] == [True, False]


def test_too_many_voices_at_once_are_refused_whole(client: TestClient) -> None:
    lines = ["件名,分類", *(f"声{n},Z01" for n in range(501))]
    values = {**MEETING, "meeting_on": "2026-11-18"}
    text = refused(client, values, file=("声.csv", "\n".join(lines).encode()))
    assert "1件から500件まで" in text
    assert of_meeting(client, "2026-11-18") == []


def test_a_refused_row_of_the_form_comes_back_as_it_was_typed(
    client: TestClient,
) -> None:
    form = {
        **MEETING,
        "meeting_on": "2026-11-12",
        "subject-1": "よい行",
        "category-1": "Z01",
        "subject-2": "現場なのに場所がない",
        "category-2": "R02",
    }
    page = posted(client, {**form, "subject-x": "番号のない行"})
    assert 'value="現場なのに場所がない"' in page
    assert 'value="よい行"' not in page
    assert "住所か目標物が必要です" in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": "rumour"}, "どこで聞いたか"),
        ({"ward": "消えた区"}, "区: "),
        ({"ward": ""}, "区: "),
        ({"meeting_on": ""}, "開催日・聞いた日: "),
        ({"meeting_on": "令和8年"}, "開催日・聞いた日: "),
        ({"meeting_on": "2026-11-25"}, "開催日・聞いた日: これから先の日"),
        ({"kind": "officer"}, "校区: "),
        ({"kind": "officer", "district": "どこか"}, "校区: "),
        ({"subject-1": "", "category-1": ""}, "声: "),
        ({"who": " "}, "担当者: "),
    ],
)
def test_voices_of_nowhere_are_refused_and_stay_in_the_form(
    client: TestClient, changes: dict[str, str], words: str
) -> None:
    before = num_charts(client)
    form = {
        **MEETING,
        "meeting_on": "2026-11-13",
        "subject-1": "消えてはいけない",
        "category-1": "Z01",
        **changes,
    }
    page = refused(client, form)
    assert f"<p>{words}" in page
    if "subject-1" not in changes:
        assert 'value="消えてはいけない"' in page
    assert num_charts(client) == before


def test_a_district_of_another_ward_is_refused(client: TestClient) -> None:
    form = {
        **MEETING,
        "meeting_on": "2026-11-13",
        "ward": "淀川区",
        "kind": "officer",
        "district": district_of(client),
        "subject-1": "別の区の校区",
        "category-1": "Z01",
    }
    assert "その校区は、この区にありません" in refused(client, form)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "空のファイルです"),
        (HEAD.encode(), "空のファイルです"),
        ("件名\n穴".encode(), "列がありません: 分類"),
        (b"\x81", "文字コード"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(
    client: TestClient, content: bytes, words: str
) -> None:
    values = {**MEETING, "meeting_on": "2026-11-14"}
    assert words in refused(client, values, file=("声.csv", content))


def test_rows_and_a_file_together_are_not_guessed_at(client: TestClient) -> None:
    values = {**MEETING, "meeting_on": "2026-11-14", "subject-1": "どちら"}
    text = refused(client, values, file=("声.csv", HEAD.encode()))
    assert "どちらか一方" in text


def test_the_report_says_what_became_of_each_voice(client: TestClient) -> None:
    posted(
        client,
        {
            **MEETING,
            "meeting_on": "2026-11-15",
            "subject-1": "=穴 06-0000-8124 まで",
            "category-1": "R02",
            "address-1": ADDRESS,
            "subject-2": "ごみの日を知りたい",
            "category-2": "G03",
            "subject-3": "答えを待つ",
            "category-3": "Z01",
        },
    )
    hole, garbage, waits = of_meeting(client, "2026-11-15")
    life = services_of(client).life_cycle
    hole = life.act(hole.id, hole.version, Act.DECLINE, who="係", why="私道のため")
    told = Answer(
        at=NOW,
        who="係",
        method=ContactMethod.LETTER,
        kind=AnswerKind.DECLINED,
        text="声野さまへ: 私道のためできません",
    )
    life.answer(hole.id, hole.version, told)
    life.pause(waits.id, waits.version, who="係", why="区の会議を待つ")
    query = f"ward={WARD}&meeting_on=2026-11-15"
    page = client.get(f"/voices/report?{query}", headers=BROWSER).text
    assert "西成区 区政会議 令和8年11月15日" in page
    assert "3件(うち回答・終結 1件)" in page
    head, first, second, third = rows_of(client.get(f"/voices/report.csv?{query}").text)
    assert head[1] == "件名"
    # a number said in the subject is hidden, and no spreadsheet takes it for a formula
    assert first[1] == "'=穴 (伏せ) まで"
    assert first[4:7] == ["回答しました", first[5], "対応困難"]  # not the words told
    assert second[4] == f"{garbage.receiver}に引き継ぎました"
    assert third[6:] == ["まだ回答していません", "期限の停止中"]
    content = client.get(f"/voices/report.xlsx?{query}").content
    sheet = load_workbook(io.BytesIO(content)).worksheets[0]
    assert [cell.value for cell in sheet[2]][1] == first[1]
    assert "声野" not in page


@pytest.mark.parametrize(
    "query",
    ["", "ward=271225", "ward=1&meeting_on=2026-11-15", "district=none"],
)
def test_a_report_of_no_meeting_and_no_district_is_refused(
    client: TestClient, query: str
) -> None:
    assert client.get(f"/voices/report?{query}", headers=BROWSER).status_code == 422


def test_an_empty_report_says_what_will_be_there(client: TestClient) -> None:
    query = f"ward={WARD}&meeting_on=2020-01-01"
    page = client.get(f"/voices/report?{query}", headers=BROWSER)
    assert "ここで見られる声はありません" in page.text


def test_the_list_shows_batches_with_their_reports(client: TestClient) -> None:
    posted(
        client,
        {
            **MEETING,
            "meeting_on": "2026-11-16",
            "subject-1": "一覧に出る",
            "category-1": "Z01",
        },
    )
    page = client.get("/voices", headers=BROWSER).text
    assert f"/voices/report?ward={WARD}&amp;meeting_on=2026-11-16" in page
    assert client.get("/voices/new", headers=BROWSER).status_code == 200
