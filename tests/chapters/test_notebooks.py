"""The notebooks keep the house's rules: executed, short, tagged from a closed list, described."""

import ast
import re
import tomllib
from collections import Counter

import claims
import nbformat
from conftest import CHAPTERS, NOTEBOOKS, ROOT

TAGS = {"hide-input", "hide-cell", "photograph", "training-figure", "nbval-ignore-output"}
LONGEST_CELL = 15
LONGEST_FUNCTION = 8
SHORTEST_ALT_TEXT = 40
# Checks that shall fail: no plan, a law far from every minimum, a step too long.
MEANT_TO_FAIL = {
    "09_wasserstein": 1,
    "exercises/04_cross_entropy": 3,
    "exercises/06_gaussian_kl": 3,
    "further/08_f_gan": 3,
}


def tags(cell):
    return set(cell.metadata.get("tags", []))


def mime_types(cell):
    return {mime for output in cell.outputs for mime in output.get("data", {})}


def has_figure(cell):
    return any(mime.startswith("image/") for mime in mime_types(cell))


def described(cell):
    """Caption and alt text of a figure cell."""
    options = cell.metadata.get("mystnb", {})
    return options.get("figure", {}).get("caption", ""), options.get("image", {}).get("alt", "")


def all_cells():
    for path in NOTEBOOKS:
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                yield path, cell


def test_every_code_cell_was_executed_once_and_in_order(code_cells):
    counts = [cell.execution_count for cell in code_cells]
    assert counts == list(range(1, len(code_cells) + 1))


def test_no_cell_failed_or_wrote_to_stderr(code_cells):
    for cell in code_cells:
        for output in cell.outputs:
            assert output.output_type != "error", cell.source
            assert output.get("name") != "stderr", cell.source


def test_only_what_is_meant_to_fail_prints_false(path, code_cells):
    page = path.relative_to(CHAPTERS).with_suffix("").as_posix()
    failed = re.findall(r"\bFalse\b", "\n".join(claims.output_text(c) for c in code_cells))
    assert len(failed) == MEANT_TO_FAIL.get(page, 0)


def test_tags_come_from_the_closed_list(notebook):
    for cell in notebook.cells:
        unknown = {t for t in tags(cell) - TAGS if not re.fullmatch(r"claim-[a-z0-9-]+", t)}
        assert not unknown, f"unknown tags {unknown}: see CONTRIBUTING.md"


def test_cells_are_short(code_cells):
    for cell in code_cells:
        assert len(cell.source.splitlines()) <= LONGEST_CELL, cell.source


def test_functions_are_short(code_cells):
    for cell in code_cells:
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.FunctionDef):
                length = node.end_lineno - node.lineno + 1
                assert length <= LONGEST_FUNCTION, f"move {node.name} to divkit"


def test_no_cell_ends_in_a_semicolon(code_cells):
    for cell in code_cells:
        assert not cell.source.rstrip().endswith(";"), cell.source


def test_no_output_betrays_an_address_or_a_path(code_cells):
    for cell in code_cells:
        for output in cell.outputs:
            text = output.get("text", "") + output.get("data", {}).get("text/plain", "")
            if text.startswith("<Figure size"):
                continue
            assert not re.search(r"0x[0-9a-f]{6,}|/(home|root|tmp|Users)/", text), text


def test_figures_have_a_caption_and_an_alt_text_of_their_own(code_cells):
    for cell in filter(has_figure, code_cells):
        caption, alt = described(cell)
        assert caption, f"no caption:\n{cell.source}"
        assert len(alt) >= SHORTEST_ALT_TEXT, f"alt text too short: {alt!r}"
        assert alt.strip(". ") != caption.strip(". ")


def test_no_alt_text_serves_two_figures():
    alts = Counter(described(cell)[1] for _, cell in all_cells() if has_figure(cell))
    assert [alt for alt, count in alts.items() if count > 1] == []


def test_bitmaps_stand_only_in_photographs_and_training_figures(code_cells):
    for cell in code_cells:
        bitmaps = mime_types(cell) & {"image/png", "image/jpeg"}
        assert not bitmaps or tags(cell) & {"photograph", "training-figure"}, cell.source


def test_uncompared_cells_are_of_training_and_within_the_budget():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    uncompared = [c for _, c in all_cells() if "nbval-ignore-output" in tags(c)]
    assert len(uncompared) <= settings["tool"]["course"]["uncompared-cells"]
    assert all("training-figure" in tags(cell) for cell in uncompared)
