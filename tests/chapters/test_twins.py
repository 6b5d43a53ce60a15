"""Text and notebook are the same document."""

import notebooks
import pytest


def difference(text, notebook):
    """What to do if the two differ, else None."""
    if text.read_text(encoding="utf-8") == notebooks.as_text(notebook):
        return None
    chapter = text.stem[:2]
    return (
        f"{text.name} and {notebook.name} differ. If you edited the text, run "
        f"`make notebooks CHAPTER={chapter}`; if the notebook, `make text CHAPTER={chapter}`."
    )


def test_every_text_has_a_notebook_and_every_notebook_a_text():
    texts = set(notebooks.TEXTS.rglob("*.md"))
    twins = set(notebooks.CHAPTERS.rglob("*.ipynb"))
    assert texts, "no chapters found"
    assert {notebooks.notebook_of(text) for text in texts} == twins


def test_text_and_notebook_say_the_same(path):
    assert difference(notebooks.text_of(path), path) is None


@pytest.mark.parametrize("edited", ["text", "notebook"])
def test_a_stale_twin_is_found_and_the_remedy_named(tmp_path, edited):
    source = min(notebooks.TEXTS.rglob("*.md"))
    text, notebook = tmp_path / source.name, tmp_path / source.with_suffix(".ipynb").name
    text.write_bytes(source.read_bytes())
    notebook.write_bytes(notebooks.notebook_of(source).read_bytes())
    assert difference(text, notebook) is None
    stale = {"text": text, "notebook": notebook}[edited]
    stale.write_text(stale.read_text(encoding="utf-8").replace("the", "thee", 1), encoding="utf-8")
    assert "make notebooks CHAPTER=" in difference(text, notebook)
    assert "make text CHAPTER=" in difference(text, notebook)
