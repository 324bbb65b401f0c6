"""Names in the one form in which they are kept: keys of assets, short school names."""

from __future__ import annotations

import re
import unicodedata

from geodata.address_text import DASHES

ELEMENTARY = "小学校"
_HARD_DASH = re.compile(f"[{DASHES.replace('ー', '').replace('ｰ', '')}-]+")
# ー is a letter after kana (センター) and a hyphen elsewhere.
_LONG_VOWEL = re.compile("(?<![ァ-ヺぁ-ん])ー+")


def asset_key(number: str) -> str:
    """
    Spell the number of an asset as a key: NFKC, capitals, no spaces, every hyphen `-`.

    北照－０１２ and 北照‐012 are one. Nothing else is changed, so that a key is found
    exactly or not at all: 007 and 7 are two lamps.
    """
    letters = "".join(unicodedata.normalize("NFKC", number).upper().split())
    plain = unicodedata.normalize("NFKC", letters)
    return _HARD_DASH.sub("-", _LONG_VOWEL.sub("-", plain)).strip("-")


def short_school_name(name: str, city: str) -> str:
    """Name of a school as people say it: 大阪市立玉出小学校 is 玉出小."""
    return name.replace(f"{city}立", "").replace(ELEMENTARY, "小")
