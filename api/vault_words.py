"""How the vault's fields, consents and purposes are written for people (Japanese)."""

from __future__ import annotations

from dispatch.domain.reporter import ConsentScope
from dispatch.domain.reveal import FIELD_NAMES, RevealPurpose

PERSONAL_TEXT = FIELD_NAMES
CONSENT_TEXT = {
    ConsentScope.NOT_ASKED: "まだ聞いていない",
    ConsentScope.OFFICE_ONLY: "受け付けた所属だけ",
    ConsentScope.SHARED: "対応する市の所属で共有してよい",
}
PURPOSE_TEXT = {
    RevealPurpose.PAGE: "画面に表示",
    RevealPurpose.SHEET: "巡回表に印刷",
    RevealPurpose.SEARCH: "電話番号で検索",
    RevealPurpose.ERASURE: "消去",
}
