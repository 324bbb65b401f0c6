"""The command line of the roads: kidohan roads build | info | check | calibrate."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from api.road_wiring import engine_programs, open_travel
from api.settings import Settings, load_settings
from dispatch.adapters.clocks import SystemClock
from dispatch.domain.closure import Closure
from dispatch.domain.errors import SourceError
from dispatch.domain.explain import clock_text
from dispatch.domain.travel import TravelLevel
from geodata.city import CityProfile, load_city
from geodata.roads.build import (
    RoadSource,
    build_roads,
    contract_roads,
)
from geodata.roads.calibration import (
    PUBLISHED_KMH,
    RecordedDrive,
    calibration,
    drive_fits,
    read_drives,
)
from geodata.roads.calibration_figure import speed_figure
from geodata.roads.check import check_roads
from geodata.roads.graph import RoadGraph
from geodata.roads.manifest import (
    GRAPH_FILE,
    RoadData,
    open_road_data,
    shortened,
)
from geodata.roads.numbers import city_numbers
from geodata.sources import write_whole
from geodata.towns import read_towns

CH_LIMIT_S = 900.0  # Osaka on two cores: 170 s with nothing else to do
EXIT_PROBLEMS = 3
MB = 1_000_000

roads_cli = typer.Typer(no_args_is_help=True, help="Road data: build, info, check.")
cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
cli.add_typer(roads_cli, name="roads")
console = Console()

OutOption = Annotated[
    Path | None, typer.Option("--out", "-o", help="folder of the road data")
]
ChOption = Annotated[
    bool, typer.Option("--ch/--no-ch", help="also prepare the faster tables (minutes)")
]


@roads_cli.command()
def build(
    file: Annotated[Path, typer.Argument(help="OSM extract (.osm.pbf)")],
    out: OutOption = None,
    attribution: Annotated[
        str, typer.Option(help="whose data it is, shown on maps and sheets")
    ] = "",
    date: Annotated[
        str, typer.Option(help="date of the content, where the file tells none")
    ] = "",
    ch: ChOption = True,  # noqa: FBT002 - a command-line switch
    ch_limit_s: Annotated[
        float, typer.Option(help="give the faster tables up after so many seconds")
    ] = CH_LIMIT_S,
) -> None:
    """Prepare road data from an OSM extract; what is in use stays until it is whole."""
    settings = load_settings()
    profile, home = load_city(settings.city), out or settings.road_data_dir
    programs = engine_programs(settings)
    data = build_roads(
        RoadSource(pbf=_existing(file), attribution=attribution, date=date),
        home,
        (profile, read_towns(profile)),
        programs=programs,
        at=SystemClock(profile.timezone).now(),
        told=_told,
    )
    _show(data)
    _warn(data)
    if not ch:
        return
    console.print("道路データは使えます。表の高速化を続けます(中断してもかまいません)")
    try:
        data = contract_roads(data, programs, limit_s=ch_limit_s, told=_told)
    except SourceError as problem:
        console.print(f"高速化はできませんでした: {escape(str(problem))}")
        console.print("高速化なし(MLD)で使えます")
    else:
        console.print(f"高速化(CH) {data.manifest.seconds['contract']:.0f} 秒")


@roads_cli.command()
def info(out: OutOption = None) -> None:
    """Tell what road data is in use: source, date, engine, counts, times."""
    _show(_data(load_settings(), out))


@roads_cli.command()
def check(out: OutOption = None) -> None:
    """Check the road data in use; findings that matter give exit code 3."""
    settings = load_settings()
    profile = load_city(settings.city)
    data = _data(settings, out)
    findings = check_roads(
        data, (profile, read_towns(profile)), engine_programs(settings)
    )
    for finding in findings:
        mark = "[bold red]問題[/]" if finding.is_problem else "注意"
        console.print(f"{mark} {escape(finding.text)}")
    problems = sum(finding.is_problem for finding in findings)
    console.print(f"{data.folder}: 問題 {problems}、注意 {len(findings) - problems}")
    if problems:
        raise typer.Exit(EXIT_PROBLEMS)


def _warn(data: RoadData) -> None:
    """Say what would surprise somebody who uses the new data."""
    one = data.manifest
    if one.offices_off:
        console.print(
            f"[bold red]問題[/] 近くに道路がない事業所 {shortened(one.offices_off)}。"
            "都市の一部だけの抽出ではありませんか(kidohan roads check)"
        )
    if not one.attribution:
        console.print("注意 出典の記載がありません(--attribution)")


def _existing(file: Path) -> Path:
    if file.is_dir():
        message = f"{file}: is a folder; name the extract in it (.osm.pbf)"
        raise SourceError(message)
    if not file.is_file():
        message = f"{file}: no such file; fetch it with kidohan geodata fetch roads"
        raise SourceError(message)
    return file


def _data(settings: Settings, out: Path | None) -> RoadData:
    home = out or settings.road_data_dir
    data = open_road_data(home)
    if data is None:
        message = (
            f"{home}: no road data; travel times are straight lines until "
            "kidohan roads build FILE.osm.pbf"
        )
        raise SourceError(message)
    return data


def _told(words: str) -> None:
    console.print(f"  {words}", style="dim")


def _show(data: RoadData) -> None:
    """Print the record of road data for people."""
    one = data.manifest
    algorithms = "CH, MLD" if data.has_ch else "MLD"
    rows = {
        "folder": data.folder,
        "source": f"{one.source_file} ({one.source_bytes / MB:.1f} MB, "
        f"{one.source_date or 'no date told'})",
        "sha256": one.source_sha256,
        "attribution": one.attribution or "—",
        "built": f"{one.built_at}, OSRM {one.engine_version}, {algorithms}",
        "profile": f"light_truck {one.profile_sha256[:12]}",
        "roads": f"{one.km:,} km, {one.num_segments:,} segments, "
        f"{one.main_share:.1%} reachable",
        "restrictions": f"{one.restrictions} ({len(one.restrictions_ignored)} ignored)",
        "off the roads": f"工営所など {shortened(one.offices_off)}、"
        f"町丁目 {shortened(one.towns_off)}",
        "seconds": ", ".join(f"{name} {taken}" for name, taken in one.seconds.items()),
    }
    for name, value in rows.items():
        console.print(f"[bold]{name:<14}[/]{escape(str(value))}", soft_wrap=True)


@roads_cli.command()
def calibrate(
    out: OutOption = None,
    drives: Annotated[
        Path | None,
        typer.Option(help="recorded drives (CSV: depart_at, from_lon, … drive_s)"),
    ] = None,
    figure: Annotated[Path | None, typer.Option(help="write the figure (SVG)")] = None,
) -> None:
    """Compare assumed speeds with the published figure, and with recorded drives."""
    settings = load_settings() if out is None else load_settings(roads_dir=out)
    profile = load_city(settings.city)
    data = _data(settings, out)
    graph = RoadGraph.load(data.folder / GRAPH_FILE)
    found = calibration(graph, city_numbers(profile), profile.travel.traffic)
    for one in (found.prefectural, *found.classes):
        ranks = ",".join(map(str, one.ranks))
        console.print(
            f"rank {ranks:<6} {one.km:>7,.0f} km  {one.running_kmh:5.1f} km/h, "
            f"with junctions {one.travel_kmh:5.1f}, congested {one.congested_kmh:5.1f}"
        )
    met = (
        f"met exactly with signal_s = {found.fitted_signal_s}"
        if found.prefectural.km > 0
        else "no such roads in this data"
    )
    console.print(
        "published (congested, prefectural roads and above): "
        f"{PUBLISHED_KMH} km/h; {met}"
    )
    if figure is not None:
        write_whole(figure, speed_figure(found))
        console.print(f"→ {figure}")
    if drives is not None:
        _compare(read_drives(drives), settings, profile)


class _NoClosures:
    """Drives are compared with the roads as they were built."""

    def that_hold_between(self, start: dt.datetime, end: dt.datetime) -> list[Closure]:
        """Nothing is closed."""
        del start, end
        return []


def _compare(
    recorded: list[RecordedDrive], settings: Settings, profile: CityProfile
) -> None:
    """Print by which factors recorded drives differ from the assumed ones."""
    travel = open_travel(settings, profile, _NoClosures())
    try:
        matrices = [
            travel.times.matrix([drive.origin, drive.target], at=drive.depart_at)
            for drive in recorded
        ]
    finally:
        travel.close()
    if any(matrix.level is not TravelLevel.ROAD for matrix in matrices):
        message = "the road engine does not answer: nothing to compare drives with"
        raise SourceError(message)
    assumed = [int(matrix.duration_s[0, 1]) for matrix in matrices]
    for fit in drive_fits(recorded, assumed, profile.travel.traffic, profile.timezone):
        console.print(
            f"from {clock_text(fit.start_s):>5}: {fit.num_drives} drives, factor "
            f"{fit.ratio} (middle half {fit.low} to {fit.high}) → [travel.traffic]"
        )
