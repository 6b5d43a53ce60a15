"""Pages read from the disk, without scripts, on a slow line, and found by search."""

import re
from pathlib import Path

import pytest
from book_pages import CHAPTERS, PAGES, TOC
from playwright.sync_api import Page
from reading import UNSEEN, WIDTHS, layout_faults, opened

MAX_SHIFT = 0.02
TWO_LINES = 60  # pixels: a line may break elsewhere once its font is there

SHIFT = """new Promise(done => new PerformanceObserver(list => done(
  list.getEntries().reduce((sum, entry) => sum + (entry.hadRecentInput ? 0 : entry.value), 0)
)).observe({type: "layout-shift", buffered: true}) ?? setTimeout(() => done(0), 300))"""


@pytest.mark.parametrize("page_name", PAGES)
def test_a_page_is_sound_from_the_disk(page_name: str, site: Path, contexts) -> None:
    address = (site / f"{page_name}.html").as_uri()
    with opened(contexts[390, "dark", True], address) as (page, faults):
        for width in sorted(WIDTHS):
            page.set_viewport_size({"width": width, "height": 844})
            faults += layout_faults(page, f" at {width} px")
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        assert not faults, "\n".join(faults)


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


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("page_name", CHAPTERS)
def test_a_chapter_does_not_jump_while_it_loads(
    page_name: str, width: int, slow_server: str, browser
) -> None:
    """Its files arrive one after the other, and nothing is in the cache yet."""
    context = browser.new_context(viewport={"width": width, "height": 844})
    page = context.new_page()
    page.goto(f"{slow_server}/{page_name}.html")
    page.evaluate("document.fonts.ready.then(() => {})")
    page.wait_for_timeout(500)
    shift = page.evaluate(SHIFT)
    context.close()
    assert shift <= MAX_SHIFT


# Half a screen further, seen by the reader before the next.
SCROLL = """new Promise(seen => {
  scrollBy(0, 500);
  requestAnimationFrame(() => requestAnimationFrame(seen));
})"""

# Where each paragraph is, once the page is at rest.
AT_REST = """async () => {
  const all = [...document.querySelectorAll("article :is(p, section[id])")];
  for (let tops, before; ; before = String(tops)) {
    tops = all.map(one => one.getBoundingClientRect().top);
    if (String(tops) === before) return tops;
    await new Promise(done => setTimeout(done, 500));
  }
}"""


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("page_name", CHAPTERS)
def test_links_and_reloading_lead_to_the_place(
    page_name: str, width: int, server: str, contexts
) -> None:
    """Although what lies far below is laid out late."""
    page = contexts[width, "light", True].new_page()
    address = f"{server}/{page_name}.html"
    top = "id => document.getElementById(id).getBoundingClientRect().top"
    page.goto(address)
    anchors = page.eval_on_selector_all("article section[id]", "all => all.map(one => one.id)")
    for anchor in anchors[-1:2:-7]:
        page.goto("about:blank")
        page.goto(f"{address}#{anchor}")
        assert -5 < page.evaluate(top, anchor) < 844, f"entered: {anchor}"
        page.goto(address)
        page.evaluate("id => location.hash = id", anchor)
        assert -5 < page.evaluate(top, anchor) < 844, f"followed: {anchor}"
    page.goto("about:blank")
    page.goto(address)
    for _ in range(20):
        page.evaluate(SCROLL)
    before = page.evaluate(AT_REST)
    page.reload()
    after = page.evaluate(AT_REST)
    first = next(number for number, top in enumerate(before) if top > 0)
    assert after[first] == pytest.approx(before[first], abs=TWO_LINES)
    page.close()


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
