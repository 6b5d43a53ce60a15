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
THUMBNAIL = 320  # pixels, the width of a page in a contact sheet
SHEETS = ROOT / "_build" / "contact-sheets"


def photograph(page: Page, folder: Path, name: str) -> None:
    """A reduced picture of the whole page, for the contact sheets."""
    page.evaluate("document.querySelectorAll('img').forEach(image => image.loading = 'eager')")
    page.wait_for_function("[...document.images].every(image => image.complete)")
    picture = Image.open(io.BytesIO(page.screenshot(full_page=True, type="jpeg")))
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
                if (width, theme) in WITH_AXE:
                    faults += axe_faults(page)
                if (width, theme) in PHOTOGRAPHED:
                    place = f"{PAGES.index(page_name):02d}"
                    photograph(page, photographs / f"{theme}-{width}", place)
                page.evaluate("document.documentElement.style.fontSize = '200%'")
                faults += layout_faults(page, " at 200 % text size")
                found += [f"{width} px, {theme}: {fault}" for fault in faults]
    assert not found, "\n".join(found)
