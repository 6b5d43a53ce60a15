"""What the extensions promise about the built files, without a browser."""

import re
from collections import Counter
from html import unescape
from pathlib import Path

import nbformat
import pytest
from book_pages import PAGES, ROOT, TOC

CHAPTER_PAGE = re.compile(r"chapters/(?:further/|exercises/)?(\d\d)_")
FIGURE = re.compile(r"<svg [^>]*class=\"figure\".*?</svg>", re.S)


@pytest.fixture(params=PAGES)
def page(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def html(site: Path, page: str) -> str:
    return (site / f"{page}.html").read_text("utf-8")


def test_a_page_asks_for_one_style_sheet_and_waits_for_no_script(html: str) -> None:
    assert html.count('rel="stylesheet"') == 1
    scripts = re.findall(r"<script [^>]*src=[^>]*>", html)
    assert scripts
    assert [tag for tag in scripts if " defer" not in tag] == []


def test_a_page_has_a_description(html: str) -> None:
    found = re.findall(r"<meta[^>]*name=\"description\"[^>]*>", html)
    assert len(found) == 1
    text = re.search(r"content=\"([^\"]*)\"", found[0])[1]
    assert 50 <= len(text) <= 160


def test_no_two_things_on_a_page_share_an_id(html: str) -> None:
    counts = Counter(re.findall(r"\sid=\"([^\"]*)\"", html))
    assert [name for name, count in counts.items() if count > 1] == []


def test_figures_take_their_colours_from_the_page_and_say_what_they_show(html: str) -> None:
    for figure in FIGURE.findall(html):
        label = re.search(r"role=\"img\" aria-label=\"([^\"]*)\"", figure)
        assert label is not None
        assert len(label[1]) >= 40
        assert not re.search(r"#000000|#ffffff|<style|<metadata|base64,[^\"]{5000}", figure)


@pytest.mark.parametrize("name", [page for page in TOC if CHAPTER_PAGE.match(page)])
def test_numbers_begin_with_the_chapter_of_the_file_name(name: str, site: Path) -> None:
    chapter = str(int(CHAPTER_PAGE.match(name)[1]))
    text = (site / f"{name}.html").read_text("utf-8")
    article = re.search(r"<article.*?</article>", text, re.S)[0]
    numbers = re.findall(r"class=\"(?:section|caption)-number\">\D*(\d+)\.", article)
    numbers += re.findall(r"class=\"eqno\">\((\d+)\.", article)
    assert set(numbers) == {chapter}


def test_the_site_ships_nothing_that_no_page_asks_for(site: Path) -> None:
    shipped = {path.name for path in site.rglob("*") if path.is_file()}
    assert not [name for name in shipped if name.endswith((".map", ".ttf", ".woff"))]
    assert not shipped & {"fontawesome.js", "katex.min.js", "require.min.js"}


@pytest.mark.parametrize("name", [page for page in TOC if CHAPTER_PAGE.match(page)])
def test_every_term_is_in_the_index_with_a_link_to_where_it_is_introduced(
    name: str, site: Path
) -> None:
    terms = nbformat.read(ROOT / f"{name}.ipynb", as_version=4).metadata["course"]["introduces"]
    index = unescape((site / "genindex.html").read_text("utf-8"))
    text = (site / f"{name}.html").read_text("utf-8")
    for term in terms:
        entry = re.search(rf"<li>.*<strong>{re.escape(term)}</strong>.*", index)
        anchor = re.search(rf"href=\"{re.escape(name)}\.html#([^\"]*)\"", entry[0])
        assert f'id="{anchor[1]}"' in text
