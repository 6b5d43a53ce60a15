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

# Warnings of the second kind come when all pages are written. Each kind alone stops a build.
SEEN_BY_SPHINX = {
    "a formula KaTeX cannot read": (GOOD + "\n$\\frac{1}$\n", ("Unexpected end", "\\frac{1}")),
    "an unknown command": (GOOD + "\n$$\n\\Dkl(p)\n$$\n", ("Undefined control", "\\Dkl")),
    "a letter that LaTeX refuses": (GOOD + "\n$é$\n", ("strict mode", "é")),
    "a dead cross-reference": (GOOD + "\nSee {eq}`eq-nowhere`.\n", ("eq-nowhere",)),
    "no description": (UNDESCRIBED, ("no description",)),
}
SEEN_AT_THE_END = {
    "a picture from elsewhere": (
        GOOD + '\n<img src="https://example.org/a.png" alt="A picture">\n',
        ("foreign host", "https://example.org/a.png"),
    ),
    "a script from elsewhere": (
        GOOD + '\n<script src="//cdn.example.org/a.js"></script>\n',
        ("foreign host", "//cdn.example.org/a.js"),
    ),
}
KINDS = {"seen by Sphinx": SEEN_BY_SPHINX, "seen at the end": SEEN_AT_THE_END}


def write_book(folder: Path, pages: dict[str, str]) -> Path:
    """A book of these pages with the settings and extensions of the course."""
    for name in ("_config.yml", "references.bib"):
        shutil.copy(ROOT / name, folder)
    for name in ("_ext", "_static"):
        shutil.copytree(ROOT / name, folder / name)
    names = "".join(f"  - file: {name}\n" for name in pages)
    (folder / "_toc.yml").write_text(f"format: jb-book\nroot: index\nchapters:\n{names}", "utf-8")
    (folder / "index.md").write_text(GOOD.replace("`other`", f"`{next(iter(pages))}`"), "utf-8")
    for name, text in pages.items():
        (folder / f"{name}.md").write_text(text.replace("`other`", "`index`"), "utf-8")
    return folder


def test_a_sound_book_builds_twice_to_the_same_pages(tmp_path: Path) -> None:
    book = write_book(tmp_path, {"other": GOOD})

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


@pytest.fixture(scope="module", params=KINDS)
def built(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[int, dict[str, list[str]]]:
    """The exit code of a book of faulty pages, and the warnings that name each page."""
    faults = KINDS[request.param]
    pages = {f"page{place}": text for place, (text, _) in enumerate(faults.values())}
    book = write_book(tmp_path_factory.mktemp("book"), pages)
    result = build(book, book)
    warnings = [line for line in result.stderr.splitlines() if "WARNING" in line]
    named = {
        name: [line for line in warnings if f"{name}.md" in line] for name in ("index", *pages)
    }
    return result.returncode, named


def test_faults_stop_the_build_and_every_page_is_named(
    built: tuple[int, dict[str, list[str]]], request: pytest.FixtureRequest
) -> None:
    code, (sound, *named) = built[0], built[1].values()
    faults = KINDS[request.node.callspec.params["built"]]
    assert code != 0
    assert sound == []
    for (fault, (_, words)), lines in zip(faults.items(), named, strict=True):
        assert any(all(word in line for word in words) for line in lines), (fault, lines)
