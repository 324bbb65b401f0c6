"""Things of the road by their number: lamps, poles, manholes, mirrors."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Protocol

from dispatch.domain.placing import Candidate, PlaceLevel, PlacingStatus
from geodata.address_text import DASHES
from geodata.bundle.names import asset_key
from geodata.bundle.records import AssetRecord
from geodata.geocoding.landmarks import LandmarkAnswer

MAX_TEXT = 200  # characters of a text that are looked at
RADIUS_M = 10  # a ledger's point against the thing itself: assumption
KIND_WORDS = {
    "street_lamp": ("街路灯", "街灯", "道路照明灯", "道路照明", "照明灯", "防犯灯"),
    "pole": ("電柱", "電信柱", "電力柱", "電話柱"),
    "manhole": ("マンホール", "人孔"),
    "mirror": ("カーブミラー", "道路反射鏡", "反射鏡"),
}
SHOWN_KINDS = {
    "street_lamp": "照明灯",
    "pole": "電柱",
    "manhole": "マンホール",
    "mirror": "カーブミラー",
}
_KIND_OF_WORD = {word: kind for kind, words in KIND_WORDS.items() for word in words}
# ー is a letter after kana (ウエー3) and a hyphen elsewhere, as in the ledgers' keys.
_DASH = re.compile(
    f"[{DASHES.replace('ー', '').replace('ｰ', '')}]|(?<![ァ-ヺぁ-んー])ー"
)
_WORD = "|".join(sorted(_KIND_OF_WORD, key=len, reverse=True))
_MARK = "(?:管理|整理|柱|灯)?番号|NO[.,:]?|ナンバー|#"
# A code holds a digit; letters before it may be kanji or kana (上本町支12, ウエ3).
_NUMBER = r"[0-9][A-Z0-9]*(?:-[A-Z0-9]+){0,6}"
_CODE = rf"[A-Z0-9一-龠ァ-ヺー-]{{0,12}}?{_NUMBER}"
_BARE_CODE = rf"[A-Z]{{0,4}}-?{_NUMBER}"
_COUNTER = "(?![本つ個台基箇ヶケか所M時分日月年度割枚カ0-9]|-?[A-Z0-9])"
_MARKED = re.compile(
    rf"(?P<word>{_WORD})?(?:柱)?[ (の]?(?:{_MARK})[ :はが]{{0,2}}第?(?P<code>{_CODE})"
    rf"(?![0-9])(?:号)?(?:[ )]?の(?P<after>{_WORD}))?"
)
_PLAIN = re.compile(rf"(?P<word>{_WORD})[ :(]?(?P<code>{_BARE_CODE}){_COUNTER}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetQuery:
    """What a text says of an asset: its kind, if any, and the key of its number."""

    kind: str | None
    key: str


class AssetIndex(Protocol):
    """Ledger of the assets, asked by exact key."""

    def asset(self, kind: str, key: str) -> tuple[AssetRecord, ...]:
        """Assets of a kind (`street_lamp`, `pole` …) with this key (`asset_key`)."""


def read_asset_text(text: str) -> AssetQuery | None:
    """
    Read the number of an asset in a text, or None when there is none.

    Counts (街灯3本) are no numbers; a number after 番号 or No. needs no kind.
    """
    line = unicodedata.normalize("NFKC", text[:MAX_TEXT]).upper()[:MAX_TEXT]
    line = _DASH.sub("-", line)
    found = _MARKED.search(line)
    word = (found["word"] or found["after"]) if found else None
    if found is None:
        found = _PLAIN.search(line)
        word = found["word"] if found else None
    if found is None:
        return None
    kind = _KIND_OF_WORD[word] if word else None
    return AssetQuery(kind=kind, key=asset_key(found["code"]))


def find_asset(text: str, assets: AssetIndex) -> LandmarkAnswer:
    """
    Find the asset whose number a text gives; never by a near number.

    Returns
    -------
    LandmarkAnswer
        Level asset; `ambiguous` when several have the key, `not_found` when the
        ledgers have none or the text gives no number.
    """
    query = read_asset_text(text)
    if query is None:
        return LandmarkAnswer(
            status=PlacingStatus.NOT_FOUND, message="番号が書かれていません。"
        )
    kinds = (query.kind,) if query.kind else tuple(KIND_WORDS)
    found = [asset for kind in kinds for asset in assets.asset(kind, query.key)]
    if not found:
        return LandmarkAnswer(
            status=PlacingStatus.NOT_FOUND,
            message="台帳にない番号です。",
            matched_text=query.key,
        )
    candidates = tuple(map(_candidate, found))
    if len(found) > 1:
        return LandmarkAnswer(
            status=PlacingStatus.AMBIGUOUS,
            message="同じ番号のものが複数あります。",
            candidates=candidates,
            matched_text=query.key,
        )
    return LandmarkAnswer(
        status=PlacingStatus.OK,
        message="番号から特定しました。",
        candidates=candidates,
        matched_text=query.key,
        place=candidates[0].place,
        radius_m=RADIUS_M,
    )


def _candidate(asset: AssetRecord) -> Candidate:
    name = f"{SHOWN_KINDS.get(asset.kind, asset.kind)} {asset.key}"
    return Candidate(
        label=name,
        place=asset.place,
        level=PlaceLevel.ASSET,
        radius_m=RADIUS_M,
        ward_code=asset.ward_code,
        landmark=name,
    )
