"""Files out, read back by other programs: csv, openpyxl, json and GDAL."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import pyogrio  # type: ignore[import-untyped]
import pytest
from fastapi.testclient import TestClient
from openpyxl import load_workbook
from typer.testing import CliRunner

from api.app import create_app
from api.cli import cli
from dispatch.adapters.clocks import FixedClock
from dispatch.closure_desk import NewClosure
from dispatch.domain.access import Role
from dispatch.domain.closure import ClosureReason, ClosureShape
from dispatch.domain.exported import Dataset, ExportFormat
from dispatch.domain.place import LonLat
from tests.api.installation import (
    AUTH,
    BROWSER,
    DAY,
    NOW,
    NOWHERE,
    sent,
    services_of,
    settings_for,
)
from tests.api.test_pages import planned_day
from tests.api.test_transfers import guarded, signed_in  # noqa: F401 - a fixture

FORMULA = '=HYPERLINK("http://evil.example")'
PERSON = ("山田花子", "06-6123-4567", "大きな犬がいて困っています")
HOME = "西成区津守2-7-14"  # known to the 丁目; the yard itself is 2-7-13
EMPTY_MONTH = "month=2020-01"
NUM_DISTRICTS = 298  # of the small city data
NUM_OPEN = 3  # what lies with another desk is not done, either


@pytest.fixture(scope="module")
def filled(client: TestClient) -> TestClient:
    """Three charts and two closures, each with words that must stay here."""
    name, phone, words = PERSON
    reporter = {"name": name, "phone": phone}
    sent(client, description=words, reporter=reporter, address=HOME)
    sent(client, category="G03", description=words)  # a referral: no place
    sent(client, description=words, address=f"{NOWHERE}{FORMULA}")
    places = (LonLat(135.482, 34.642), LonLat(135.483, 34.643), LonLat(135.484, 34.642))
    for hours, shape, title in (
        (0, ClosureShape.STRETCH, FORMULA),
        (1, ClosureShape.AREA, "冠水"),
    ):
        services_of(client).closures.close(
            NewClosure(
                name=title,
                shape=shape,
                places=places,
                reason=ClosureReason.FLOOD,
                starts_at=NOW + dt.timedelta(hours=hours),
                ends_at=NOW + dt.timedelta(hours=5),
                note=words,
            ),
            who=name,
        )
    return client


def content_of(client: TestClient, file: str, query: str = "") -> bytes:
    answer = client.get(f"/exports/{file}?{query}", headers=BROWSER)
    assert answer.status_code == 200, answer.text
    return answer.content


def csv_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def frame_of(content: bytes, folder: Path) -> gpd.GeoDataFrame:
    file = folder / "file.gpkg"
    file.write_bytes(content)
    return gpd.read_file(file)


def test_a_month_has_the_same_rows_in_every_format(
    filled: TestClient, tmp_path: Path
) -> None:
    rows = csv_of(content_of(filled, "consultations.csv", "month=2026-11"))
    assert len(rows) == 3
    assert [row["状態"] for row in rows].count("引継・移管") == 1
    book = load_workbook(
        io.BytesIO(content_of(filled, "consultations.xlsx", "month=2026-11"))
    )
    sheet = book["consultations"]
    assert sheet.freeze_panes == "A2"
    head, *lines = sheet.iter_rows(values_only=True)
    assert list(head) == list(rows[0])
    numbers = [row["相談番号"] for row in rows]
    assert [line[0] for line in lines] == numbers
    # 8:50 by the city's clock in each: a date in the workbook, UTC in the layer
    assert lines[0][head.index("受付日時")] == NOW.replace(tzinfo=None)
    assert rows[0]["受付日時"] == "2026-11-24T08:50:00+09:00"
    told = json.loads(content_of(filled, "consultations.geojson", "month=2026-11"))
    assert "crs" not in told
    assert [one["properties"]["相談番号"] for one in told["features"]] == numbers
    frame = frame_of(content_of(filled, "consultations.gpkg"), tmp_path)
    assert list(frame["相談番号"]) == numbers
    assert frame.crs.to_epsg() == 6668
    assert frame["受付日時"][0].to_pydatetime() == NOW


def test_places_come_back_to_a_millionth_of_a_degree(
    filled: TestClient, tmp_path: Path
) -> None:
    charts = {chart.number: chart for chart in services_of(filled).store.find()}
    frame = frame_of(content_of(filled, "consultations.gpkg"), tmp_path)
    rows = csv_of(content_of(filled, "consultations.csv"))
    placed = 0
    for row, shape in zip(rows, frame.geometry, strict=True):
        placement = charts[row["相談番号"]].placement
        place = placement.place if placement is not None else None
        if row["緯度"] == "":
            assert shape is None
            continue
        assert place is not None
        assert float(row["経度"]) == pytest.approx(place.lon, abs=1e-6)
        assert (shape.x, shape.y) == pytest.approx((place.lon, place.lat), abs=1e-6)
        assert row["町字"] == "津守二丁目"
        placed += 1
    assert placed == 1  # the referral and the unknown address are on no map


@pytest.mark.parametrize("dataset", list(Dataset))
@pytest.mark.parametrize("file_format", list(ExportFormat))
def test_no_word_and_no_person_is_in_any_file(
    filled: TestClient, tmp_path: Path, dataset: Dataset, file_format: ExportFormat
) -> None:
    content = content_of(filled, f"{dataset}.{file_format}")
    again = content_of(filled, f"{dataset}.{file_format}")
    assert content == again  # no clock is in it
    if file_format is ExportFormat.XLSX:
        book = load_workbook(io.BytesIO(content))
        text = str([list(sheet.values) for sheet in book])
    else:
        text = content.decode("utf-8", errors="replace")
    for word in (*PERSON, NOWHERE, HOME):
        assert word not in text
    if file_format is ExportFormat.GPKG:
        (tmp_path / "layer.gpkg").write_bytes(content)
        told = pyogrio.read_info(tmp_path / "layer.gpkg")
        assert told["layer_name"] == str(dataset)


@pytest.mark.parametrize("dataset", [one for one in Dataset if one.has_days])
def test_nothing_is_a_good_file_too(
    filled: TestClient, tmp_path: Path, dataset: Dataset
) -> None:
    assert csv_of(content_of(filled, f"{dataset}.csv", EMPTY_MONTH)) == []
    book = load_workbook(io.BytesIO(content_of(filled, f"{dataset}.xlsx", EMPTY_MONTH)))
    assert book[str(dataset)].max_row == 1
    told = json.loads(content_of(filled, f"{dataset}.geojson", EMPTY_MONTH))
    assert told["features"] == []
    frame = frame_of(content_of(filled, f"{dataset}.gpkg", EMPTY_MONTH), tmp_path)
    assert len(frame) == 0


def test_hostile_words_are_no_formula(filled: TestClient) -> None:
    rows = csv_of(content_of(filled, "closures.csv"))
    assert rows[0]["名称"] == f"'{FORMULA}"
    book = load_workbook(io.BytesIO(content_of(filled, "closures.xlsx")))
    cell = book["closures"]["B2"]
    assert (cell.value, cell.data_type) == (FORMULA, "s")


def test_closures_are_lines_and_rings(filled: TestClient) -> None:
    told = json.loads(content_of(filled, "closures.geojson", "from=2026-11-24"))
    line, ring = (one["geometry"] for one in told["features"])
    assert line["type"] == "LineString"
    assert len(line["coordinates"]) == 3
    assert ring["type"] == "Polygon"
    assert ring["coordinates"][0][0] == ring["coordinates"][0][-1]


def test_districts_count_what_the_board_counts(filled: TestClient) -> None:
    services = services_of(filled)
    rows = csv_of(content_of(filled, "districts.csv"))
    assert len(rows) == NUM_DISTRICTS
    in_some = [
        chart
        for chart in services.store.find()
        if chart.is_open and chart.placement and chart.placement.district_id
    ]
    assert sum(int(row["未了件数"]) for row in rows) == len(in_some) == 1
    of_ward = csv_of(content_of(filled, "districts.csv", "ward=27122"))
    assert {row["区"] for row in of_ward} == {"西成区"}
    one = of_ward[0]["校区ID"]
    assert len(csv_of(content_of(filled, "districts.csv", f"district={one}"))) == 1


def test_facilities_have_the_names_of_the_standard(filled: TestClient) -> None:
    rows = csv_of(content_of(filled, "offices.csv"))
    assert list(rows[0])[:4] == [
        "全国地方公共団体コード",
        "ID",
        "地方公共団体名",
        "名称",
    ]
    assert {row["全国地方公共団体コード"] for row in rows} == {"271004"}
    (tsumori,) = (row for row in rows if row["ID"] == "tsumori")
    assert tsumori["所在地_全国地方公共団体コード"] == "271225"
    book = load_workbook(io.BytesIO(content_of(filled, "offices.xlsx")))
    assert book["offices"]["A2"].value == "271004"  # a text: codes keep their zeros
    assert len({row["ID"] for row in rows}) == len(rows)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("state=open", NUM_OPEN),
        ("state=closed", 0),
        ("ward=271225", 2),  # the referral keeps its ward
        ("ward=271021", 0),
        ("office=tsumori", 1),
        ("district=271021-01", 0),
        ("to=2026-11-24", 3),
        ("month=2020-01&from=2026-11-24&to=2026-11-24", 3),  # days over the month
    ],
)
def test_filters_narrow_consultations_down(
    filled: TestClient, query: str, count: int
) -> None:
    assert len(csv_of(content_of(filled, "consultations.csv", query))) == count


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("month=nov", "month"),
        ("month=2026-11&from=2026-11-01", "month"),
        ("from=24.11.2026", "from"),
        ("from=2026-11-24&to=2026-11-23", "to"),
        ("from=2024-01-01&to=2026-01-01", "to"),
        ("ward=99999", "ward"),
        ("office=nowhere", "office"),
        ("district=nowhere", "district"),
        ("state=lost", "state"),
        ("colour=red", "colour"),
    ],
)
def test_a_program_is_told_which_field_is_wrong(
    filled: TestClient, query: str, field: str
) -> None:
    answer = filled.get(f"/v1/exports/consultations.csv?{query}", headers=AUTH)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ("offices.csv?ward=271225", "ward"),
        ("routes.csv?district=271225-11", "district"),
        ("districts.csv?month=2026-11", "month"),
        ("districts.csv?from=2026-11-01", "from"),
        ("districts.csv?to=2026-11-01", "to"),
    ],
)
def test_a_filter_that_cannot_count_is_refused_to_programs(
    filled: TestClient, asked: str, field: str
) -> None:
    answer = filled.get(f"/v1/exports/{asked}", headers=AUTH)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field


def test_programs_get_the_same_file_and_it_is_on_record(
    filled: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = content_of(filled, "consultations.csv", "month=2026-11")
    with caplog.at_level(logging.INFO, logger="api.exporting"):
        answer = filled.get("/v1/exports/consultations.csv?month=2026-11", headers=AUTH)
    assert answer.content == wanted
    assert "consultations as csv, 3 rows, by boot:intake" in caplog.text
    assert filled.get("/v1/exports/consultations.csv").status_code == 401


def test_the_page_offers_every_file(filled: TestClient) -> None:
    text = filled.get("/exports", headers=BROWSER).text
    for dataset in Dataset:
        for file_format in ExportFormat:
            assert f'formaction="/exports/{dataset}.{file_format}"' in text


def test_the_command_writes_what_the_page_offers(
    filled: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = services_of(filled).settings
    monkeypatch.setenv("KIDOHAN_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("KIDOHAN_GEODATA_DIR", str(settings.geodata_dir))
    monkeypatch.setenv("KIDOHAN_DEMO_NOW", NOW.isoformat())
    file = tmp_path / "month.csv"
    run = CliRunner().invoke(cli, ["export", "consultations", "-o", str(file)])
    assert run.exit_code == 0, run.output
    assert file.read_bytes() == content_of(filled, "consultations.csv")
    told = ["export", "offices", "--format", "csv", "-o", str(tmp_path / "any")]
    assert CliRunner().invoke(cli, told).exit_code == 0
    assert (tmp_path / "any").read_bytes() == content_of(filled, "offices.csv")
    run = CliRunner().invoke(cli, ["export", "offices", "-o", str(tmp_path / "x.pdf")])
    assert run.exit_code == 2


def test_long_months_come_whole_and_in_order(
    filled: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = content_of(filled, "consultations.csv")
    monkeypatch.setattr("dispatch.adapters.chart_list_store.EXPORT_BATCH", 1)
    monkeypatch.setattr("api.export_files.LINES_AT_ONCE", 1)
    assert content_of(filled, "consultations.csv") == wanted


# -- whose ---------------------------------------------------------------------------


def test_an_officer_takes_out_the_own_ward_alone(
    guarded: TestClient,  # noqa: F811
) -> None:
    own = sent(guarded)
    officer = {"roles": frozenset({Role.WARD_OFFICER})}
    for ward, count in (("271225", 1), ("271021", 0)):
        with signed_in(guarded, ward_codes=frozenset({ward}), **officer) as headers:
            content = guarded.get("/exports/consultations.csv", headers=headers).content
            numbers = [row["相談番号"] for row in csv_of(content)]
            assert numbers == [str(own["number"])] * count
            # a day's routes go through other wards
            assert (
                guarded.get("/exports/routes.csv", headers=headers).status_code == 403
            )
            page = guarded.get("/exports", headers=headers).text
            assert "/exports/visits.csv" in page
            assert "/exports/routes.csv" not in page
    with signed_in(guarded, roles=frozenset({Role.AUDITOR})) as headers:
        assert guarded.get("/exports", headers=headers).status_code == 403


# -- a day that is planned -------------------------------------------------------------


@pytest.fixture(scope="module")
def planned(
    tmp_path_factory: pytest.TempPathFactory, geodata_dir: Path
) -> Iterator[TestClient]:
    """Serve a city with a plan in force."""
    settings = settings_for(tmp_path_factory.mktemp("planned"), geodata_dir)
    with TestClient(create_app(settings, FixedClock(NOW))) as served:
        planned_day(served)
        yield served


def test_visits_and_routes_are_the_plan_in_force(
    planned: TestClient, tmp_path: Path
) -> None:
    in_force = services_of(planned).store.in_force(DAY)
    assert in_force is not None
    stops = list(in_force.plan.stops())
    visits = csv_of(content_of(planned, "visits.csv", f"from={DAY}"))
    assert len(visits) == len(stops) > 0
    assert {row["日付"] for row in visits} == {"2026-11-24"}
    assert visits[0]["順番"] == "1"
    routes = frame_of(content_of(planned, "routes.gpkg", f"from={DAY}"), tmp_path)
    assert list(routes["訪問数"]) == [
        len(route.stops)
        for route in sorted(in_force.plan.routes, key=lambda one: one.team_id)
        if route.stops
    ]
    base = services_of(planned).profile.teams
    team = next(one for one in base if one.id == routes["班ID"][0])
    first, last = routes.geometry[0].coords[0], routes.geometry[0].coords[-1]
    yard = (team.base.lon, team.base.lat)
    assert first == last == pytest.approx(yard, abs=1e-6)
    # stops, and the yard at both ends
    assert len(routes.geometry[0].coords) == routes["訪問数"][0] + 2
    other = "hirano" if team.office_id != "hirano" else "juso"
    for name in ("visits", "routes"):
        assert csv_of(content_of(planned, f"{name}.csv", f"office={other}")) == []
