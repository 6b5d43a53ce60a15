"""Keep the chapters' texts (MyST, edited) and notebooks (outputs, read) in step.

    python tools/notebooks.py run [--force] [03 ...]   execute what changed, store the outputs
    python tools/notebooks.py text [03 ...]            write the texts after work in JupyterLab

A notebook remembers under `verified` what it was computed from: the text's code, the lock file
and divkit. `run` executes it again only when one of them has changed; new prose is carried over.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import jupytext
import nbformat
from jupytext.cli import jupytext as jupytext_command
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = ROOT / "chapters"
TEXTS = CHAPTERS / "text"
CELL_SECONDS = 600


def text_of(notebook: Path) -> Path:
    """The text a notebook is made from."""
    return (TEXTS / notebook.relative_to(CHAPTERS)).with_suffix(".md")


def notebook_of(text: Path) -> Path:
    """The notebook made from a text."""
    return (CHAPTERS / text.relative_to(TEXTS)).with_suffix(".ipynb")


def texts(selected: list[str]) -> Iterator[Path]:
    """All texts, or those whose file name starts with one of `selected`."""
    found = sorted(TEXTS.rglob("*.md"), key=lambda text: (text.name[:2], len(text.parts)))
    chosen = [t for t in found if not selected or t.name.startswith(tuple(selected))]
    if not chosen:
        names = ", ".join(text.stem for text in found)
        raise SystemExit(f"no chapter starts with {' or '.join(selected)}; there are: {names}")
    yield from chosen


def as_text(notebook: Path) -> str:
    """The notebook as MyST text, in the one canonical form that is committed."""
    return jupytext.writes(nbformat.read(notebook, as_version=4), fmt="md:myst")


def update_from_text(text: Path, notebook: Path) -> None:
    """Carry the text's changes into the notebook; unchanged cells keep ids and outputs."""
    notebook.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.redirect_stdout(io.StringIO()):
        jupytext_command(["--update", "--to", "ipynb", "--output", str(notebook), str(text)])
    text.write_text(as_text(notebook), encoding="utf-8")


def fingerprint(content: NotebookNode) -> str:
    """A digest of all that decides a notebook's outputs: its code, the lock and divkit."""
    code = "\0".join(cell.source for cell in content.cells if cell.cell_type == "code")
    digest = hashlib.sha256(code.encode())
    for part in [ROOT / "requirements.txt", *sorted((ROOT / "divkit").rglob("*.py"))]:
        digest.update(b"\0" + part.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()[:16]


def execute(notebook: Path, content: NotebookNode) -> None:
    """Run every cell in a fresh kernel and store the outputs, without times."""
    computed_from = fingerprint(content)
    client = NotebookClient(
        content,
        timeout=CELL_SECONDS,
        record_timing=False,
        coalesce_streams=True,  # how the kernel cuts its messages depends on the moment
        extra_arguments=["--log-level=40"],
        resources={"metadata": {"path": str(notebook.parent)}},
    )
    client.execute()
    content.metadata.pop("language_info", None)
    content.metadata["verified"] = computed_from
    nbformat.write(content, notebook)


def run(selected: list[str], force: bool) -> None:
    """Execute the notebooks whose code, lock or divkit has changed."""
    for text in texts(selected):
        notebook = notebook_of(text)
        update_from_text(text, notebook)
        content: NotebookNode = nbformat.read(notebook, as_version=4)
        if content.metadata.get("verified") == fingerprint(content) and not force:
            print(f"{notebook.relative_to(ROOT)}: up to date", flush=True)
            continue
        print(f"{notebook.relative_to(ROOT)}: running ...", end=" ", flush=True)
        started = time.perf_counter()
        try:
            execute(notebook, content)
        except CellExecutionError as error:
            raise SystemExit(f"failed\n{error}") from None
        print(f"{time.perf_counter() - started:.0f} s", flush=True)


def write_texts(selected: list[str]) -> None:
    """Write the text of every notebook that was edited in JupyterLab."""
    for text in texts(selected):
        text.write_text(as_text(notebook_of(text)), encoding="utf-8")
        print(f"{text.relative_to(ROOT)}: written", flush=True)


def main(arguments: list[str]) -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=["run", "text"])
    parser.add_argument("chapters", nargs="*", help="two digits, such as 03; none means all")
    parser.add_argument("--force", action="store_true", help="execute even if nothing changed")
    options = parser.parse_intermixed_args(arguments)
    if options.command == "run":
        run(options.chapters, options.force)
    else:
        write_texts(options.chapters)


if __name__ == "__main__":
    main(sys.argv[1:])
