"""What every test of the chapters shares: the notebooks, read once."""

import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = ROOT / "chapters"
NOTEBOOKS = sorted(CHAPTERS.rglob("*.ipynb"))
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "_ext")]


def pytest_generate_tests(metafunc):
    """A test that asks for `path` runs once for every notebook."""
    if "path" in metafunc.fixturenames:
        names = [str(notebook.relative_to(CHAPTERS)) for notebook in NOTEBOOKS]
        metafunc.parametrize("path", NOTEBOOKS, ids=names)


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


@pytest.fixture
def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]
