"""City data from the command line: fetched, built, told of, checked."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import shapely

from api import geodata_cli
from api import main as entry
from geodata.bundle.build import build_bundle
from geodata.bundle.config import read_config
from geodata.bundle.manifest import (
    CITY_FILE,
    MANIFEST_FILE,
    PREVIOUS_FILE,
    read_manifest,
)
from geodata.bundle.national import MANIFEST_FILE as NATIONAL_FILE
from geodata.bundle.national import NationalDictionary
from geodata.bundle.records import Layer
from geodata.city import CityProfile, load_city
from geodata.sources import read_sources
from tests.geodata.bundle.area_files import geojson, zipped
from tests.geodata.test_fetch import HALF, NEW, Publisher
from tests.geodata.test_fetch import serving as publishing

OK, MISUSED, NO_SOURCE, FOUND_WRONG = 0, 2, 3, 3
OSAKA = load_city("osaka")
FULL = OSAKA.folder / "full_bundle.toml"
KITA = "271276"


@pytest.fixture
def city(tmp_path: Path) -> Path:
    """Copy Osaka's profile, to give it sources of its own."""
    folder = tmp_path / "cities" / "osaka"
    shutil.copytree(OSAKA.folder, folder)
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "bundle"


class Run:
    """Runs one command in this process: its exit code and what it printed."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *words: str | Path) -> tuple[object, str]:
        self._monkeypatch.setattr("sys.argv", ["kidohan", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            entry.main()
        # Long lines are wrapped where the terminal ends: here that means nothing.
        return ended.value.code or OK, self._capsys.readouterr().out.replace("\n", "")


@pytest.fixture
def run(
    city: Path,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run `kidohan …` with a city and folders of city data of its own."""
    monkeypatch.setenv("KIDOHAN_CITY", str(city))
    monkeypatch.setenv("KIDOHAN_GEODATA_DIR", str(home))
    monkeypatch.setenv("KIDOHAN_NATIONAL_DIR", str(tmp_path / "national"))
    monkeypatch.chdir(tmp_path)
    return Run(monkeypatch, capsys)


# -- build -----------------------------------------------------------------------------

TOWNS = (
    "ward_code,town,lat,lng\n"
    "271276,試町1丁目,34.70,135.50\n"
    "271276,試町2丁目,34.70,135.505\n"
    "271284,験町1丁目,34.68,135.50\n"
    "271276,沖町1丁目,34.00,135.50\n"  # far out at sea
    "272272,他町1丁目,34.68,135.55\n"  # 東大阪市
)
HEAD = 'city = "osaka"\npurpose = "{purpose}"\n'
SOURCE = """
[[source]]
id = "{id}"
layer = "towns"
format = "geolonia_csv"
file = "${{SOURCES_DIR}}/{file}"
title = "例の[町丁目]"
publisher = "例の発行者"
licence = "CC BY 4.0"
date = "2026-10"
{flags}
"""


def config(
    folder: Path, *, purpose: str = "production", flags: str = "", city: str = "osaka"
) -> Path:
    """Configure a bundle of the towns above and of a file that is not there."""
    (folder / "var/sources/osaka").mkdir(parents=True, exist_ok=True)
    (folder / "var/sources/osaka/towns.csv").write_text(TOWNS, encoding="utf-8")
    file = folder / "small.toml"
    file.write_text(
        HEAD.format(purpose=purpose).replace("osaka", city)
        + SOURCE.format(id="towns", file="towns.csv", flags=flags)
        + SOURCE.format(id="more", file="more.csv", flags="optional = true"),
        encoding="utf-8",
    )
    return file


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the bundle of those towns once; tests copy it."""
    folder = tmp_path_factory.mktemp("built")
    flags = "synthetic = true\napproximate = true"
    read = read_config(
        config(folder, purpose="test", flags=flags),
        {"SOURCES_DIR": str(folder / "var/sources/osaka")},
    )
    at = dt.datetime(2026, 11, 22, 9, 0, tzinfo=OSAKA.timezone)
    build_bundle(read, folder / "bundle", profile=OSAKA, at=at)
    return folder / "bundle"


@pytest.fixture
def copied(built: Path, home: Path) -> Path:
    shutil.copytree(built, home)
    return home


@pytest.fixture
def build_is_done(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command build nothing, and go on with what is after it."""
    made = read_manifest(built)
    monkeypatch.setattr(geodata_cli, "build_bundle", lambda *_, **__: made)


