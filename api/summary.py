"""The summary of a day, as a person at a terminal enjoys reading it."""

from __future__ import annotations

from collections import Counter

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table

from api.day_run import MAP_FOLDER, SHEET_FOLDER, SUMMARY_FILE, DayResult
from api.pictures import Pictures
from api.wiring import Services
from api.wording import CUT_SHORT_TEXT, REASON_TEXT
from dispatch.domain.explain import clock_text

SHOWN_LEFT_OUT = 12


def print_summary(console: Console, services: Services, result: DayResult) -> None:
    """Print offices, visits, what was left out and why, and where the files are."""
    pictures = Pictures(services)
    day = pictures.date_text(result.stored.plan.date)
    console.print()
    console.rule(f"[bold]{services.profile.name} {day}")
    console.print(_counts(pictures, result))
    console.print(_offices(services, result))
    console.print(_left_out(services, result))
    console.print(_files(result))


def _counts(pictures: Pictures, result: DayResult) -> Panel:
    summary = result.summary
    served, feasible = summary["served"], summary["feasible_visits"]
    level = pictures.level_text(result.stored.plan)
    text = (
        f"相談 [bold]{summary['consultations']}[/]件  "
        f"場所を特定 {summary['placed']}件(うち関係事務所へ {summary['partner']}件)  "
        f"確認待ち {summary['unplaced']}件  移管 {summary['referred']}件\n"
        f"訪問 [bold]{served}[/]件を計画(実行できる {feasible}件のうち)  "
        f"移動 計{summary['drive_minutes']:,}分 [dim]{level}[/]  "
        f"規則違反 {summary['violations']}件"
    )
    if result.stored.plan.is_cut_short:
        text += f"\n[dim]{CUT_SHORT_TEXT}[/]"
    return Panel(text, title="一日のまとめ", title_align="left")


def _offices(services: Services, result: DayResult) -> Table:
    table = Table(title="工営所ごと", title_justify="left", header_style="bold")
    table.add_column("事業所")
    for name in ("班", "訪問", "作業(分)", "移動(分)", "距離(km)", "終了"):
        table.add_column(name, justify="right")
    routes = {route.team_id: route for route in result.stored.plan.routes}
    for office in services.profile.offices:
        own = [
            routes[team.id]
            for team in services.profile.teams
            if team.office_id == office.id and team.id in routes
        ]
        last = max((route.return_s for route in own if route.stops), default=0)
        table.add_row(
            office.name,
            str(len(own)),
            str(sum(len(route.stops) for route in own)),
            f"{round(sum(route.service_s for route in own) / 60):,}",
            f"{round(sum(route.drive_s for route in own) / 60):,}",
            f"{sum(route.drive_m for route in own) / 1000:,.0f}",
            clock_text(last) if last else "—",
        )
    return table


def _left_out(services: Services, result: DayResult) -> Group | str:
    items = result.stored.plan.unassigned
    if not items:
        return "計画に入らなかった訪問はありません。"
    counts = Counter(item.reason for item in items)
    title = "、".join(f"{REASON_TEXT[reason]} {n}件" for reason, n in counts.items())
    table = Table(title=f"計画に入らなかったもの: {title}", title_justify="left")
    for name in ("カルテ", "緊急", "分類", "理由"):
        table.add_column(name)
    on_top = sorted(items, key=lambda item: item.reason.is_held)
    pictures = Pictures(services)
    for item in on_top[:SHOWN_LEFT_OUT]:
        chart = services.store.get(item.visit_id)
        table.add_row(
            chart.number, chart.urgency, pictures.category_name(chart), item.sentence
        )
    rest = len(items) - SHOWN_LEFT_OUT
    return Group(table, f"[dim]ほか {rest}件[/]" if rest > 0 else "")


def _files(result: DayResult) -> Panel:
    folder, summary = result.folder, result.summary
    lines = (
        f"地図   {folder / MAP_FOLDER / 'overview.html'} ほか 計{summary['maps']}枚",
        f"巡回表 {folder / SHEET_FOLDER}/ 計{summary['sheets']}部(A4・白黒)",
        f"数値   {folder / SUMMARY_FILE}",
        f"時間   {summary['seconds_total']}秒  記憶 {summary['peak_mb']}MB",
    )
    return Panel("\n".join(lines), title="書き出したもの", title_align="left")
