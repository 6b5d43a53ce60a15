"""No term is used before it is introduced, and every term is in the glossary."""

import re
from collections import Counter

import nbformat
import pytest
import yaml
from conftest import ROOT

GLOSSARY = (ROOT / "appendix" / "glossary.md").read_text(encoding="utf-8")
ALIASES = {"relative entropy": "KL divergence"}
NOT_PROSE = re.compile(r"(?<!`)`[^`\n]+`(?!`)|\{\w+\}|\(claim-[\w-]+\)=")


def pages():
    """The pages of the chapters in the order of the table of contents."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    for chapter in contents["parts"][0]["chapters"]:
        yield chapter["file"]
        yield from (section["file"] for section in chapter.get("sections", []))


def terms():
    """The glossary's terms: its lines that are not indented."""
    listed = re.search(r"```\{glossary\}\n(.*?)```", GLOSSARY, re.S)[1]
    return [line for line in listed.splitlines() if line and not line.startswith((" ", ":"))]


def read(page):
    """What a page requires and introduces, and its prose."""
    notebook = nbformat.read(ROOT / f"{page}.ipynb", as_version=4)
    prose = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    course = notebook.metadata["course"]
    return course["requires"], course["introduces"], NOT_PROSE.sub(" ", prose)


def uses(prose, term):
    for alias, meant in ALIASES.items():
        prose = prose.replace(alias, meant)
    return re.search(rf"(?<![\w-]){re.escape(term)}(?![\w-])", prose.replace("\n", " "), re.I)


def faults(requires, introduces, prose, known, vocabulary):
    """What a page does wrong, given the terms known before it."""
    for term in requires:
        if term not in known:
            yield f"requires '{term}', which no earlier page introduces"
    for term in introduces:
        if term not in vocabulary:
            yield f"introduces '{term}', which is not in the glossary"
        if not uses(prose, term):
            yield f"introduces '{term}' but never uses the word"
    for term in vocabulary:
        if uses(prose, term) and term not in {*requires, *introduces, *known}:
            yield f"uses '{term}' before it is introduced"


@pytest.mark.parametrize("page", list(pages()))
def test_terms_are_introduced_before_they_are_used(page):
    order = list(pages())
    earlier = [read(before)[1] for before in order[: order.index(page)]]
    known = {term for introduced in earlier for term in introduced}
    assert list(faults(*read(page), known, terms())) == []


def test_core_pages_require_nothing_of_further_pages():
    known = set()
    for page in pages():
        if page.count("/") == 1:
            requires, introduces, _ = read(page)
            assert set(requires) <= known, page
            known |= set(introduces)


def test_every_term_is_introduced_once():
    counts = Counter(term for page in pages() for term in read(page)[1])
    assert counts == dict.fromkeys(terms(), 1)


def test_a_term_out_of_order_is_found():
    found = list(faults(["b"], ["c"], "we use a and c", set(), ["a", "b", "c"]))
    assert found == [
        "requires 'b', which no earlier page introduces",
        "uses 'a' before it is introduced",
    ]
