"""Numpydoc docstrings on one page.

Every docstring has its own ``.. [1]``; on the API page they would be footnotes of the same name.
Here they become a plain list, and ``[1]_`` a plain number. And the fields of a result, which its
class describes under *Attributes*, are not described a second time. Docstrings say everything, so
that Sphinx need not take the sources apart as well, which costs half a second a module.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from renewal import metadata
from sphinx.errors import PycodeError
from sphinx.pycode import ModuleAnalyzer

if TYPE_CHECKING:
    from sphinx.application import Sphinx

CITED = re.compile(r"\[(\d+)\]_")
LISTED = re.compile(r"^(\s*)\.\. \[(\d+)\] (.*)")


def plain_references(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """Rewrite the lines of a docstring in place."""
    for place, line in enumerate(lines):
        lines[place] = CITED.sub(r"[\1]", LISTED.sub(r"\1\2. \3", line))


def skip_fields(
    app: Sphinx, what: str, name: str, thing: Any, skip: bool, options: Any
) -> bool | None:
    """Leave out what is data of a class, neither a function nor a property."""
    is_field = what == "class" and not (callable(thing) or hasattr(thing, "__func__"))
    return True if is_field and not isinstance(thing, property) else None


def leave_sources(module: str) -> ModuleAnalyzer:
    """Tell autodoc that there is no source to read."""
    raise PycodeError(f"the docstrings of {module} are enough")


def setup(app: Sphinx) -> dict[str, Any]:
    """Run before napoleon, which takes docstrings at the default priority."""
    ModuleAnalyzer.for_module = leave_sources
    app.connect("autodoc-process-docstring", plain_references, priority=400)
    app.connect("autodoc-skip-member", skip_fields)
    return metadata(__file__)
