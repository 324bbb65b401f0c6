"""Residents' words stay words in popups, tooltips and script data."""

# mypy: allow-untyped-calls
from __future__ import annotations

import html
import json
import re

import folium
import pytest

from dispatch.domain.errors import InvalidInputError
from maps.markup import (
    MapScript,
    column,
    panel_html,
    popup,
    popup_html,
    safe,
    safe_path,
    script_data,
    tooltip,
)
from tests.maps import HOSTILE


def test_safe_text_holds_no_sign_that_html_a_literal_or_jinja_would_run() -> None:
    assert not set(safe(HOSTILE + "\u2029")) & set("<>\"'`${}\\%\u2028\u2029")


def test_safe_text_reads_the_same_to_a_browser() -> None:
    assert html.unescape(safe(HOSTILE)) == HOSTILE


def test_half_a_character_is_replaced_because_no_page_could_be_sent_with_it() -> None:
    assert safe("辻\ud83d") == "辻\ufffd"
    assert script_data(["\ud83d"]) == '["\ufffd"]'


def test_script_data_is_the_same_data_without_dangerous_signs() -> None:
    data = [1, -2, 0.5, None, HOSTILE, [HOSTILE]]
    written = script_data(data)
    assert not set(written) & set("<>'`${}%#&\u2028\u2029")
    assert json.loads(written) == data


def test_words_that_repeat_become_a_table_and_others_do_not() -> None:
    assert column(["橋", "橋", "橋", "道"]) == [["橋", "道"], [0, 0, 0, 1]]
    assert column(["橋", "道", "川"]) == [None, ["橋", "道", "川"]]
    assert column([]) == [None, []] or column([]) == [[], []]


@pytest.mark.parametrize(
    "path",
    ["javascript:alert(1)", "https://a.example/", "//a.example", "\\\\a", " data:x"],
)
def test_a_link_that_leaves_this_host_is_refused(path: str) -> None:
    with pytest.raises(InvalidInputError):
        safe_path(path)


def test_a_path_on_this_host_is_a_link_in_the_whole_window() -> None:
    body = popup_html(title="道", rows=(), links=(("カルテを開く", "/c/a?b=1&c"),))
    assert '<a href="/c/a?b=1&amp;c" target="_top">カルテを開く</a>' in body


def test_popup_leaves_out_empty_rows_and_shows_the_mark() -> None:
    body = popup_html(title="道", rows=(("場所", ""), ("期限", "9:05")), mark="△ 遅れ")
    assert "場所" not in body
    assert "<dt>期限</dt><dd>9:05</dd>" in body
    assert "△ 遅れ" in body


def test_rendered_page_keeps_every_hostile_text_as_data() -> None:
    page = folium.Map(tiles=None)
    marker = folium.Marker([34.7, 135.5])
    marker.add_child(
        popup(title=HOSTILE, rows=((HOSTILE, HOSTILE),), mark=HOSTILE, links=())
    )
    marker.add_child(tooltip(HOSTILE))
    marker.add_to(page)
    MapScript(f"window.words={script_data([HOSTILE])};").add_to(page)
    written = page.get_root().render()
    assert "${globalThis" not in written
    assert "<script>window.pwned" not in written
    assert "<img" not in written
    # Jinja saw nothing to compute: 7 × 7 stayed a text.
    assert "49" not in re.sub(r"[0-9a-f]{32}", "", written).split("window.words=")[1]


def test_panel_escapes_words_and_leaves_out_empty_sections() -> None:
    body = panel_html(
        title=HOSTILE,
        lines=(HOSTILE, ""),
        chips=(HOSTILE,),
        sections=(("空", ()), ("緊急度", (("<i></i>", HOSTILE, "1件"),))),
    )
    assert "<img" not in body
    assert "空" not in body
    assert body.count("<li><i></i>") == 1
