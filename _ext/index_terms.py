"""Index entries: each term that a page introduces, at the section that explains it.

The terms stand in the page's header under ``course.introduces``; the glossary and the reference of
the library add their own entries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docutils import nodes
from lean_pages import course_of
from renewal import metadata

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def add_entries(app: Sphinx, doctree: nodes.document) -> None:
    """Add an entry for each term; Sphinx has collected its own before."""
    page = app.env.docname
    entries = app.env.get_domain("index").data["entries"].setdefault(page, [])
    for term in course_of(app.env, page).get("introduces", []):
        entries.append(("single", term, section_of(doctree, term), "", None))


def section_of(doctree: nodes.document, term: str) -> str:
    """The anchor of the section in which the term is first set off from the text, or used."""
    emphasised = (n for n in doctree.findall(nodes.Inline) if n.astext().lower() == term.lower())
    used = (n for n in doctree.findall(nodes.Text) if term.lower() in n.astext().lower())
    place = next(emphasised, None) or next(used, None) or next(doctree.findall(nodes.section))
    while not (isinstance(place, nodes.section) and is_of_page(place)):
        place = place.parent
    return place["ids"][0]


def is_of_page(section: nodes.section) -> bool:
    """Whether the section is one of the page; sphinx-proof makes sections inside of theorems."""
    return isinstance(section.parent, nodes.section | nodes.document)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-read", add_entries)
    return metadata(__file__)
