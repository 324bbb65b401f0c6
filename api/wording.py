"""How dates, times, states and deadlines are written for people (Japanese)."""

from __future__ import annotations

import datetime as dt

from dispatch.domain import act_words
from dispatch.domain.answer import AnswerKind
from dispatch.domain.case_chart import EntryKind
from dispatch.domain.catalogue import Duty, Urgency
from dispatch.domain.closure import ClosureReason
from dispatch.domain.consultation import Channel, ContactMethod, ReporterKind
from dispatch.domain.deadlines import OfficeHours
from dispatch.domain.explain import clock_text
from dispatch.domain.placing import PlaceLevel, PlacingStatus, PlacingWarning
from dispatch.domain.plan import UnassignedReason
from dispatch.domain.scheme import Scheme
from dispatch.ports import PlanStatus

# First day of each era (元号法 and its cabinet orders), newest first.
ERAS = (
    (dt.date(2019, 5, 1), "令和", "R"),
    (dt.date(1989, 1, 8), "平成", "H"),
    (dt.date(1926, 12, 25), "昭和", "S"),
)
WEEKDAYS = "月火水木金土日"
FISCAL_YEAR_STARTS = 4  # 年度 begins in April (地方自治法 208条)
UNKNOWN_WARD = "00000"
HOUR_MIN = 60
DAY_MIN = 24 * HOUR_MIN
EXACT_BELOW_MIN = 3 * HOUR_MIN

# Fields as the pages call them; programs get the names they sent.
FIELD_TEXT = {
    "category": "分類",
    "description": "内容",
    "topic_2_category": "話題2の分類",
    "topic_3_category": "話題3の分類",
    "topic_4_category": "話題4の分類",
    "topics": "話題",
    "photo": "写真",
    "address": "住所・目標物",
    "landmark": "目標物",
    "position": "場所",
    "place": "場所",
    "appointment": "約束の時間",
    "appointment.start_at": "約束の時間",
    "appointment.end_at": "約束の時間",
    "tagged_on": "エフの取付日",
    "urgency": "緊急度",
    "reporter.name": "申出人の氏名",
    "reporter.kana": "申出人のカナ",
    "reporter.phone": "申出人の電話",
    "reporter.address": "申出人の住所",
    "reporter.role": "申出人の町会役職",
    "phone": "電話番号",
    "who": "担当者",
    "why": "理由",
    "note": "使用材料・申し送り",
    "office_id": "変更先",
    "team_id": "変更先の班",
    "target": "変更先",
    "team": "班",
    "outcome": "措置",
    "reason": "理由",
    "choice": "候補",
    "radius_m": "誤差",
    "lon": "経度",
    "lat": "緯度",
    "text": "書き方",
    "ward": "区",
    "label": "呼び名",
    "form": "入力",
    "date": "計画の日",
    "num_teams": "同時に行く班",
    "forbidden": "作業できない時間帯",
    "max_width_cm": "車幅",
    "after": "先に行う相談",
    "tools": "共用機材",
    "materials": "資材",
    "windows": "ほかに約束できる時間帯",
    "subject": "件名",
    "desk": "受付部署",
    "contact_hours": "連絡してよい時間",
    "scheme": "制度区分",
    "triage": "聞き取り",
    "legal_note": "法的制約",
    "duty_note": "担当についての申し送り",
    "until": "終わりの月",
    "receiver": "引継先",
    "done": "したこと",
    "next_step": "次にすること",
    "next_by": "だれが",
    "act_by": "いつまでに",
    "sender": "送った所",
}

