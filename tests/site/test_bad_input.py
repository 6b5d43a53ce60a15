"""What must stop a build, and name the page that stops it."""

import shutil
from pathlib import Path

import pytest
from book_pages import ROOT, build

GOOD = """---
myst:
  html_meta:
    description: A page of a book that exists only while a test runs.
---
# A page

Here $D_{\\mathrm{KL}}(p\\,\\|\\,q) \\ge 0$, and
{doc}`other` says more.
"""
UNDESCRIBED = "# Another page\n\nThis one has no header.\n"
FAULTS = {
    "a formula KaTeX cannot read": (GOOD + "\n$\\frac{1}$\n", ("Unexpected end", "\\frac{1}")),
    "an unknown command": (GOOD + "\n$$\n\\Dkl(p)\n$$\n", ("Undefined control", "\\Dkl")),
    "a letter that LaTeX refuses": (GOOD + "\n$é$\n", ("strict mode", "é")),
    "a dead cross-reference": (GOOD + "\nSee {eq}`eq-nowhere`.\n", ("eq-nowhere",)),
    "no description": (UNDESCRIBED, ("no description",)),
    "a picture from elsewhere": (
        GOOD + '\n<img src="https://example.org/a.png" alt="A picture">\n',
        ("foreign host", "https://example.org/a.png"),
    ),
    "a script from elsewhere": (
        GOOD + '\n<script src="//cdn.example.org/a.js"></script>\n',
        ("foreign host", "//cdn.example.org/a.js"),
    ),
}


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A book of two sound pages with the settings and extensions of the course."""
    for name in ("_config.yml", "references.bib"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("_ext", "_static"):
        shutil.copytree(ROOT / name, tmp_path / name)
    toc = "format: jb-book\nroot: index\nchapters:\n  - file: other\n"
    (tmp_path / "_toc.yml").write_text(toc, "utf-8")
    (tmp_path / "index.md").write_text(GOOD, "utf-8")
    (tmp_path / "other.md").write_text(GOOD, "utf-8")
    return tmp_path


def test_a_sound_book_builds_twice_to_the_same_pages(book: Path) -> None:
    def build_pages() -> dict[str, str]:
        result = build(book, book)
        assert result.returncode == 0, result.stderr
        return {p.name: p.read_text("utf-8") for p in (book / "_build" / "html").glob("*.html")}

    pages = build_pages()
    assert "katex-html" in pages["other.html"]
    assert pages["other.html"].count('rel="stylesheet"') == 1
    assert build_pages() == pages
    # One page written anew among pages that are lean already.
    (book / "other.md").write_text(GOOD + "\nMore.\n", "utf-8")
    again = build_pages()
    assert "More." in again["other.html"]
    assert again["index.html"] == pages["index.html"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_stops_the_build_and_the_page_is_named(fault: str, book: Path) -> None:
    text, words = FAULTS[fault]
    (book / "other.md").write_text(text, "utf-8")
    result = build(book, book)
    assert result.returncode != 0
    warnings = [line for line in result.stderr.splitlines() if "WARNING" in line]
    assert any("other.md" in line and all(w in line for w in words) for line in warnings), warnings
    assert not any("index.md" in line for line in warnings)
