"""Every page in a browser: wide and narrow, light and dark, from a server and from the disk."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from book_pages import CHAPTERS, PAGES, ROOT, TOC
from PIL import Image
from playwright.sync_api import BrowserContext, Page

WIDTHS = (1280, 390)
THEMES = ("light", "dark")
MAX_KILOBYTES = 260
MAX_SHIFT = 0.02
THUMBNAIL = 320  # pixels, the width of a page in a contact sheet
SHEETS = ROOT / "_build" / "contact-sheets"

SIDEWAYS = "document.scrollingElement.scrollWidth - document.documentElement.clientWidth"

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

SHIFT = """new Promise(done => new PerformanceObserver(list => done(
  list.getEntries().reduce((sum, entry) => sum + (entry.hadRecentInput ? 0 : entry.value), 0)
)).observe({type: "layout-shift", buffered: true}) ?? setTimeout(() => done(0), 300))"""


@contextmanager
def opened(context: BrowserContext, address: str) -> Iterator[tuple[Page, list[str]]]:
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
    page.goto(address, wait_until="load")
    page.evaluate("document.fonts.ready.then(() => {})")
    try:
        yield page, faults
    finally:
        page.close()


def layout_faults(page: Page, size: str) -> Iterator[str]:
    if (pixels := page.evaluate(SIDEWAYS)) > 0:
        yield f"scrolls {pixels} px sideways{size}"
    yield from (f"cut off{size}: {box}" for box in page.evaluate(CLIPPED))


def axe_faults(page: Page) -> Iterator[str]:
    for violation in Axe().run(page).response["violations"]:
        for node in violation["nodes"]:
            yield f"axe {violation['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"


def photograph(page: Page, folder: Path, name: str) -> None:
    """A reduced picture of the whole page, for the contact sheets."""
    page.evaluate("document.querySelectorAll('img').forEach(image => image.loading = 'eager')")
    page.wait_for_function("[...document.images].every(image => image.complete)")
    picture = Image.open(io.BytesIO(page.screenshot(full_page=True))).convert("RGB")
    height = round(picture.height * THUMBNAIL / picture.width)
    folder.mkdir(parents=True, exist_ok=True)
    picture.resize((THUMBNAIL, height), Image.Resampling.LANCZOS).save(folder / f"{name}.png")


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Contact sheets: all pages side by side, one sheet for each look."""
    folder = tmp_path_factory.mktemp("photographs")
    yield folder
    SHEETS.mkdir(parents=True, exist_ok=True)
    for look in sorted(folder.iterdir()):
        pictures = [Image.open(file) for file in sorted(look.iterdir())]
        height = max(picture.height for picture in pictures)
        sheet = Image.new("RGB", (len(pictures) * (THUMBNAIL + 12), height), "#808080")
        for place, picture in enumerate(pictures):
            sheet.paste(picture, (place * (THUMBNAIL + 12), 0))
        sheet.save(SHEETS / f"{look.name}.png")


@pytest.mark.parametrize("page_name", PAGES)
def test_a_page_is_sound_on_every_screen_and_in_both_themes(
    page_name: str, server: str, contexts, photographs: Path
) -> None:
    found = []
    for width in WIDTHS:
        for theme in THEMES:
            context = contexts[width, theme, True]
            with opened(context, f"{server}/{page_name}.html") as (page, faults):
                if page.evaluate("document.documentElement.dataset.theme") != theme:
                    faults.append("does not follow the system's theme")
                faults += layout_faults(page, "")
                faults += axe_faults(page)
                place = f"{PAGES.index(page_name):02d}"
                photograph(page, photographs / f"{theme}-{width}", place)
                page.evaluate("document.documentElement.style.fontSize = '200%'")
                faults += layout_faults(page, " at 200 % text size")
                found += [f"{width} px, {theme}: {fault}" for fault in faults]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("page_name", PAGES)
def test_a_page_is_sound_from_the_disk(page_name: str, site: Path, contexts) -> None:
    found = []
    for width in WIDTHS:
        for theme in THEMES:
            address = (site / f"{page_name}.html").as_uri()
            with opened(contexts[width, theme, True], address) as (page, faults):
                faults += layout_faults(page, "")
                found += [f"{width} px, {theme}: {fault}" for fault in faults]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("page_name", TOC)