STATUS_TEXT = act_words.STATUS_TEXT
ACT_TEXT = act_words.ACT_TEXT
SCHEME_TEXT = {
    Scheme.REPORT: "通報",
    Scheme.REQUEST: "要望等記録",
    Scheme.CITIZEN_VOICE: "市民の声",
    Scheme.AREA_VOICE: "地域の声",
}
REPORTER_KIND_TEXT = {
    ReporterKind.RESIDENT: "市民",
    ReporterKind.COMMUNITY: "地域団体",
    ReporterKind.BUSINESS: "事業者",
    ReporterKind.STAFF: "職員",
    ReporterKind.ANONYMOUS: "匿名",
}
CONTACT_TEXT = {
    ContactMethod.PHONE: "電話",
    ContactMethod.MAIL: "メール",
    ContactMethod.LETTER: "手紙",
    ContactMethod.VISIT: "訪問",
}
ANSWER_KIND_TEXT = {
    AnswerKind.EXPLAINED: "説明",
    AnswerKind.DONE: "対応済",
    AnswerKind.IN_HAND: "対応中",
    AnswerKind.CONSIDERED: "検討",
    AnswerKind.DECLINED: "対応困難",
}
ENTRY_TEXT = {
    EntryKind.RECEIVED: "受付",
    EntryKind.PLACED: "場所の特定",
    EntryKind.UNPLACED: "場所の確認待ち",
    EntryKind.ASSIGNED: "振り分け",
    EntryKind.REFERRED: "引継・移管",
    EntryKind.OVERRIDDEN: "振り分けの変更",
    EntryKind.PLANNED: "計画",
    EntryKind.LEFT_OUT: "計画に入らず",
    EntryKind.PRINTED: "印刷",
    EntryKind.OUTCOME: "対応結果",
    EntryKind.CONDITIONS: "現場の条件",
    EntryKind.MOVED: "処理",
    EntryKind.CLASSED: "分類の変更",
    EntryKind.TRIAGED: "聞き取り",
    EntryKind.COMMENT: "書き込み",
    EntryKind.PAUSED: "期限の停止",
    EntryKind.RESUMED: "期限の再開",
    EntryKind.ANSWERED: "回答",
    EntryKind.INTERIM: "中間回答",
    EntryKind.PUBLISHED: "公表",
    EntryKind.TRANSFERRED: "移管",
    EntryKind.ACCEPTED: "受け取り",
    EntryKind.RETURNED: "差し戻し",
    EntryKind.NOTICE: "対応連絡",
    EntryKind.SPLIT: "話題の分割",
    EntryKind.MERGED: "重複の統合",
    EntryKind.PHOTO: "写真",
    EntryKind.REVEALED: "申出人の表示",
    EntryKind.ERASED: "個人欄の消去",
}
URGENCY_TEXT = {
    Urgency.S: "緊急",
    Urgency.A: "当日",
    Urgency.B: "3開庁日",
    Urgency.C: "計画",
    Urgency.D: "移管",
}
DUTY_TEXT = {
    Duty.FIELD: "現場作業",
    Duty.PARTNER: "関係事務所",
    Duty.REFERRAL: "移管",
}
CHANNEL_TEXT = {
    Channel.PHONE: "電話",
    Channel.COUNTER: "窓口",
    Channel.WEB: "ウェブ",
    Channel.API: "システム連携",
    Channel.FILE: "ファイル取込",
    Channel.PATROL: "パトロール",
    Channel.LETTER: "手紙",
    Channel.FAX: "ファクス",
    Channel.HOTLINE: "道路緊急ダイヤル",
    Channel.LINE: "LINE",
    Channel.OFFICER: "地域担当職員",
    Channel.COUNCIL: "区政会議",
}
LEVEL_TEXT = {
    PlaceLevel.COORDINATE: "座標",
    PlaceLevel.LANDMARK: "目標物",
    PlaceLevel.ASSET: "資産番号",
    PlaceLevel.HOUSE: "号",
    PlaceLevel.BLOCK: "番",
    PlaceLevel.CHOME: "町丁目",
    PlaceLevel.OAZA: "町名まで",
    PlaceLevel.WARD: "区まで",
}
PLACING_TEXT = {
    PlacingStatus.OK: "特定",
    PlacingStatus.AMBIGUOUS: "複数の候補",
    PlacingStatus.CONFLICT: "区と町名の食い違い",
    PlacingStatus.FUZZY: "似た名前",
    PlacingStatus.OUTSIDE: "市外",
    PlacingStatus.NOT_FOUND: "見つからない",
}
WARNING_TEXT = {
    PlacingWarning.SWAPPED: "緯度と経度が逆だったので、入れ替えて読みました。",
    PlacingWarning.OLD_DATUM: (
        "日本測地系の座標かもしれません(約450mずれます)。位置は直していません。"
    ),
    PlacingWarning.COARSE_NUMBERS: "座標の小数の桁が少なく、位置はおおまかです。",
    PlacingWarning.BLOCK_UNKNOWN: "書かれた番(街区)は、データにありません。",
    PlacingWarning.NUMBER_UNKNOWN: "書かれた号は、データにありません。",
    PlacingWarning.RANGE: "いくつかの場所、または区間が書かれています。",
    PlacingWarning.FIRST_OF_LIST: "並べて書かれた場所の、はじめの一つです。",
    PlacingWarning.DOUBLED_TOWN: "町名が二度書かれていたので、一度と読みました。",
    PlacingWarning.DROPPED_TOWN_WORD: "「町」を補って読みました。",
    PlacingWarning.WARD_INFERRED: "区が書かれていないので、町名から決めました。",
    PlacingWarning.RELATION: (
        "「南側」「向かい」などの言葉により、位置をずらすか範囲を広げました。"
    ),
    PlacingWarning.NEAR_BORDER: "誤差の範囲に、隣の区が入ります。",
    PlacingWarning.DISTRICT_UNSURE: "誤差が大きく、校区は確かではありません。",
    PlacingWarning.ENGINES_DIFFER: "二つの読み方の答えが違います。",
    PlacingWarning.SETTLED_BY_PERSON: "職員が決めた地点(地点辞書)によります。",
}
# Level and radius say the same; a chart need not say it again.
QUIET_WARNINGS = frozenset(
    {PlacingWarning.BLOCK_UNKNOWN, PlacingWarning.NUMBER_UNKNOWN}
)
REASON_TEXT = {
    UnassignedReason.NO_TIME: "時間が足りない",
    UnassignedReason.NO_SKILL: "技能のある班がない",
    UnassignedReason.NO_CREW: "人数が足りない",
    UnassignedReason.NO_VEHICLE: "入れる車両がない",
    UnassignedReason.NO_LOAD: "積載が足りない",
    UnassignedReason.NO_TOOL: "共用機材が足りない",
    UnassignedReason.NO_TEAM: "班が出勤していない",
    UnassignedReason.TOO_LATE: "勤務時間に収まらない",
    UnassignedReason.WINDOW_MISSED: "約束に間に合わない",
    UnassignedReason.UNREACHABLE: "行ける道がない",
    UnassignedReason.ON_HOLD: "法定待機中",
    UnassignedReason.WAITS: "先の作業待ち",
}
CLOSURE_REASON_TEXT = {
    ClosureReason.FLOOD: "冠水",
    ClosureReason.WORKS: "工事",
    ClosureReason.ACCIDENT: "事故",
    ClosureReason.DAMAGE: "損傷",
    ClosureReason.SCHOOL_HOURS: "通学時間帯",
    ClosureReason.OTHER: "その他",
}
CUT_SHORT_TEXT = (
    "時間の上限で探索を終えました。作り直すと違う計画になることがあります。"
)
PLAN_STATUS_TEXT = {
    PlanStatus.DRAFT: "下書き",
    PlanStatus.PUBLISHED: "確定",
    PlanStatus.SUPERSEDED: "差し替え済",
}


