"""The pages of the library's reference: nothing public is missing, and the tables are right."""

import ast
import re
from importlib.util import find_spec
from pathlib import Path

import family
import numpy as np
import pytest
import sympy as sp
from book_pages import TOC

import divkit
from divkit.fdivergence import FAMILY


def public_names(module: str) -> list[str]:
    """The module's ``__all__``, read and not imported: TensorFlow may be missing."""
    source = Path(find_spec(f"divkit.{module}").origin).read_text("utf-8")
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__all__":
            return ast.literal_eval(statement.value)
    raise AssertionError(f"{module} has no __all__")


def table_after(html: str, start: str) -> list[list[str]]:
    """The cells of the first table behind a place."""
    body = re.search(r"<tbody>(.*?)</tbody>", html[html.index(start) :], re.S)[1]
    return [re.findall(r"<td>(.*?)</td>", row, re.S) for row in body.split("</tr>")[:-1]]


def words(html: str) -> str:
    return re.sub(r"<[^>]*>", "", html).strip()


def test_every_module_has_a_page_and_a_line_in_the_table_of_modules(site: Path) -> None:
    pages = [page.rpartition("/")[2] for page in TOC if page.startswith("appendix/api/")]
    assert sorted(pages) == sorted(divkit.__all__)
    entrance = (site / "appendix" / "api.html").read_text("utf-8")
    rows = table_after(entrance, 'id="the-modules"')
    assert [words(name) for name, _ in rows] == divkit.__all__
    assert all(len(words(summary)) > 20 for _, summary in rows)


@pytest.mark.parametrize("module", divkit.__all__)
def test_every_public_name_has_its_place_and_a_line_in_the_table(module: str, site: Path) -> None:
    html = (site / "appendix" / "api" / f"{module}.html").read_text("utf-8")
    names = public_names(module)
    assert [name for name in names if f'id="divkit.{module}.{name}"' not in html] == []
    rows = table_after(html, f'id="module-divkit.{module}"')
    assert [words(name) for name, _ in rows] == names
    links = [re.search(r'href="#([^"]*)"', name)[1] for name, _ in rows]
    assert links == [f"divkit.{module}.{name}" for name in names]
    assert all(len(words(summary)) > 10 for _, summary in rows)


def test_the_family_is_listed_with_its_own_generators_and_constants(site: Path) -> None:
    html = (site / "appendix" / "api" / "fdivergence.html").read_text("utf-8")
    rows = table_after(html, 'id="divkit.fdivergence.FAMILY"')
    assert [words(row[0]) for row in rows] == list(FAMILY)
    for row, member in zip(rows, FAMILY.values(), strict=True):
        written = re.findall(r"<annotation[^>]*>(.*?)</annotation>", "".join(row))
        expressions = family.formula(member.f), *map(family.constant, limits(member))
        assert written == [sp.latex(expression) for expression in expressions]


@pytest.mark.parametrize("name", FAMILY)
def test_a_formula_and_its_constants_have_the_values_of_the_data(name: str) -> None:
    member, t = FAMILY[name], np.array([0.03, 0.5, 1.0, 1.7, 40.0])
    formula = family.formula(member.f)
    (symbol,) = formula.free_symbols
    values = [float(formula.subs(symbol, value)) for value in t]
    np.testing.assert_allclose(values, member.f(t), rtol=1e-12, atol=1e-15)
    constants = [float(family.constant(value)) for value in limits(member)]
    np.testing.assert_allclose(constants, limits(member), rtol=1e-12)
    found = [sp.limit(formula, symbol, 0, "+"), sp.limit(formula / symbol, symbol, sp.oo)]
    np.testing.assert_allclose([float(limit) for limit in found], limits(member), rtol=1e-12)


def limits(member) -> list[float]:
    return [member.at_zero, member.slope]
