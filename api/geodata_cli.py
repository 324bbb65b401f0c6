"""The command line of the city's data: kidohan geodata build | info | check | fetch."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from api.progress import Told, bars
from api.settings import Settings, load_settings
from dispatch.adapters.clocks import SystemClock
from dispatch.domain.errors import SourceError
from geodata.bundle.build import build_bundle
from geodata.bundle.config import BundleConfig, read_config
from geodata.bundle.manifest import (
    MANIFEST_FILE,
    BundleManifest,
    Purpose,
    SourceRecord,
    previous_manifest,
    read_manifest,
    verify,
)
from geodata.bundle.national import MANIFEST_FILE as NATIONAL_FILE
from geodata.bundle.national import build_national
from geodata.bundle.records import Layer
from geodata.bundle.store import open_bundle
from geodata.city import CityProfile, load_city
from geodata.fetch import FetchParams, fetch
from geodata.sources import (
    LICENCE_SUFFIX,
    FetchedFile,
    Source,
    read_sources,
    save_record,
    sha256_of,
    sources_of,
)

ALL = "all"
ROADS = "roads"
CLIPPED = "roads.osm.pbf"
MARGIN_M = 5000.0  # ways round the city's edge, and places just beyond it
FULL_CONFIG = "full_bundle.toml"  # of the profile: a bundle of the fetched files
SOURCES_VARIABLE = "SOURCES_DIR"  # in a configuration: where the fetched files are
EXIT_PROBLEMS = 3
EXIT_FAILED = 3  # as for the one source of which a SourceError tells
SHOWN_DIGITS = 12  # of a checksum
MB = 1_000_000

geodata_cli = typer.Typer(
    no_args_is_help=True, help="City data: fetch, build, info, check."
)
cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
cli.add_typer(geodata_cli, name="geodata")
console = Console(highlight=False, soft_wrap=True)

BundleArgument = Annotated[
    Path | None, typer.Argument(help="folder of the bundle; var/geodata/CITY")
]
NationalOption = Annotated[
    bool,
    typer.Option(
        "--national/--no-national",
        help="also the dictionary of the rest of the country, when it is missing",
    ),
]
WardsOption = Annotated[bool, typer.Option("--wards", help="counts per ward")]
JsonOption = Annotated[bool, typer.Option("--json", help="the record, for programs")]


@geodata_cli.command()
def build(
    config: Annotated[Path, typer.Argument(help="which files, and whose (TOML)")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="folder of the bundle; var/geodata/CITY"),
    ] = None,
    sources: Annotated[
        Path | None,
        typer.Option(help="folder of the fetched files; var/sources/CITY"),
    ] = None,
    national: NationalOption = True,  # noqa: FBT002 - a command-line switch
) -> None:
    """Make a bundle of published files; the one in use stays until it is whole."""
    settings = load_settings()
    folder = out or settings.city_data_dir
    files = sources or _sources_folder(settings)
    read = read_config(config, {**os.environ, SOURCES_VARIABLE: str(files.absolute())})
    profile = _city_of(read, settings)
    began = time.perf_counter()
    made = build_bundle(
        read, folder, profile=profile, at=SystemClock(profile.timezone).now(), told=_say
    )
    _show_sources(made)
    _show_layers(made)
    console.print(f"{folder}: {made.id}、{time.perf_counter() - began:.1f} 秒")
    if national:
        _make_national(profile, settings.national_data_dir)
    _tell_use(made, folder, settings)


@geodata_cli.command()
def info(
    bundle: BundleArgument = None,
    wards: WardsOption = False,  # noqa: FBT002 - a command-line switch
    as_json: JsonOption = False,  # noqa: FBT002 - a command-line switch
) -> None:
    """Tell what is in a bundle: sources, dates, licences, counts."""
    settings = load_settings()
    folder = bundle or settings.city_data_dir
    one = read_manifest(folder)
    has_national = (settings.national_data_dir / NATIONAL_FILE).is_file()
    if as_json:
        record = json.loads((folder / MANIFEST_FILE).read_bytes())
        record["national_dictionary"] = has_national
        typer.echo(json.dumps(record, ensure_ascii=False, indent=2))
        return
    rows = {
        "フォルダ": folder,
        "ID": one.id,
        "都市": one.city,
        "用途": "本番" if one.purpose is Purpose.PRODUCTION else "試験(本番では不可)",
        "作成": f"{one.built_at}、kidohan {one.tool_version}",
        "半径の求め方": one.radii,
        "全国の住所辞書": f"{'あり' if has_national else 'なし'}"
        f"({settings.national_data_dir})",
    }
    for name, value in rows.items():
        console.print(f"[bold]{name}[/]  {escape(str(value))}")
    _show_sources(one)
    _show_layers(one)
    if wards:
        _show_wards(one, load_city(settings.city))


@geodata_cli.command()
def check(
    bundle: BundleArgument = None,
    previous: Annotated[
        Path | None,
        typer.Option(help="bundle to compare counts with; the one that was replaced"),
    ] = None,
) -> None:
    """Check a bundle, checksums first; findings that matter give exit code 3."""
    # geopandas: half a second that the other commands and the service need not wait.
    from geodata.bundle.check import Finding, check_bundle  # noqa: PLC0415

    settings = load_settings()
    profile = load_city(settings.city)
    folder = bundle or settings.city_data_dir
    before = read_manifest(previous) if previous else previous_manifest(folder)
    try:
        opened = open_bundle(folder)
    except SourceError:
        findings = [
            Finding(f"ファイルがないか、中身が作成時と違います: {name}")
            for name in verify(folder)
        ]
        if not findings:
            raise
    else:
        with closing(opened):
            findings = check_bundle(opened, profile, before)
    for finding in findings:
        mark = "[bold red]問題[/]" if finding.is_problem else "注意"
        console.print(f"{mark} {escape(finding.text)}")
    problems = sum(finding.is_problem for finding in findings)
    console.print(f"{folder}: 問題 {problems}、注意 {len(findings) - problems}")
    if problems:
        raise typer.Exit(EXIT_PROBLEMS)


@geodata_cli.command(name="fetch")
def fetch_files(
    what: Annotated[
        str,
        typer.Argument(help="kind of data (roads, wards, towns, …) or all"),
    ],
    folder: Annotated[
        Path | None, typer.Option("--to", help="folder; var/sources/CITY")
    ] = None,
    proxy_url: Annotated[str, typer.Option("--proxy", help="proxy's address")] = "",
    margin_m: Annotated[
        float, typer.Option(help="metres of roads kept around the city")
    ] = MARGIN_M,
) -> None:
    """Fetch a city's data files from their publishers (on a connected machine)."""
    settings = load_settings()
    profile = load_city(settings.city)
    known = read_sources(profile.folder)
    chosen = known if what == ALL and known else sources_of(known, what)
    fetching = _Fetching(
        profile=profile,
        folder=folder or _sources_folder(settings),
        at=SystemClock(profile.timezone).now(),
        params=FetchParams(proxy_url=proxy_url) if proxy_url else FetchParams(),
        margin_m=margin_m,
    )
    failed = [source for source in chosen if not fetching.succeeds(source)]
    if failed:
        titles = "、".join(source.title for source in failed)
        console.print(
            f"{len(chosen)}件のうち{len(failed)}件を取得できませんでした: "
            f"{escape(titles)}"
        )
        console.print("もう一度実行すると、取得できていないところから続けます")
        raise typer.Exit(EXIT_FAILED)
    config = profile.folder / FULL_CONFIG
    if config.is_file() and any(source.what != ROADS for source in chosen):
        console.print(f"次: kidohan geodata build {config} --sources {fetching.folder}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fetching:
    """One run of `fetch`: for whom, where to, when, and how patiently."""

    profile: CityProfile
    folder: Path
    at: dt.datetime
    params: FetchParams
    margin_m: float

    def succeeds(self, source: Source) -> bool:
        """Fetch one source; tell when that fails, for others may yet come."""
        try:
            self._fetch(source)
        except SourceError as problem:
            console.print(f"[bold red]失敗[/] {escape(str(problem))}")
            return False
        return True

    def _fetch(self, source: Source) -> None:
        with bars(console) as told:
            fetched = fetch(
                source,
                self.folder,
                at=self.at,
                told=_in_shares(told, source.title),
                params=self.params,
            )
        console.print(f"{fetched.path} ({fetched.num_bytes / MB:,.1f} MB)")
        console.print(f"  {escape(fetched.attribution)} / {escape(fetched.licence)}")
        if source.what == ROADS:
            self._clip(fetched)

    def _clip(self, fetched: FetchedFile) -> None:
        """Cut the extract to the city and keep its record and licence with it."""
        from geodata.roads.clip import clip_roads  # noqa: PLC0415 - for roads only

        profile = self.profile
        target = fetched.path.with_name(f"{profile.id}-{CLIPPED}")
        console.print(f"{profile.name}の道路を切り出しています(数分かかります)")
        report = clip_roads(
            fetched.path, target, bounds=profile.bounds, margin_m=self.margin_m
        )
        save_record(
            dataclasses.replace(
                fetched,
                path=target,
                sha256=sha256_of(target),
                num_bytes=target.stat().st_size,
                licence_file=target.name + LICENCE_SUFFIX,
            )
        )
        console.print(
            f"{target} ({target.stat().st_size / MB:,.1f} MB): 道路 {report.ways:,}、"
            f"右左折規制 {report.restrictions:,}"
        )
        console.print(f"次: kidohan roads build {target}")


def _in_shares(told: Told, name: str) -> Callable[[int, int | None], None]:
    """Tell bytes as the share of the whole, which may not be known."""

    def on_bytes(done: int, total: int | None) -> None:
        told(name, done / total if total else 0.0)

    return on_bytes


def _sources_folder(settings: Settings) -> Path:
    """Where `fetch` puts the files of a city, and `build` looks for them."""
    return Path("var") / "sources" / Path(settings.city).name


def _city_of(config: BundleConfig, settings: Settings) -> CityProfile:
    """Profile in use, which must be that of the configuration."""
    profile = load_city(settings.city)
    if Path(config.city).name not in (profile.id, profile.folder.name):
        message = (
            f"{config.file}: is for {config.city}, and KIDOHAN_CITY is {settings.city}"
        )
        raise SourceError(message)
    return profile


def _make_national(profile: CityProfile, folder: Path) -> None:
    _say("全国の住所辞書を確かめています(ないときは作ります。数分かかります)")
    made = build_national(profile, folder)
    if made is None:
        console.print("全国の住所辞書: この都市のプロファイルでは使いません")
        return
    state = "あるものを使います" if made.is_reused else "作りました"
    console.print(f"全国の住所辞書: {state}({made.num_nodes:,} 件、{made.folder})")


def _tell_use(made: BundleManifest, folder: Path, settings: Settings) -> None:
    """Say how the new bundle gets into use."""
    if folder == settings.city_data_dir:
        console.print("次に起動したときから使われます(kidohan serve)")
    else:
        console.print(f"使い方: KIDOHAN_GEODATA_DIR={folder} kidohan serve")
        console.print(f"        make demo GEODATA={folder}")
    if made.purpose is Purpose.TEST:
        console.print("試験用のデータです: KIDOHAN_ALLOW_TEST_GEODATA=1 も必要です")
    console.print(f"その前に: kidohan geodata check {folder}")


def _say(words: str) -> None:
    console.print(f"  {escape(words)}", style="dim")


def _show_sources(one: BundleManifest) -> None:
    """Two lines for each source: what it is, and what came of it."""
    names = _layer_names()
    for source in one.sources:
        flags = "".join(f"[{flag}]" for flag in _flags(source))
        console.print(
            f"[bold]{escape(source.id)}[/]  {names[source.layer]}  "
            f"{escape(source.title)}{escape(flags)}"
        )
        known = (source.publisher, source.licence, source.date, source.file_name)
        counts = (
            (source.num_kept, "採用"),
            (source.num_merged, "重複"),
            (source.num_refused, "除外"),
            (source.num_elsewhere, "市外"),
        )
        parts = [text for text in known if text]
        parts += [f"{name} {num:,}" for num, name in counts if num or name == "採用"]
        if source.sha256:
            parts.append(f"sha256 {source.sha256[:SHOWN_DIGITS]}")
        console.print(f"    {escape(' / '.join(parts))}", style="dim")


def _flags(source: SourceRecord) -> list[str]:
    flags = {
        "近似": source.is_approximate,
        "一部": source.is_partial,
        "合成": source.is_synthetic,
        "なし": source.is_absent,
    }
    return [flag for flag, is_set in flags.items() if is_set]


def _show_layers(one: BundleManifest) -> None:
    totals = {layer: sum(counts.values()) for layer, counts in one.counts.items()}
    _show_counts("件数", totals)


def _show_wards(one: BundleManifest, profile: CityProfile) -> None:
    """Print the counts of each ward by its code; last those of no ward."""
    names = {ward.code: ward.name for ward in profile.wards} | {"": "区の記載なし"}
    codes = sorted({code for counts in one.counts.values() for code in counts})
    for code in sorted(codes, key=lambda code: (not code, code)):
        of_ward = {layer: counts.get(code, 0) for layer, counts in one.counts.items()}
        _show_counts(f"{code} {names.get(code, '')}".strip(), of_ward)


def _show_counts(title: str, counts: Mapping[str, int]) -> None:
    names = _layer_names()
    shown = "、".join(
        f"{names[layer]} {counts[layer]:,}" for layer in Layer if counts.get(layer)
    )
    console.print(f"[bold]{title}[/]  {shown or 'なし'}")


def _layer_names() -> Mapping[Layer, str]:
    from geodata.bundle.check import LAYER_NAMES  # noqa: PLC0415 - loads geopandas

    return LAYER_NAMES
