"""Borders of words in Japanese text: where a name may begin and end."""

from __future__ import annotations

import re

# A name begins after a particle, a sign, or a word that ends an address.
_WORD_LETTER = re.compile(r"[一-龠々ァ-ヺーa-zA-Z]")
_HIRAGANA = re.compile("[ぁ-ん]")
_ENDS_ADDRESS = "立区目市号地"
PARTICLES = "のでにはがとやをへ"
# After a name may come only what is no letter of a longer one: not 玉出小路.
_THING = (
    "交差|道路|歩道|車道|路上|路肩|信号|横断|標識|街灯|街路[灯樹]|照明|防犯灯|電[柱信]"
)
_RIGHT_BORDER = re.compile(
    rf"$|[^一-龠々ァ-ヺー0-9a-zA-Zぁ-ん]|[{PARTICLES}もか]|よ[りこ]|まで|{_THING}|"
    r"あたり|そば|となり|わき|むか|うら|まえ|よこ|向か?い|付近|近[くい所]|周辺|"
    r"[東西南北]{1,2}[側隣角門口寄]|[正校裏通]門|入り?口|出[口入]|改札|[0-9]{1,2}番?出|"
    rf"[東西南北]?[前横隣裏脇内外先奥傍角](?:$|[^一-龠ァ-ヺ]|{_THING})|"
    r"校[庭舎内]|敷地|構内|高架|ガード|マンホール|カーブミラー"
)


def may_begin(line: str, index: int) -> bool:
    """
    Whether a name may begin at a place of a spelled text.

    It may after a particle, a sign or the end of an address, and where hiragana ends.
    """
    if index == 0:
        return True
    before, first = line[index - 1], line[index]
    if before in _ENDS_ADDRESS:
        return True
    if _WORD_LETTER.match(before):
        return False
    if _HIRAGANA.match(before):
        return before in PARTICLES or not _HIRAGANA.match(first)
    return not (before.isdigit() and first.isdigit())


def may_end(line: str, end: int) -> bool:
    """Whether a name may end at a place of a spelled text."""
    return _RIGHT_BORDER.match(line, end) is not None
