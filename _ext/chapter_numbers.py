"""Number a chapter by its file name: ``chapters/10_vae`` is chapter 10 whatever stands before it.

Sphinx counts the pages of the table of contents. Chapters are not written in order, and theorem
3.2 must stay theorem 3.2 when chapter 2 appears.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from docutils import nodes
from renewal import metadata
from sphinx.environment.collectors.toctree import TocTreeCollector
from sphinx_external_toc.collectors import TocTreeCollectorWithStyles

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

CHAPTER = re.compile(r"chapters/(?:further/|exercises/)?(\d\d)_")


def renumber(holder: dict[str, Any] | nodes.Element, key: str, chapter: int) -> None:
    """Replace the first part of a section number, if there is one."""
    if number := holder.get(key):
        holder[key] = type(number)((chapter, *number[1:]))


def assign_section_numbers(self: TocTreeCollector, env: BuildEnvironment) -> list[str]:
    """Count as Sphinx does, then put in the chapters' own numbers; return the changed pages."""
    before = env.toc_secnumbers
    TocTreeCollector.assign_section_numbers(self, env)
    for page, numbers in env.toc_secnumbers.items():
        if match := CHAPTER.match(page):
            chapter = int(match[1])
            renumber(env.titles[page], "secnumber", chapter)
            for anchor in numbers:
                renumber(numbers, anchor, chapter)
            for reference in env.tocs[page].findall(nodes.reference):
                renumber(reference, "secnumber", chapter)
    return [page for page, numbers in env.toc_secnumbers.items() if numbers != before.get(page)]


def setup(app: Sphinx) -> dict[str, Any]:
    """Take the place of sphinx-external-toc's numbering, which is for Roman and letter styles."""
    TocTreeCollectorWithStyles.assign_section_numbers = assign_section_numbers
    return metadata(__file__)