def era_date(day: dt.date) -> str:
    """Date in the Japanese era, 令和8年11月22日(日)."""
    weekday = WEEKDAYS[day.weekday()]
    for first, name, _ in ERAS:
        if day >= first:
            year = day.year - first.year + 1
            year_text = "元" if year == 1 else str(year)
            return f"{name}{year_text}年{day.month}月{day.day}日({weekday})"
    return f"{day.year}年{day.month}月{day.day}日({weekday})"


def short_date(day: dt.date) -> str:
    """Day of a year that is plain from the context, 11月22日(日)."""
    return f"{day.month}月{day.day}日({WEEKDAYS[day.weekday()]})"


def moment_text(moment: dt.datetime | None, timezone: dt.tzinfo) -> str:
    """Day and time, 11月22日(日) 9:05; empty for none."""
    if moment is None:
        return ""
    local = moment.astimezone(timezone)
    return f"{short_date(local.date())} {local.hour}:{local.minute:02d}"


def deadline_text(
    due_at: dt.datetime | None, now: dt.datetime, timezone: dt.tzinfo
) -> str:
    """How long is left, with the exact time beside it: あと2時間(11:00)."""
    if due_at is None:
        return "期限なし"
    local = due_at.astimezone(timezone)
    minutes = round((due_at - now).total_seconds() / 60)
    same_day = local.date() == now.astimezone(timezone).date()
    exact = f"{local.hour}:{local.minute:02d}" if same_day else short_date(local.date())
    amount = _amount(abs(minutes))
    if minutes < 0:
        return f"▲期限超過 {amount}({exact})"
    return f"あと{amount}({exact})"


