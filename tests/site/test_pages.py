"""Every page from a server: wide and narrow, light and dark; and the contact sheets of all."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from book_pages import PAGES, ROOT, new_context
from PIL import Image
from playwright.sync_api import Browser, Page, Request
from reading import THEMES, axe_faults, layout_faults, opened, show

PHOTOGRAPHED = {(1280, "light"), (1280, "dark"), (390, "light")}
THUMBNAILS = {1280: 320, 390: 160}  # pixels, the width of a page in a contact sheet
TALLEST = 2000  # of a page's picture: the rest of a longer one is cut off
SHEETS = ROOT / "_build" / "contact-sheets"
MAX_KILOBYTES = 260


@dataclass
class Visit:
    """What was found on one page."""

    photograph: str
    themes: list[tuple[str, str]] = field(default_factory=list)  # the system's, the page's
    bytes: int = 0  # of a first visit on a phone
    faults: list[str] = field(default_factory=list)  # layout, requests, scripts
    axe: list[str] = field(default_factory=list)


def photograph(page: Page, width: int, file: Path) -> None:
    """A reduced picture of the page, for the contact sheets; all of it laid out meanwhile."""
    page.evaluate("document.documentElement.dataset.whole = ''")
    page.evaluate("document.querySelectorAll('img').forEach(image => image.loading = 'eager')")
    page.wait_for_function("[...document.images].every(image => image.complete)")
    scale = THUMBNAILS[width] / width
    height = min(page.evaluate("document.documentElement.scrollHeight"), TALLEST / scale)
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": scale}
    session = page.context.new_cdp_session(page)
    answer = session.send(
        "Page.captureScreenshot", {"format": "png", "clip": clip, "captureBeyondViewport": True}
    )
    session.detach()
    page.evaluate("delete document.documentElement.dataset.whole")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(base64.b64decode(answer["data"]))


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Contact sheets: all pages side by side, one sheet for each look."""
    folder = tmp_path_factory.mktemp("photographs")
    yield folder
    SHEETS.mkdir(parents=True, exist_ok=True)
    for look in sorted(folder.iterdir()):
        pictures = [Image.open(file) for file in sorted(look.iterdir())]
        height = max(picture.height for picture in pictures)
        width = pictures[0].width + 12
        sheet = Image.new("RGB", (len(pictures) * width, height), "#808080")
        for place, picture in enumerate(pictures):
            sheet.paste(picture, (place * width, 0))
        sheet.save(SHEETS / f"{look.name}.png")


def look_at(page: Page, width: int, theme: str, found: Visit, photographs: Path) -> None:
    """Write down what is wrong with a loaded page in both themes, and in twice the size of text."""
    found.themes.append((theme, page.evaluate("document.documentElement.dataset.theme")))
    for shown in sorted(THEMES, key=lambda other: other != theme):
        show(page, shown)
        found.faults += layout_faults(page, f" at {width} px, {shown}")
        if (width, shown) in PHOTOGRAPHED:
            photograph(page, width, photographs / f"{shown}-{width}" / found.photograph)
    show(page, theme, "200%")
    found.faults += layout_faults(page, f" at {width} px, {theme}, 200 % text size")
    found.axe += [f"{width} px, {theme}: {fault}" for fault in axe_faults(page, theme)]


@pytest.fixture(scope="module", params=PAGES)
def visit(request, server: str, browser: Browser, contexts, photographs: Path) -> Visit:
    """A page is loaded once on a desk and once on a phone, and there looked at in many ways."""
    address = f"{server}/{request.param}.html"
    found = Visit(f"{PAGES.index(request.param):02d}.png")
    with opened(contexts[1280, "light", True], address) as (page, faults):
        look_at(page, 1280, "light", found, photographs)
        found.faults += faults
    phone = new_context(browser, 390, "dark")  # which comes for the first time
    asked: list[Request] = []
    phone.on("requestfinished", lambda request: asked.append(request))
    with opened(phone, address, "networkidle") as (page, faults):
        found.bytes = sum(map(weight, asked))
        look_at(page, 390, "dark", found, photographs)
        found.faults += faults
    phone.close()
    return found


def weight(request: Request) -> int:
    sizes = request.sizes()
    return sizes["responseHeadersSize"] + sizes["responseBodySize"]


def test_a_page_follows_the_theme_of_the_system(visit: Visit) -> None:
    assert visit.themes == [("light", "light"), ("dark", "dark")]


def test_the_first_view_is_light(visit: Visit) -> None:
    assert 0 < visit.bytes / 1000 <= MAX_KILOBYTES


def test_a_page_is_sound_on_every_screen_in_both_themes_and_with_large_text(visit: Visit) -> None:
    assert not visit.faults, "\n".join(visit.faults)


def test_axe_finds_nothing_wrong(visit: Visit) -> None:
    assert not visit.axe, "\n".join(visit.axe)
