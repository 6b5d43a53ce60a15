"""What a page in a browser may do wrong."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page

WIDTHS = (1280, 390)
THEMES = ("light", "dark")

# The page itself, and the theme's columns, which would scroll in its place.
SIDEWAYS = """Math.max(...[document.scrollingElement, ...document.querySelectorAll(
  "main, .bd-content, .bd-article-container, .bd-sidebar-primary, .bd-sidebar-secondary"
)].map(box => box.scrollWidth - box.clientWidth))"""

# What reaches furthest beyond its column.
TOO_WIDE = """(() => {
  const column = document.querySelector(".bd-article-container").getBoundingClientRect();
  return [...document.querySelectorAll(".bd-article-container *")]
    .filter(box => box.getBoundingClientRect().right > column.right + 1
      && !box.closest(".formula, pre, .pst-scrollable-table-container, .katex-mathml"))
    .map(box => (box.closest(".math") ?? box).textContent.trim().slice(0, 80))[0] ?? "a sidebar";
})()"""

# Boxes that hide a part of their words; what is meant only for screen readers does not count.
CLIPPED = """[...document.querySelectorAll(".bd-article *")].filter(box =>
  ["hidden", "clip"].includes(getComputedStyle(box).overflowX)
  && box.scrollWidth > box.clientWidth + 2 && box.clientWidth > 2 && box.innerText?.trim()
  && !box.closest(".katex-mathml, .visually-hidden, .toggle-hidden")
).map(box => box.outerHTML.slice(0, 120))"""

# Formulas a reader cannot see although nothing folded hides them.
UNSEEN = """[...document.querySelectorAll(".math")].filter(math => {
  const shown = math.querySelector(".katex-html")?.getBoundingClientRect();
  return math.checkVisibility() && !(shown?.width > 0 && shown?.height > 0);
}).map(math => math.outerHTML.slice(0, 120))"""

# Formulas are most of a page's boxes. Each leaves one box of its size, and its words for screen
# readers.
AXE = Axe()
WITHOUT_FORMULAS = """(() => {
  const boxes = [...document.querySelectorAll(".katex-html")];
  const sizes = boxes.map(box => box.getBoundingClientRect());
  boxes.forEach((box, place) => {
    const {width, height} = sizes[place];
    box.replaceChildren();
    box.style.cssText = `display: inline-block; width: ${width}px; height: ${height}px`;
  });
})()"""
RUN_AXE = """axe.run({exclude: [[".katex"]]}, {resultTypes: ["violations"]})
  .then(result => result.violations)"""

# Contrast is looked at once for every kind of text: the same colour and size of letters in boxes
# of the same kinds and colours, all the way up.
CONTRAST = '{id: "color-contrast", selector: "[data-sample]"}'
SAMPLES = """(() => {
  document.querySelectorAll("[data-sample]").forEach(box => delete box.dataset.sample);
  const kinds = new Map(), seen = new Set();
  const kind = box => {
    if (!box) return "";
    if (!kinds.has(box)) {
      const {backgroundColor: paper, backgroundImage: image, opacity} = getComputedStyle(box);
      const own = [box.tagName, box.getAttribute("class"), paper, image, opacity];
      kinds.set(box, kind(box.parentElement) + own.join());
    }
    return kinds.get(box);
  };
  for (const box of document.body.querySelectorAll("*")) {
    if (![...box.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
    const {color, fontSize, fontWeight} = getComputedStyle(box);
    const sample = [kind(box), color, fontSize, fontWeight].join();
    if (!seen.has(sample)) box.dataset.sample = "";
    seen.add(sample);
  }
})()"""


@contextmanager
def opened(
    context: BrowserContext, address: str, until: str = "load"
) -> Iterator[tuple[Page, list[str]]]:
    """A loaded page and what went wrong with it so far."""
    faults: list[str] = []
    page = context.new_page()
    home = re.match(r"http://[^/]+/|file:///", address)[0]

    def ask(request) -> None:
        if not request.url.startswith((home, "data:", "blob:")):
            faults.append(f"asks {request.url}")

    def say(message) -> None:
        if message.type in {"error", "warning"}:
            faults.append(f"console: {message.text}")

    def fail(request) -> None:
        if "ERR_ABORTED" not in request.failure:  # we went on before the icon was there
            faults.append(f"cannot load {request.url}: {request.failure}")

    page.on("request", ask)
    page.on("requestfailed", fail)
    page.on("console", say)
    page.on("pageerror", lambda error: faults.append(f"script error: {error}"))
    page.goto(address, wait_until=until)
    page.evaluate("document.fonts.ready.then(() => {})")
    try:
        yield page, faults
    finally:
        page.close()


def layout_faults(page: Page, size: str) -> Iterator[str]:
    """Whatever a reader could not see without scrolling sideways, or at all."""
    if (pixels := page.evaluate(SIDEWAYS)) > 0:
        yield f"scrolls {pixels} px sideways{size}: {page.evaluate(TOO_WIDE)}"
    yield from (f"cut off{size}: {box}" for box in page.evaluate(CLIPPED))


def show(page: Page, theme: str, size: str = "") -> None:
    """Turn the page's theme as its button does, and set the size of its text."""
    page.evaluate(
        "([theme, size]) => {const root = document.documentElement;"
        "root.dataset.theme = theme; root.style.fontSize = size}",
        [theme, size],
    )


def axe_faults(page: Page, theme: str) -> Iterator[str]:
    """What axe finds on a page that nobody looks at afterwards: its formulas are empty."""
    show(page, theme)
    page.evaluate(WITHOUT_FORMULAS)
    page.evaluate(f"{AXE.axe_script}; {SAMPLES}; axe.configure({{rules: [{CONTRAST}]}})")
    for violation in page.evaluate(RUN_AXE):
        for node in violation["nodes"]:
            yield f"axe {violation['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
