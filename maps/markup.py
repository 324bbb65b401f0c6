"""The only place where data becomes markup: popups, tooltips, panels, script data."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence

import folium
from branca.element import MacroElement
from jinja2 import Template

from dispatch.domain.errors import InvalidInputError
from maps.style import closed_svg, team_style

# folium pastes popup and tooltip text into a JavaScript template literal, and branca
# renders every finished part once more as a Jinja template. Entities stop both.
_ENTITIES = str.maketrans(
    {c: f"&#{ord(c)};" for c in ("$", "{", "}", "\\", "`", "%", "\u2028", "\u2029")}
)
# The same signs as escapes of a JavaScript string; "<" also ends a script element.
_ESCAPES = str.maketrans(
    {c: f"\\u{ord(c):04x}" for c in ("<", ">", "&", "'", "`", "$", "{", "}", "%", "#")}
    | {"\u2028": "\\u2028", "\u2029": "\\u2029"}
)
_HALVES = re.compile("[\ud800-\udfff]")  # half a character: no page can be sent with it
_SCHEME = re.compile(r"\A\s*([a-z][a-z0-9+.-]*:|[/\\]{2})", re.IGNORECASE)

Data = str | int | float | None | Sequence["Data"]
"""What a script may be given: lists of lists, never objects."""


def safe(text: str) -> str:
    """
    Text as HTML that stays text wherever folium puts it.

    Encodes HTML's own signs, then dollar, braces, backslash, backtick and percent,
    so that neither a template literal nor Jinja finds anything to run.
    """
    whole = _HALVES.sub("\ufffd", text)
    return html.escape(whole, quote=True).translate(_ENTITIES)


def safe_path(path: str) -> str:
    """
    Refuse a link that leaves this host, then make it safe.

    Raises
    ------
    InvalidInputError
        For a scheme (`javascript:`, `https:`) or a host (`//…`).
    """
    if _SCHEME.match(path):
        raise InvalidInputError("chart_url_prefix", "この場所の中への道だけを書けます")
    return safe(path)


def script_data(value: Data) -> str:
    """
    Write data as a JavaScript literal that is safe in script and in Jinja.

    Only lists are allowed, so every brace lies inside a string and can be escaped.
    """
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _HALVES.sub("\ufffd", written).translate(_ESCAPES)


def column(texts: Sequence[str]) -> Data:
    """
    Texts of one field for `kd.word`: [words, number of each], or [null, texts].

    A table of words pays only where they repeat.
    """
    words = list(dict.fromkeys(texts))
    if 2 * len(words) > len(texts):
        return [None, list(texts)]
    number = {word: i for i, word in enumerate(words)}
    return [words, [number[text] for text in texts]]


def tooltip(text: str) -> folium.Tooltip:
    """Text that shows while the pointer is over a thing."""
    return folium.Tooltip(safe(text), sticky=True)


def popup(
    *,
    title: str,
    rows: Sequence[tuple[str, str]],
    mark: str = "",
    links: Sequence[tuple[str, str]] = (),
) -> folium.Popup:
    """
    Popup of one stop; every text is data and is shown as it is.

    Parameters
    ----------
    title
        Heading.
    rows
        (label, value); empty values are left out.
    mark
        A warning under the heading (「△ 遅れ見込み」), or nothing.
    links
        (words, path on this host); opened in the whole window, not in the frame.
    """
    return folium.Popup(
        popup_html(title=title, rows=rows, mark=mark, links=links),
        max_width=300,
        min_width=220,
    )


def popup_html(
    *,
    title: str,
    rows: Sequence[tuple[str, str]],
    mark: str = "",
    links: Sequence[tuple[str, str]] = (),
) -> str:
    """Body of `popup`, for those who put it elsewhere."""
    marked = f'<p class="kd-late">{safe(mark)}</p>' if mark else ""
    facts = "".join(
        f"<dt>{safe(label)}</dt><dd>{safe(value)}</dd>"
        for label, value in rows
        if value
    )
    ways = "".join(
        f'<p><a href="{safe_path(path)}" target="_top">{safe(words)}</a></p>'
        for words, path in links
    )
    heading = f"<h3>{safe(title)}</h3>"
    return f'<div class="kd-pop">{heading}{marked}<dl>{facts}</dl>{ways}</div>'


def panel_html(
    *,
    title: str,
    lines: Sequence[str],
    chips: Sequence[str],
    sections: Sequence[tuple[str, Sequence[tuple[str, str, str]]]],
) -> str:
    """
    Title and legend of a map, as our own HTML (凡例).

    Parameters
    ----------
    title, lines, chips
        Data; chips hold 「近似」 and 「推定」.
    sections
        (heading, rows); a row is (swatch, words, count), the swatch being markup of
        `maps.style` and the other two data.
    """
    parts = [f"<summary><h1>{safe(title)}</h1></summary>"]
    parts += [f"<p>{safe(line)}</p>" for line in lines if line]
    parts += [f'<span class="kd-chip">{safe(chip)}</span>' for chip in chips]
    for heading, rows in sections:
        if not rows:
            continue
        items = "".join(
            f"<li>{swatch}<span>{safe(words)}</span><b>{safe(count)}</b></li>"
            for swatch, words, count in rows
        )
        parts.append(f"<h2>{safe(heading)}</h2><ul>{items}</ul>")
    body = "".join(parts).replace("<h1>", '<h1 style="display:inline">')
    return f'<details open class="kd-panel" id="kd-panel">{body}</details>'


def team_row(name: str, *, letter: str, figures: str, at: int) -> str:
    """
    Row of one team in the layer control, which is the legend too.

    Parameters
    ----------
    name, letter, figures
        Data.
    at
        0-based number of the team, for its colour and line.
    """
    style = team_style(at)
    badge = (
        '<svg width="40" height="24" viewBox="0 0 40 24" aria-hidden="true">'
        f'<path d="M0 12H40" stroke="{style.edge}" stroke-width="7"/>'
        f'<path d="M0 12H40" stroke="{style.colour}" stroke-width="4" '
        f'stroke-dasharray="{style.dash}"/><circle cx="20" cy="12" r="10" '
        f'fill="{style.colour}" stroke="{style.edge}" stroke-width="2"/>'
        '<text x="20" y="17" text-anchor="middle" font-size="13" font-weight="700" '
        f'fill="{style.ink}">{safe(letter)}</text></svg>'
    )
    words = f"<span>{safe(name)}<small>{safe(figures)}</small></span>"
    return f'<span class="kd-team" data-team="{at}">{badge}{words}</span>'


def closures_row(count: int) -> str:
    """Row of the closures in the layer control (通行規制)."""
    words = f"<span>通行規制<small>{count:,}件</small></span>"
    return f'<span class="kd-team">{closed_svg(size=24)}{words}</span>'


YARD_SVG = (
    '<svg width="30" height="30" viewBox="0 0 28 28" role="img" aria-label="基地">'
    '<path d="M14 2 26 11V26H2V11z" fill="#1a1a1a" stroke="#fff" stroke-width="2"/>'
    '<text x="14" y="21" text-anchor="middle" font-size="12" font-weight="700" '
    'fill="#fff">基</text></svg>'
)
"""Sign of a base yard (基地)."""


class MapScript(MacroElement):
    """
    JavaScript that runs once the map stands.

    Inside, the map or layer that it was added to is called `map`.

    Parameters
    ----------
    code
        Our own code. Data goes in by `script_data` only.
    """

    _template = Template(
        "{% macro script(this, kwargs) %}(function(map){ {{ this.code }} "
        "})({{ this._parent.get_name() }});{% endmacro %}"
    )

    def __init__(self, code: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = "MapScript"
        self.code = code


POPUP_JS = """
window.kd={
 el:function(tag,text,cls){
  var e=document.createElement(tag);
  if(text!=null)e.textContent=text;
  if(cls)e.className=cls;
  return e;},
 popup:function(title,mark,rows,words,href){
  var box=kd.el('div',null,'kd-pop'),dl=kd.el('dl');
  box.appendChild(kd.el('h3',title));
  if(mark)box.appendChild(kd.el('p',mark,'kd-over'));
  rows.forEach(function(r){
   if(!r[1])return;
   dl.appendChild(kd.el('dt',r[0]));dl.appendChild(kd.el('dd',r[1]));});
  box.appendChild(dl);
  if(href){
   var p=kd.el('p'),a=kd.el('a',words);
   a.href=href;a.target='_top';p.appendChild(a);box.appendChild(p);}
  return box;},
 word:function(column,k){
  return column[0]?column[0][column[1][k]]:column[1][k];},
 say:function(text){return kd.el('div',text);}
 };
"""
"""The browser's twin of `popup`: builds with textContent, never innerHTML."""
