"""`kidohan demo`: one command from consultations to maps, sheets and figures."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pypdfium2 as pdfium
import pytest
import zxingcpp

from geodata.city import load_city
from tests.acceptance.command import DEMO_DATE
from tests.acceptance.conftest import COUNT, DemoRun, play_demo
from tests.acceptance.records import judged, plan_routes, rows
from tests.city_data import OSAKA_DATA
from tests.vaults import people_in

BASE_URL = "http://127.0.0.1:8000"  # printed in QR codes unless the city sets another
OUTSIDE = re.compile(
    r"""(?:src|href)\s*=\s*["']?\s*(?:https?:)?//|url\(\s*["']?(?:https?:)?//"""
)


def files(run: DemoRun, pattern: str) -> list[Path]:
    return sorted(run.folder.glob(pattern))


def pdf_text(file: Path) -> str:
    with pdfium.PdfDocument(file) as document:
        texts = [page.get_textpage().get_text_range() for page in document]
    return re.sub(r"[\s\u200b\ufffe]", "", "".join(texts))


def qr_codes(file: Path) -> set[str]:
    with pdfium.PdfDocument(file) as document:
        pictures = [
            page.render(scale=150 / 72, grayscale=True).to_numpy().squeeze()
            for page in document
        ]
    return {code.text for at in pictures for code in zxingcpp.read_barcodes(at)}


class Loaded(HTMLParser):
    """Collects what a page loads: the files of its scripts, sheets and pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.paths: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        wanted = values.get("src") if tag in {"script", "img", "iframe"} else None
        wanted = values.get("href") if tag == "link" else wanted
        if wanted and not wanted.startswith("data:"):
            self.paths.add(wanted)


def test_summary_adds_up(demo_run: DemoRun) -> None:
    summary = demo_run.summary
    assert summary["date"] == DEMO_DATE
    assert summary["consultations"] == COUNT
    parts = summary["placed"] + summary["unplaced"] + summary["referred"]
    assert parts == COUNT
    assert 0 < summary["served"] <= summary["feasible_visits"]
    assert summary["feasible_visits"] <= summary["field_visits"]
    assert summary["served"] / summary["feasible_visits"] >= 0.95
    assert summary["violations"] == 0
    assert summary["seconds_total"] == pytest.approx(
        sum(summary["seconds_by_step"].values()), abs=0.01
    )
    steps = {"prepare", "generate", "intake", "plan", "maps", "sheets"}
    assert set(summary["seconds_by_step"]) == steps


def test_summary_agrees_with_the_database(demo_run: DemoRun) -> None:
    summary, database = demo_run.summary, demo_run.database
    assert rows(database, "SELECT count(*) FROM charts") == [(COUNT,)]
    by_status = dict(
        rows(database, "SELECT status, count(*) FROM charts GROUP BY status")
    )
    routes = plan_routes(database)
    assert by_status["planned"] == summary["served"]
    assert sum(map(len, routes.values())) == summary["served"]
    assert by_status.get("unplaced", 0) == summary["unplaced"]


def test_plan_breaks_no_rule_when_judged_anew(demo_run: DemoRun) -> None:
    assert judged(demo_run.database, "osaka", OSAKA_DATA, DEMO_DATE) == ()


def test_every_team_has_a_sheet_and_every_office_a_map(demo_run: DemoRun) -> None:
    profile, summary = load_city("osaka"), demo_run.summary
    sheets = {file.stem for file in files(demo_run, "sheets/*.pdf")}
    maps = {file.stem for file in files(demo_run, "maps/*.html")}
    assert sheets == {team.id for team in profile.teams}
    assert maps == {"overview", *(f"plan-{office.id}" for office in profile.offices)}
    assert (summary["sheets"], summary["maps"]) == (len(sheets), len(maps))


def test_maps_ask_no_other_host_and_find_their_files_beside_them(
    demo_run: DemoRun,
) -> None:
    for file in files(demo_run, "maps/*.html"):
        html = file.read_text(encoding="utf-8")
        assert OUTSIDE.findall(html) == [], file.name
        loaded = Loaded()
        loaded.feed(html)
        assert loaded.paths, file.name
        for path in loaded.paths:
            target = file.parent / unquote(urlsplit(path).path)
            assert target.is_file(), f"{file.name} loads {path}"
    for sheet in files(demo_run, "maps/assets/**/*.css"):
        css = sheet.read_text(encoding="utf-8")
        for name in re.findall(r"url\(\s*[\"']?([^\"')#]+)", css):
            assert name.startswith("data:") or (sheet.parent / name).is_file(), name


def test_printed_summary_names_all_offices_and_the_files(demo_run: DemoRun) -> None:
    offices = load_city("osaka").offices
    assert len(offices) == 8
    for office in offices:
        assert office.name in demo_run.printed
    assert "overview.html" in demo_run.printed
    assert "Traceback" not in demo_run.printed


def test_sheet_codes_lead_to_the_charts_of_its_stops(demo_run: DemoRun) -> None:
    ids = {
        e: i for i, e in rows(demo_run.database, "SELECT id, external_id FROM charts")
    }
    routes = plan_routes(demo_run.database)
    team = max(routes, key=lambda team_id: len(routes[team_id]))
    expected = {f"{BASE_URL}/c/{ids[name]}" for name, _, _ in routes[team]}
    assert qr_codes(demo_run.folder / "sheets" / f"{team}.pdf") == expected


def test_nothing_about_a_reporter_is_on_maps_sheets_or_summary(
    demo_run: DemoRun,
) -> None:
    people = people_in(demo_run.database)
    phones = {person.phone for person in people if person.phone}
    assert len(phones) > COUNT / 3
    assert all(phone.startswith("06-0000-") for phone in phones)
    texts = {
        file.name: pdf_text(file)
        if file.suffix == ".pdf"
        else file.read_text(encoding="utf-8")
        for pattern in ("maps/*.html", "sheets/*.pdf", "summary.json")
        for file in files(demo_run, pattern)
    }
    texts["printed"] = demo_run.printed
    # The generator's family names are invented: no town or school has one.
    words = phones | {person.name for person in people if person.name}
    for name, text in texts.items():
        assert [word for word in words if word in text] == [], name


def test_same_command_again_makes_the_same_plan(
    demo_run: DemoRun, tmp_path: Path
) -> None:
    again = play_demo(tmp_path)
    assert again.code == 0, again.printed
    assert plan_routes(again.database) == plan_routes(demo_run.database)
    figures = ("placed", "unplaced", "referred", "served", "score", "drive_minutes")
    assert [again.summary[f] for f in figures] == [demo_run.summary[f] for f in figures]