def test_formulas_and_text_show_without_javascript(page_name: str, site: Path, contexts) -> None:
    written = (site / f"{page_name}.html").read_text("utf-8")
    with opened(contexts[390, "light", False], (site / f"{page_name}.html").as_uri()) as opening:
        page, faults = opening
        assert page.locator(".math .katex-html").count() == len(re.findall('class="math ', written))
        assert page.evaluate(UNSEEN) == []
        assert page.locator("article h1").is_visible()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
            "rgb(255, 255, 255)"
        )
        assert not [*faults, *layout_faults(page, "")]


@pytest.mark.parametrize("page_name", PAGES)
def test_the_first_view_is_light(page_name: str, server: str, browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    sizes: list[int] = []
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(f"{server}/{page_name}.html", wait_until="networkidle")
    context.close()
    assert sum(sizes) / 1000 <= MAX_KILOBYTES


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("page_name", CHAPTERS)
def test_a_chapter_does_not_jump_while_it_loads(
    page_name: str, width: int, server: str, browser
) -> None:
    """On a slow line: 1.6 Mbit/s with 150 ms of latency."""
    context = browser.new_context(viewport={"width": width, "height": 844})
    page = context.new_page()
    session = context.new_cdp_session(page)
    slow = {"offline": False, "latency": 150, "downloadThroughput": 2e5, "uploadThroughput": 1e5}
    session.send("Network.emulateNetworkConditions", slow)
    page.goto(f"{server}/{page_name}.html", wait_until="networkidle")
    shift = page.evaluate(SHIFT)
    context.close()
    assert shift <= MAX_SHIFT


def test_the_reader_can_choose_the_theme(server: str, browser) -> None:
    context = browser.new_context(color_scheme="light", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(f"{server}/index.html")
    theme = "document.documentElement.dataset.theme"
    button = page.locator(".theme-switch-button").first
    seen = [page.evaluate(theme)]
    for _ in range(3):
        button.click()
        seen.append(page.evaluate(theme))
    assert set(seen) == {"light", "dark"}
    while page.evaluate(theme) != "dark":
        button.click()
    page.goto(f"{server}/search.html")
    assert page.evaluate(theme) == "dark"
    context.close()


# --- Search ---


def words_by_page(site: Path, pattern: str) -> dict[str, set[str]]:
    """Long lower-case words of each page inside what the pattern matches."""
    found = {}
    for page in TOC:
        html = (site / f"{page}.html").read_text("utf-8")
        article = re.search(r"<article.*?</article>", html, re.S)[0]
        article = re.sub(r"<(pre|script|style|svg|math)\b.*?</\1>", " ", article, flags=re.S)
        text = " ".join(re.findall(pattern, article, re.S))
        found[page] = set(re.findall(r"\b[a-z]{7,}\b", re.sub(r"<[^>]*>", " ", text)))
    return found


def only_on(page: str, words: dict[str, set[str]]) -> list[str]:
    """Words of one page that no other page has (also not as part of another word)."""
    others = " ".join(w for other, found in words.items() if other != page for w in found)
    return sorted(word for word in words[page] if word[:6] not in others)


def results(page: Page, address: str, word: str) -> list[str]:
    page.goto(f"{address}/search.html?q={word}")
    page.wait_for_function("/finished|did not match/.test(document.body.innerText)")
    return page.eval_on_selector_all("ul.search a", "links => links.map(link => link.href)")


@pytest.mark.parametrize("origin", ["server", "disk"])
def test_search_finds_words_of_five_pages_and_of_a_caption(
    origin: str, site: Path, server: str, contexts
) -> None:
    address = server if origin == "server" else site.as_uri()
    words = words_by_page(site, r".*")
    captions = words_by_page(site, r"<figcaption>.*?</figcaption>")
    prose = words_by_page(site, r"(?:^|</figcaption>)(?:(?!<figcaption>).)*")
    unique = {page: only_on(page, words) for page in TOC}
    wanted = [(page, found[0]) for page, found in unique.items() if found][:4]
    in_caption = [
        (page, word)
        for page in TOC
        for word in sorted(captions[page] - prose[page])
        if word in unique[page]
    ]
    wanted += in_caption[:1]
    assert len(wanted) == 5
    with opened(contexts[1280, "light", True], f"{address}/search.html") as (page, faults):
        for name, word in wanted:
            found = results(page, address, word)
            assert any(f"/{name}.html" in link for link in found), (name, word, found)
        assert not faults
