"""What a page owes to everybody: structure, axe, and every control by the Tab key."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Frame, Page

from tests.acceptance.command import NODE_MODULES

AXE = NODE_MODULES / "axe-core" / "axe.min.js"
SCREEN = {"width": 1366, "height": 768}  # the city's office machines
MOST_TABS = 2_000
STEP = 25  # Tabs between two looks at whether the walk has come round

CONTROLS = (
    ":is(a[href], button, input:not([type=hidden]), select, textarea, summary,"
    " [tabindex]):not([tabindex^='-'])"
)
# Names, visits and styles of focus, written down by the page itself: one question to
# the browser per control would take minutes.
LISTEN = """
controls => {
  const shown = one => one.checkVisibility({ visibilityProperty: true });
  const isLone = one => one.type !== "radio" || !one.name || one ===
    ([...document.querySelectorAll(`input[type=radio][name="${one.name}"]`)]
      .filter(other => other.form === one.form && !other.disabled)
      .reduce((kept, other) => kept && kept.checked ? kept
        : other.checked || !kept ? other : kept, null));
  const inMap = one => one.closest(".leaflet-container");
  const kd = window.kdWalk = { order: [], dim: [], left: new Set() };
  for (const one of document.querySelectorAll(controls))
    if (shown(one) && !one.matches(":disabled") && isLone(one) && !inMap(one))
      kd.left.add(one);
  kd.num = kd.left.size;
  kd.name = one => one.outerHTML.slice(0, 140);
  document.addEventListener("focusin", event => {
    const one = event.target;
    kd.left.delete(one);
    if (kd.order.includes(one)) { kd.round = true; return; }
    kd.order.push(one);
    const ringed = part => {
      const s = getComputedStyle(part);
      return (s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 1)
        || s.boxShadow !== "none";
    };
    const box = one.getBoundingClientRect();
    if (!inMap(one) && (!ringed(one) || box.width < 1 || box.height < 1))
      kd.dim.push(kd.name(one));
  });
}
"""
# Whatever looks or acts like a button must take the focus, or stand for one that does.
MOUSE_ONLY = """
controls => [...document.querySelectorAll("body *")]
  .filter(one => one.checkVisibility() && !one.closest(".leaflet-container"))
  .filter(one => one.onclick || one.matches("[role=button], [role=link], [role=tab]")
    || (getComputedStyle(one).cursor === "pointer"
      && getComputedStyle(one.parentElement).cursor !== "pointer"))
  .filter(one => !one.matches(controls) && !one.closest(controls)
    && !one.closest("label, [role=option], [aria-hidden=true]")
    && !one.matches(":disabled"))
  .map(one => one.outerHTML.slice(0, 140))
"""
STRUCTURE = """
() => ({
  lang: document.documentElement.lang,
  title: document.title.trim(),
  h1: document.querySelectorAll("h1").length,
  main: document.querySelectorAll("main").length,
  header: document.querySelectorAll("body > header").length,
  nav: document.querySelectorAll("nav[aria-label]").length,
  wide: document.documentElement.scrollWidth,
  jumps: [...document.querySelectorAll("[tabindex]")].filter(one => one.tabIndex > 0)
    .length,
})
"""


def serious_faults(page: Page | Frame) -> list[str]:
    """List what axe-core calls serious or critical."""
    page.evaluate(AXE.read_text(encoding="utf-8"))  # a script tag is barred
    found: dict[str, Any] = page.evaluate(
        "axe.run(document, { resultTypes: ['violations'], iframes: false })"
    )
    assert len(found["passes"]) > 5  # it did look
    return [
        f"{item['impact']} {item['id']}: {item['help']}; "
        + "; ".join(str(node["html"])[:160] for node in item["nodes"][:3])
        for item in found["violations"]
        if item["impact"] in {"serious", "critical"}
    ]


def structure_faults(page: Page, *, has_header: bool = True) -> list[str]:
    """List what a page lacks: language, title, one heading, landmarks, its width."""
    found: dict[str, Any] = page.evaluate(STRUCTURE)
    wanted = {"lang": "ja", "h1": 1, "main": 1, "jumps": 0}
    if has_header:
        wanted |= {"header": 1, "nav": 1}
    faults = [f"{k}: {found[k]}" for k, want in wanted.items() if found[k] != want]
    if not found["title"]:
        faults.append("no title")
    if found["wide"] > SCREEN["width"]:
        faults.append(f"scrolls sideways: {found['wide']} px")
    return faults


def unfold(page: Page) -> None:
    """Open everything that is folded away, so that it is looked at, too."""
    page.evaluate(
        "document.querySelectorAll('main details').forEach(one => { one.open = true })"
    )


def keyboard_faults(page: Page) -> list[str]:
    """List controls that the Tab key does not reach, or that do not show the focus."""
    mouse_only = page.evaluate(MOUSE_ONLY, CONTROLS)
    page.evaluate("document.activeElement.blur()")
    page.evaluate(LISTEN, CONTROLS)
    for _ in range(MOST_TABS // STEP):
        for _ in range(STEP):
            page.keyboard.press("Tab")
        if page.evaluate("kdWalk.round || kdWalk.left.size === 0"):
            break
    return [
        *(f"by mouse only: {one}" for one in mouse_only),
        *(f"not reached by Tab: {one}" for one in _left(page)),
        *(f"shows no focus: {one}" for one in page.evaluate("kdWalk.dim")),
        *_trap(page),
    ]


def _left(page: Page) -> list[str]:
    left: list[str] = page.evaluate("[...kdWalk.left].map(kdWalk.name)")
    return left


def _trap(page: Page) -> list[str]:
    """Shift+Tab goes back to the control before."""
    if page.evaluate("kdWalk.order.length") < 3:
        return []
    page.evaluate("kdWalk.order[2].focus()")
    page.keyboard.press("Shift+Tab")
    if page.evaluate("document.activeElement === kdWalk.order[1]"):
        return []
    return ["Shift+Tab does not go back"]