def open_time_text(seconds: int, hours: OfficeHours) -> str:
    """Open office time in office days and hours: 開庁日で2日3時間."""
    days, rest = divmod(seconds, hours.closes_s - hours.opens_s)
    minutes = rest // 60
    clock = _amount(minutes) if minutes or not days else ""
    return f"開庁日で{days}日{clock}" if days else f"開庁時間で{clock}"


def elapsed_text(since: dt.datetime, now: dt.datetime) -> str:
    """How long ago something was, 2時間5分; 0分 for what lies ahead."""
    return _amount(max(0, round((now - since).total_seconds() / 60)))


def _amount(minutes: int) -> str:
    if minutes < HOUR_MIN:
        return f"{minutes}分"
    if minutes < EXACT_BELOW_MIN and minutes % HOUR_MIN:
        return f"{minutes // HOUR_MIN}時間{minutes % HOUR_MIN}分"
    if minutes < DAY_MIN:
        return f"{minutes // HOUR_MIN}時間"
    return f"{minutes // DAY_MIN}日"


def number_prefix(style: str, day: dt.date, ward_code: str) -> str:
    """
    Front part of a chart number: fiscal year and ward, H23-27122.

    Parameters
    ----------
    style
        `era` for a Japanese fiscal year, `year` for the calendar year.
    day
        On which the consultation was received.
    ward_code
        Empty when the place is not known yet.
    """
    ward = ward_code[:5] if ward_code else UNKNOWN_WARD
    if style != "era":
        return f"{day.year}-{ward}"
    year = day.year if day.month >= FISCAL_YEAR_STARTS else day.year - 1
    for first, _, letter in ERAS:
        # A fiscal year carries the era in which most of it lies (平成31年度 → R1).
        if year >= first.year:
            return f"{letter}{year - first.year + 1}-{ward}"
    return f"{year}-{ward}"


def minutes_text(seconds: int) -> str:
    """Minutes as a number with its unit."""
    return f"{round(seconds / 60):,}分"


__all__ = [
    "CHANNEL_TEXT",
    "DUTY_TEXT",
    "ENTRY_TEXT",
    "LEVEL_TEXT",
    "PLACING_TEXT",
    "PLAN_STATUS_TEXT",
    "QUIET_WARNINGS",
    "REASON_TEXT",
    "STATUS_TEXT",
    "URGENCY_TEXT",
    "WARNING_TEXT",
    "clock_text",
    "deadline_text",
    "elapsed_text",
    "era_date",
    "minutes_text",
    "moment_text",
    "number_prefix",
    "short_date",
]
