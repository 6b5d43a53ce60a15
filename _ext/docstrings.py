"""Numpydoc docstrings on the pages of the library's reference.

Every docstring has its own ``.. [1]``; on one page they would be footnotes of the same name. Here
they become a plain list, and ``[1]_`` a plain number. The fields of a result, which its class
describes under *Attributes*, are not described a second time. A module's docstring is followed by
a table of its public names, and the docstring of a mapping of f-divergences by a table of them.

Docstrings say everything, so that Sphinx need not take the sources apart as well, which costs half
a second a module; only the docstrings of data, which Python forgets, are read from the source.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from docutils import nodes
from family import table_of_family
from renewal import metadata
from sphinx.errors import PycodeError
from sphinx.pycode import ModuleAnalyzer
from sphinx.util import inspect
from sphinx.util.docutils import SphinxDirective
from sphinx.util.inspect import stringify_signature

import divkit

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


def append_tables(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]
) -> None:
    """Below a module's docstring its names, below the family its members."""
    if what == "module":
        del lines[:2]  # the page begins with a summary of its own
        docs = DataDocstrings(name).attr_docs
        lines += list_table("names", ["Name", "What it is"], rows_of_module(thing, docs))
    elif name == "divkit.fdivergence.FAMILY":
        lines += list_table("names", *table_of_family(thing))


def rows_of_module(module: Any, docs: dict[tuple[str, str], list[str]]) -> Iterator[list[str]]:
    """Every public name as a link, and the first line of its docstring."""
    for name in module.__all__:
        lines = docs.get(("", name)) or (getattr(module, name).__doc__ or "").strip().splitlines()
        yield [f":py:obj:`~{module.__name__}.{name}`", lines[0]]


class Modules(SphinxDirective):
    """A table of the library's modules: a link to the page, the first line of the docstring."""

    def run(self) -> list[nodes.Node]:
        table = list_table("names", ["Module", "What it is about"], self.rows())
        return self.parse_text_to_nodes("\n".join(table))

    def rows(self) -> Iterator[list[str]]:
        for name in divkit.__all__:
            source = Path(find_spec(f"divkit.{name}").origin)
            self.env.note_dependency(str(source))
            summary = ast.get_docstring(ast.parse(source.read_text("utf-8"))) or ""
            yield [f":doc:`{name} <api/{name}>`", summary.partition("\n")[0]]


def own_signature(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, arguments: str, returns: str
) -> tuple[str, str] | None:
    """Return the parameters of ``__init__``, which a stand-in for Keras' classes would hide."""
    if what != "class" or arguments != "(*args, **kwargs)":
        return None
    signature = inspect.signature(thing.__init__, bound_method=True)
    return stringify_signature(signature, show_annotation=False), returns


def list_table(name: str, header: list[str], rows: Iterator[list[str]]) -> Iterator[str]:
    """A table in reStructuredText; the cells are reStructuredText too."""
    yield from ("", ".. list-table::", "   :header-rows: 1", f"   :class: {name}", "")
    for row in (header, *rows):
        for place, cell in enumerate(row):
            yield f"   {' ' if place else '*'} - {cell}"
    yield ""


class DataDocstrings:
    """In place of Sphinx's analyzer: the strings that stand below a module's data."""

    # Signatures say the rest, in the order of ``__all__``.
    overloads = annotations = finals = tagorder = MappingProxyType({})

    def __init__(self, module: str) -> None:
        if not module.startswith("divkit."):
            raise PycodeError(f"{module} is no module of the library")
        self.srcname = str(import_module(module).__file__)
        body = ast.parse(Path(self.srcname).read_text("utf-8")).body
        self.attr_docs = {
            ("", target): [*after.value.value.strip().splitlines(), ""]
            for before, after in pairwise(body)
            for target in assigned(before)
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
        }

    def find_attr_docs(self) -> dict[tuple[str, str], list[str]]:
        return self.attr_docs

    def analyze(self) -> None:
        """There is nothing more to find."""


def assigned(statement: ast.stmt) -> list[str]:
    """The name that a statement of a module gives a value."""
    if isinstance(statement, ast.AnnAssign):
        return [ast.unparse(statement.target)]
    return [ast.unparse(t) for t in statement.targets] if isinstance(statement, ast.Assign) else []


def setup(app: Sphinx) -> dict[str, Any]:
    """Work around napoleon, which takes docstrings at the default priority, 500."""
    ModuleAnalyzer.for_module = DataDocstrings
    app.connect("autodoc-process-docstring", plain_references, priority=400)
    app.connect("autodoc-process-docstring", append_tables, priority=600)
    app.add_directive("modules", Modules)
    app.connect("autodoc-process-signature", own_signature)
    app.connect("autodoc-skip-member", skip_fields)
    return metadata(__file__)
