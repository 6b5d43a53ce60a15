"""The pages of the book, and how it is built."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]


def toc_pages(entry: dict) -> Iterator[str]:
    """Every page below an entry of the table of contents."""
    if "root" in entry or "file" in entry:
        yield entry.get("root") or entry["file"]
    for key in ("parts", "chapters", "sections"):
        for child in entry.get(key, []):
            yield from toc_pages(child)


TOC = list(toc_pages(yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))))
PAGES = [*TOC, "search"]
CHAPTERS = [page for page in TOC if page.startswith("chapters/") and page.count("/") == 1]


def offline() -> list[str]:
    """The prefix of a command that shall have no network, where the system allows that."""
    prefix = ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") is None:
        return []
    return [] if subprocess.run([*prefix, "true"], capture_output=True).returncode else prefix


def build(source: Path, output: Path) -> subprocess.CompletedProcess[str]:
    """Build a book by the command of `make book`, without a network."""
    command = [sys.executable, str(ROOT / "tools" / "book.py"), str(source), str(output)]
    return subprocess.run([*offline(), *command], capture_output=True, text=True, encoding="utf-8")
