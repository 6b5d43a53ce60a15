"""Every page from a server: wide and narrow, light and dark; and the contact sheets of all."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from book_pages import PAGES, ROOT
from PIL import Image
from playwright.sync_api import Page
from reading import THEMES, WIDTHS, axe_faults, layout_faults, opened

# Rules about names and roles do not depend on the width, rules about colour not on the place.
WITH_AXE = {(1280, "light"), (390, "dark")}
PHOTOGRAPHED = {(1280, "light"), (1280, "dark"), (390, "light")}
THUMBNAILS = {1280: 320, 390: 160}  # pixels, the width of a page in a contact sheet
TALLEST = 4000  # of a page's picture: the rest of a longer one is cut off
SHEETS = ROOT / "_build" / "contact-sheets"


def photograph(page: Page, width: int, file: Path) -> None:
    """A reduced picture of the whole page, for the contact sheets."""
    page.evaluate("document.querySelectorAll('img').forEach(image => image.loading = 'eager')")
    page.wait_for_function("[...document.images].every(image => image.complete)")
    picture = Image.open(io.BytesIO(page.screenshot(full_page=True, type="jpeg")))
    small = THUMBNAILS[width]
    picture = picture.resize((small, round(picture.height * small / picture.width)))
    file.parent.mkdir(parents=True, exist_ok=True)
    picture.crop((0, 0, small, min(picture.height, TALLEST))).save(file)


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
                if (width, theme) in WITH_AXE:
                    faults += axe_faults(page)
                if (width, theme) in PHOTOGRAPHED:
                    name = f"{PAGES.index(page_name):02d}.png"
                    photograph(page, width, photographs / f"{theme}-{width}" / name)
                page.evaluate("document.documentElement.style.fontSize = '200%'")
                faults += layout_faults(page, " at 200 % text size")
                found += [f"{width} px, {theme}: {fault}" for fault in faults]
    assert not found, "\n".join(found)