def test_a_bundle_is_built_from_fetched_files_and_told_of(
    run: Run, home: Path, tmp_path: Path
) -> None:
    file = config(tmp_path, flags="partial = true")
    code, said = run("geodata", "build", file, "--no-national")
    assert code == OK
    # Four rows are of the city, one of them off its bounds; one is of another city.
    assert "towns  町丁目  例の[町丁目][一部]" in said
    assert "採用 3 / 除外 1 / 市外 1 / sha256" in said
    assert "more  町丁目  例の[町丁目][なし]" in said
    assert "件数  町丁目 3" in said
    manifest = read_manifest(home)
    assert manifest.inputs == ""  # a person's: the program never replaces it
    assert f"{home}: {manifest.id}、" in said
    assert "次に起動したときから使われます" in said
    assert f"kidohan geodata check {home}" in said
    assert "全国の住所辞書" not in said


@pytest.mark.usefixtures("build_is_done")
def test_another_folder_is_told_with_the_setting_that_names_it(
    run: Run, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    words = ("geodata", "build", config(tmp_path), "-o", other, "--no-national")
    code, said = run(*words)
    assert code == OK
    assert f"使い方: KIDOHAN_GEODATA_DIR={other} kidohan serve" in said
    assert f"make demo GEODATA={other}" in said
    assert "KIDOHAN_ALLOW_TEST_GEODATA=1" in said
    assert "次に起動したときから" not in said


def test_files_that_were_not_fetched_are_told_with_their_folder(
    run: Run, tmp_path: Path, home: Path
) -> None:
    code, said = run("geodata", "build", config(tmp_path), "--sources", "elsewhere")
    assert code == NO_SOURCE
    assert f"no file {tmp_path / 'elsewhere' / 'towns.csv'}; fetch it first" in said
    assert not home.exists()


def test_a_configuration_of_another_city_is_refused_with_the_setting(
    run: Run, tmp_path: Path, home: Path
) -> None:
    code, said = run("geodata", "build", config(tmp_path, city="boston"))
    assert code == NO_SOURCE
    assert "is for boston, and KIDOHAN_CITY is" in said
    assert not home.exists()


@pytest.mark.usefixtures("build_is_done")
@pytest.mark.parametrize(
    ("is_reused", "words"), [(True, "あるものを使います"), (False, "作りました")]
)
def test_the_dictionary_of_the_country_is_made_where_it_is_missing(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_reused: bool,  # noqa: FBT001 - a parameter of the test
    words: str,
) -> None:
    def built(profile: CityProfile, folder: Path) -> NationalDictionary:
        assert profile.id == "osaka"
        return NationalDictionary(
            folder=folder, sha256="0", num_nodes=190_000, is_reused=is_reused
        )

    monkeypatch.setattr(geodata_cli, "build_national", built)
    code, said = run("geodata", "build", config(tmp_path))
    assert code == OK
    assert f"全国の住所辞書: {words}(190,000 件、{tmp_path / 'national'})" in said


@pytest.mark.usefixtures("build_is_done")
def test_a_city_without_a_gazetteer_has_no_dictionary_of_the_country(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(geodata_cli, "build_national", lambda *_: None)
    code, said = run("geodata", "build", config(tmp_path))
    assert code == OK
    assert "全国の住所辞書: この都市のプロファイルでは使いません" in said


@pytest.mark.usefixtures("build_is_done")
def test_no_room_for_the_dictionary_of_the_country_is_told_in_a_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("KIDOHAN_NATIONAL_DIR", str(tmp_path / "file" / "national"))
    code, said = run("geodata", "build", config(tmp_path))
    assert code == NO_SOURCE
    assert "national: cannot be written (" in said


def test_the_commands_load_neither_the_web_nor_the_planner() -> None:
    heavy = ("fastapi", "ortools", "geopandas", "api.cli", "api.app", "api.wiring")
    code = (
        "import sys; from api.main import LEAN; __import__(LEAN['geodata'])\n"
        f"print(sorted(set({heavy}) & set(sys.modules)))"
    )
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


# -- info ------------------------------------------------------------------------------


def test_info_tells_what_is_inside(run: Run, copied: Path, tmp_path: Path) -> None:
    code, said = run("geodata", "info")
    assert code == OK
    manifest = read_manifest(copied)
    for shown in (
        str(copied),
        manifest.id,
        "試験(本番では不可)",
        manifest.built_at,
        manifest.radii,
        f"なし({tmp_path / 'national'})",
        "例の[町丁目][近似][合成]",
        "例の発行者 / CC BY 4.0 / 2026-10 / towns.csv / 採用 3",
        f"sha256 {hashlib.sha256(TOWNS.encode()).hexdigest()[:12]}",
        "件数  町丁目 3",
    ):
        assert shown in said
    assert "271276 北区" not in said
    code, said = run("geodata", "info", copied, "--wards")
    assert code == OK
    assert "271276 北区  町丁目 2271284 中央区  町丁目 1" in said  # lines joined


def test_info_is_there_for_programs_too(run: Run, copied: Path, tmp_path: Path) -> None:
    (tmp_path / "national").mkdir()
    (tmp_path / "national" / NATIONAL_FILE).write_text("{}", encoding="utf-8")
    code, said = run("geodata", "info", "--json")
    assert code == OK
    told = json.loads(said)
    assert told.pop("national_dictionary") is True
    assert told == json.loads((copied / MANIFEST_FILE).read_bytes())
    assert told["counts"] == {"towns": {"271276": 2, "271284": 1}}


@pytest.mark.parametrize("command", ["info", "check"])
def test_without_a_bundle_the_next_step_is_told(run: Run, command: str) -> None:
    code, said = run("geodata", command)
    assert code == NO_SOURCE
    assert "not a bundle of city data; build it again: kidohan geodata build" in said


# -- check -----------------------------------------------------------------------------


def test_problems_of_a_bundle_are_listed_with_their_exit_code(
    run: Run, copied: Path
) -> None:
    code, said = run("geodata", "check")
    assert code == FOUND_WRONG
    # Two of 24 wards have towns; the row out at sea was refused.
    assert "問題 町丁目のない区: 22件(" in said
    assert "問題 例の[町丁目]: 1行を採りませんでした(" in said
    assert "注意 前回のデータがないため、件数を比べていません" in said
    assert f"{copied}: 問題 2、注意 " in said


def test_what_was_lost_since_the_last_bundle_is_a_problem(
    run: Run, copied: Path, built: Path, tmp_path: Path
) -> None:
    before = tmp_path / "before"
    before.mkdir()
    record = json.loads((built / MANIFEST_FILE).read_bytes())
    record["counts"]["towns"][KITA] = 3
    (before / MANIFEST_FILE).write_text(json.dumps(record), encoding="utf-8")
    code, said = run("geodata", "check", copied, "--previous", before)
    assert code == FOUND_WRONG
    assert "問題 町丁目が減りました: 北区 3件 → 2件" in said


def test_a_bundle_is_compared_with_the_one_that_it_replaced(
    run: Run, home: Path, tmp_path: Path
) -> None:
    small = config(tmp_path)
    towns = tmp_path / "var/sources/osaka/towns.csv"
    assert run("geodata", "build", small, "--no-national")[0] == OK
    lines = towns.read_text(encoding="utf-8").splitlines(keepends=True)
    towns.write_text("".join(lines[:2] + lines[3:]), encoding="utf-8")
    assert run("geodata", "build", small, "--no-national")[0] == OK
    code, said = run("geodata", "check")
    assert code == FOUND_WRONG
    assert "問題 町丁目が減りました: 北区 2件 → 1件" in said
    assert (home / PREVIOUS_FILE).is_file()


def damaged(home: Path, name: str, content: bytes | None) -> None:
    (home / name).chmod(0o644)
    if content is None:
        (home / name).unlink()
    else:
        (home / name).write_bytes(content)


@pytest.mark.parametrize("content", [None, b"other"])
def test_checksums_come_first(run: Run, copied: Path, content: bytes | None) -> None:
    damaged(copied, CITY_FILE, content)
    code, said = run("geodata", "check")
    assert code == FOUND_WRONG
    assert said == (
        f"問題 ファイルがないか、中身が作成時と違います: {CITY_FILE}"
        f"{copied}: 問題 1、注意 0"
    )


def test_a_record_that_forgets_the_city_file_is_told(run: Run, copied: Path) -> None:
    damaged(copied, CITY_FILE, None)
    record = json.loads((copied / MANIFEST_FILE).read_bytes())
    del record["files"][CITY_FILE], record["sizes"][CITY_FILE]
    damaged(copied, MANIFEST_FILE, json.dumps(record).encode())
    code, said = run("geodata", "check")
    assert code == NO_SOURCE
    assert f"damaged: {CITY_FILE}" in said


# -- all that the official files give --------------------------------------------------

UMEDA = "0001001"
ABR_TOWN = "lg_code,machiaza_id,city,ward,oaza_cho,chome,chome_number,koaza,ablt_date\n"
ABR_POINT = "lg_code,machiaza_id,rsdt_addr_flg,rep_lon,rep_lat,rep_srid\n"
GAIKU = (
    "都道府県名,市区町村名,大字・丁目名,小字・通称名,街区符号・地番,座標系番号,"
    "Ｘ座標,Ｙ座標,緯度,経度,住居表示フラグ,代表フラグ,更新前履歴フラグ,更新後履歴フラグ\n"
)
MAPNAVI = (
    "施設名称,所在地,施設名かな,カテゴリ,分類,TEL,FAX,URL,URL2,バリアフリー情報,"
    "詳細情報,備考,経度,緯度,分類\n"
)
CSV_FILES = {
    "mt_town_pref27": ABR_TOWN
    + f"271276,{UMEDA},大阪市,北区,梅田,一丁目,1,,\n"
    + "272272,0001001,東大阪市,,他町,一丁目,1,,\n",
    "mt_town_pos_pref27": ABR_POINT + f"271276,{UMEDA},1,135.4980,34.7000,EPSG:6668\n",
    "mt_rsdtdsp_blk_pref27": (
        "lg_code,machiaza_id,blk_id,city,ward,oaza_cho,chome,koaza,blk_num,ablt_date\n"
        f"271276,{UMEDA},001,大阪市,北区,梅田,一丁目,,1,\n"
    ),
    "mt_rsdtdsp_blk_pos_pref27": (
        "lg_code,machiaza_id,blk_id,rep_lon,rep_lat\n"
        f"271276,{UMEDA},001,135.4981,34.7001\n"
    ),
    "mt_rsdtdsp_rsdt_pref27": (
        "lg_code,machiaza_id,blk_id,rsdt_id,rsdt2_id,city,ward,oaza_cho,chome,koaza,"
        "blk_num,rsdt_num,rsdt_num2,ablt_date\n"
        f"271276,{UMEDA},001,003,,大阪市,北区,梅田,一丁目,,1,3,,\n"
    ),
    "mt_rsdtdsp_rsdt_pos_pref27": (
        "lg_code,machiaza_id,blk_id,rsdt_id,rsdt2_id,rep_lon,rep_lat\n"
        f"271276,{UMEDA},001,003,,135.4982,34.7001\n"
    ),
    # 1番 at another place than the registry's, and 2番, which the registry lacks.
    "27000-24.0a": GAIKU
    + "大阪府,大阪市北区,梅田一丁目,,1,6,0,0,34.7009,135.4990,1,1,0,0\n"
    + "大阪府,大阪市北区,梅田一丁目,,2,6,0,0,34.7002,135.4985,1,1,0,0\n",
    "27000-19.0b": (
        "都道府県コード,都道府県名,市区町村コード,市区町村名,大字町丁目コード,"
        "大字町丁目名,緯度,経度,原典資料コード,大字・字・丁目区分コード\n"
        "27,大阪府,27127,大阪市北区,271270001001,梅田一丁目,34.7,135.4,0,3\n"
    ),
}
PLAIN_FILES = {
    "geolonia-latest.csv": (
        "都道府県コード,都道府県名,市区町村コード,市区町村名,大字町丁目コード,"
        "大字町丁目名,小字・通称名,緯度,経度\n"
        "27,大阪府,27127,大阪市北区,271270099001,試町一丁目,,34.7005,135.4985\n"
    ),
    # The publisher writes 分類 twice, and breaks lines inside a value.
    "opendata_1003.csv": MAPNAVI
    + '試公園,北区梅田1-1,ためしこうえん,公園,街区公園,,,,,,"広場\n遊具",,'
    + "135.4979,34.7003,街区公園\n",
    "jurisdiction.csv": "ward_code,office_id,valid_from\n271276,ebie,2011-04-01\n",
    "assets.csv": "kind,key,lon,lat\n照明灯,北Ａ－１２,135.498,34.7\n",
    "crossings.csv": "road_a,road_b,name,lon,lat\n御堂筋,新道,試,135.498,34.7\n",
}
NORTH = shapely.box(135.46, 34.69, 135.53, 34.73)  # 北区, roughly
P29_COLUMNS = [f"P29_{number:03}" for number in range(1, 8)]
P29 = ("27127", "B127210000099", "16001", "試小学校", "大阪市北区梅田1", "3", "1")


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Invented files in the form and under the names of the published ones."""
    folder = tmp_path_factory.mktemp("fetched")
    for name, text in CSV_FILES.items():
        is_abr = name.startswith("mt_")
        file = folder / (f"{name}.csv.zip" if is_abr else f"{name}.zip")
        with zipfile.ZipFile(file, "w") as archive:
            encoding = "utf-8" if is_abr else "cp932"
            archive.writestr(f"{name}.csv", text.encode(encoding))
            archive.writestr(f"{name}.html", "<html></html>")
    for name, text in PLAIN_FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    for stem, row, shape in (
        ("N03-20250101_27", {"N03_004": "大阪市", "N03_007": "27127"}, NORTH),
        (
            "P29-23_27",
            dict(zip(P29_COLUMNS, P29, strict=True)),
            shapely.Point(135.499, 34.701),
        ),
    ):
        inside = folder / stem
        inside.mkdir()
        geojson(inside / f"{stem}.geojson", [(row, shape)])
        zipped(folder / f"{stem}_GML.zip", inside, under=f"{stem}_GML/")
    geojson(folder / "school_districts.geojson", [({"name": "試小学校"}, NORTH)])
    geojson(folder / "communities.geojson", [({"name": "試地域"}, NORTH)])
    return folder


def test_every_official_file_goes_into_the_full_bundle(
    run: Run, home: Path, fetched: Path
) -> None:
    words = ("geodata", "build", FULL, "--sources", fetched, "--no-national")
    code, said = run(*words)
    assert code == OK, said
    manifest = read_manifest(home)
    kept = {
        source.id: source.num_kept
        for source in manifest.sources
        if not source.is_absent and not source.id.startswith(("packaged", "estimated"))
    }
    # 1番 is the registry's: of 位置参照情報 only 2番 is new. Its 梅田一丁目 is known.
    assert kept == {
        **dict.fromkeys(("abr-towns", "abr-blocks", "abr-houses"), 1),
        "isj-towns": 0,
        "isj-blocks": 1,
        "geolonia-towns": 1,
        "n03-wards": 1,
        "p29-schools": 1,
        "listed-schools": 299,
        "city-districts": 1,
        "city-communities": 1,
        "city-jurisdiction": 1,
        "assumed-jurisdiction": 23,
        "mapnavi-parks": 1,
        "p29-facilities": 1,
        "city-assets": 1,
        "city-crossings": 1,
    }
    totals = {layer: sum(found.values()) for layer, found in manifest.counts.items()}
    assert totals["towns"] == 1903 + 1  # 梅田一丁目 once, 試町一丁目 in addition
    assert (totals["wards"], totals["jurisdiction"]) == (24, 24)
    assert manifest.counts["districts"][KITA] == 1  # of the city, so no estimate there
    with closing(sqlite3.connect(home / CITY_FILE)) as base:
        (place,) = base.execute("SELECT lon, lat FROM blocks WHERE block = '1'")
        assert place == (135.4981, 34.7001)
        (town,) = base.execute("SELECT lon FROM towns WHERE name = '梅田一丁目'")
        assert town == (135.498,)

    code, said = run("geodata", "check")
    assert code == OK, said
    assert "問題 0、注意" in said
    assert "区の区域は推定で、正式な境界ではありません" in said  # 23 of 24


def test_the_full_bundle_takes_everything_that_can_be_fetched(city: Path) -> None:
    read = read_config(FULL, {})
    assert read.city == "osaka"
    files = {source.file.name for source in read.sources if source.file is not None}
    files |= {
        Path(str(source.options["positions"])).name
        for source in read.sources
        if "positions" in source.options
    }
    wanted = {one.file_name for one in read_sources(city) if one.what != "roads"}
    assert wanted <= files
    assert {source.layer for source in read.sources} == set(Layer)
    for source in read.sources:
        assert source.is_optional == (source.file is not None), source.id


# -- fetch -----------------------------------------------------------------------------


@pytest.fixture
def servers() -> Iterator[tuple[Publisher, Publisher]]:
    """Two publishers on this machine."""
    with publishing() as first, publishing() as second:
        yield first, second


def offer(
    city: Path, *publishers: Publisher, sha256: str = "", what: str = "wards"
) -> None:
    """Let the city's sources name one file of each publisher."""
    tables = [
        f'[file_{number}]\nwhat = "{what}"\n'
        f'title = "例の[区域]{number}"\npublisher = "例の発行者"\n'
        f'attribution = "© 例の[作者]"\nlicence = "CC BY 4.0"\n'
        f'licence_url = "https://licence.example/by"\nurl = "{publisher.url}"\n'
        f'file_name = "file_{number}.zip"\nmedia = "application/zip"\n'
        f'sha256 = "{sha256}"\n'
        for number, publisher in enumerate(publishers, start=1)
    ]
    (city / "sources.toml").write_text("\n".join(tables), encoding="utf-8")


def test_files_are_fetched_with_record_and_licence(
    run: Run, city: Path, servers: tuple[Publisher, Publisher], tmp_path: Path
) -> None:
    offer(city, *servers)
    code, said = run("geodata", "fetch", "wards")
    assert code == OK
    folder = tmp_path / "var/sources/osaka"
    for name in ("file_1.zip", "file_2.zip"):
        assert (folder / name).read_bytes() == NEW
        record = json.loads((folder / f"{name}.source.json").read_bytes())
        assert record["sha256"] == hashlib.sha256(NEW).hexdigest()
        licence = (folder / f"{name}.LICENCE.txt").read_text(encoding="utf-8")
        assert "© 例の[作者]" in licence
    assert "© 例の[作者] / CC BY 4.0" in said
    config_file = city / "full_bundle.toml"
    assert (
        f"次: kidohan geodata build {config_file} --sources var/sources/osaka" in said
    )


def test_all_goes_on_after_a_failure_and_tells_it_at_the_end(
    run: Run, city: Path, servers: tuple[Publisher, Publisher], tmp_path: Path
) -> None:
    first, second = servers
    first.statuses = [404]
    offer(city, first, second)
    words = ("geodata", "fetch", "all", "--to", tmp_path / "to")
    code, said = run(*words)
    assert code == NO_SOURCE
    assert "失敗 例の[区域]1: " in said
    assert "404" in said
    assert "2件のうち1件を取得できませんでした: 例の[区域]1もう一度" in said
    assert "次: " not in said
    assert not (tmp_path / "to/file_1.zip").exists()
    assert (tmp_path / "to/file_2.zip").read_bytes() == NEW

    code, said = run(*words)
    assert code == OK
    assert (tmp_path / "to/file_1.zip").read_bytes() == NEW
    assert "If-None-Match" in second.seen[-1][1]  # what is here is not fetched again
    assert len(second.seen) == 2


def test_a_cut_fetch_goes_on_where_it_was_when_the_command_is_run_again(
    run: Run, city: Path, servers: tuple[Publisher, Publisher], tmp_path: Path
) -> None:
    publisher, _ = servers
    offer(city, publisher)
    publisher.cuts = [HALF]
    # The line is cut, and for the rest of this run the file is not there.
    publisher.after_each = lambda: setattr(publisher, "statuses", [404])
    words = ("geodata", "fetch", "wards", "--to", tmp_path)
    assert run(*words)[0] == NO_SOURCE
    assert (tmp_path / "file_1.zip.part").stat().st_size == HALF
    publisher.after_each, publisher.statuses = lambda: None, []
    assert run(*words)[0] == OK
    assert publisher.seen[-1][1]["Range"] == f"bytes={HALF}-"
    assert (tmp_path / "file_1.zip").read_bytes() == NEW


def test_a_file_with_another_checksum_is_thrown_away(
    run: Run, city: Path, servers: tuple[Publisher, Publisher], tmp_path: Path
) -> None:
    offer(city, servers[0], sha256="0" * 64)
    code, said = run("geodata", "fetch", "all", "--to", tmp_path / "to")
    assert code == NO_SOURCE
    assert "does not fit its checksum and was thrown away" in said
    assert list((tmp_path / "to").iterdir()) == []


@pytest.mark.parametrize("what", ["rivers", "ward"])
def test_a_kind_of_data_that_nobody_offers_is_told(
    run: Run, city: Path, servers: tuple[Publisher, Publisher], what: str
) -> None:
    offer(city, *servers)
    code, said = run("geodata", "fetch", what)
    assert code == MISUSED
    assert "指定できるもの: wards" in said


def test_all_of_a_city_without_sources_is_none(run: Run, city: Path) -> None:
    (city / "sources.toml").unlink()
    code, said = run("geodata", "fetch", "all")
    assert code == MISUSED
    assert "指定できるもの: なし" in said


def test_a_proxy_may_be_named(
    run: Run, city: Path, servers: tuple[Publisher, Publisher], tmp_path: Path
) -> None:
    # The publisher stands in for the proxy too: it is asked with the whole address.
    publisher, _ = servers
    offer(city, publisher)
    (city / "full_bundle.toml").unlink()
    proxy = f"http://127.0.0.1:{publisher.port}"
    code, said = run("geodata", "fetch", "wards", "--proxy", proxy, "--to", tmp_path)
    assert code == OK
    assert {path for path, _ in publisher.seen} == {publisher.url}
    assert "次: " not in said  # no configuration of what to build


def test_osakas_sources_name_each_kind_with_one_file_each() -> None:
    sources = read_sources(OSAKA.folder)
    kinds = dict.fromkeys(source.what for source in sources)
    assert list(kinds) == [
        *("roads", "wards", "towns", "blocks", "houses", "schools", "facilities")
    ]
    assert len({source.file_name for source in sources}) == len(sources)
    assert all(source.max_bytes for source in sources)
