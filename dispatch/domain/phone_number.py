"""Phone numbers as people type them, brought to one form to be searched for."""

from __future__ import annotations

import re
import unicodedata

# Hyphens of all sorts, the long vowel mark that stands in for them, brackets, dots,
# blanks: they may stand between the digits of one number.
_BETWEEN = r"[-\u2010-\u2015\u2212\u30fc\u2500\u2501\ufe63().  ]{0,3}"
_RUN = re.compile(rf"\+?\(?[0-9](?:{_BETWEEN}[0-9])+")
_COUNTRY = "+81"
# 050 (IP), 060 to 090 (mobile) and 0800 (free) have 11 digits, all others 10.
_ELEVEN = re.compile(r"0[5-9]0|0800")
# A table calculation takes the leading 0 away: 660001234, 9012345678.
_WITHOUT_ZERO = re.compile(r"[1-9][0-9]{8}|[5-9]0[0-9]{8}")
LONG, SHORT = 11, 10
ABROAD = range(9, 16)  # digits of a number without a leading 0 (E.164: 15 at most)


def normalised_phone(text: str, *, area_code: str) -> str:
    """
    Digits of the first phone number in a text; empty when there is none.

    Full-width digits and every sort of hyphen count as plain ones, +81 as 0, and what
    stands around or behind the number (a name, an extension, a second number) is left
    out. The same number so has one form however it was typed.

    Parameters
    ----------
    text
        As it was typed.
    area_code
        Area code of the city, put in front of a local number that lacks it: on the
        city's papers `9999-9999` is `06-9999-9999`. Empty: nothing is put in front.
    """
    plain = unicodedata.normalize("NFKC", text)
    for run in _RUN.findall(plain):
        digits = "".join(c for c in run if c in "0123456789")
        if run.lstrip("(").startswith(_COUNTRY):
            digits = "0" + digits.removeprefix("81").removeprefix("0")
        number = _whole(digits, area_code)
        if number:
            return number
    return ""


def _whole(digits: str, area_code: str) -> str:
    """One number of a run of digits; empty when they are too few."""
    if area_code and len(area_code) + len(digits) == SHORT:
        return area_code + digits
    if digits.startswith("0"):
        # 06-0000-1234 begins as 060 does: it is told by its length.
        is_long = len(digits) >= LONG and _ELEVEN.match(digits)
        length = LONG if is_long else SHORT
        return digits[:length] if len(digits) >= length else ""
    if area_code and _WITHOUT_ZERO.fullmatch(digits):
        return "0" + digits
    return digits if len(digits) in ABROAD else ""
