"""Lighthouse's four scores for the built site's chapters, as the median of five runs each.

    python benchmarks/lighthouse.py [SITE]

SITE is _build/html if not given. Needs Node and Chromium (named by CHROME_PATH, or found); npm puts
Lighthouse below _build. It imitates a telephone on a slow line, so one run may be five points off.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "site"))
from book_pages import CHAPTERS, chromium, served  # noqa: E402

TOOL = ROOT / "_build" / "lighthouse"
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
RUNS = 5
WANTED = 95


def install() -> Path:
    """Lighthouse's command, installed if it is not there."""
    command = TOOL / "node_modules" / ".bin" / "lighthouse"
    if not command.exists():
        TOOL.mkdir(parents=True, exist_ok=True)
        npm = [shutil.which("npm") or "npm", "install", "--prefix", str(TOOL), "lighthouse@12"]
        subprocess.run([*npm, "--no-audit", "--no-fund"], check=True)
    return command


def run(command: Path, address: str) -> dict[str, float]:
    """One run: category to score."""
    flags = "--chrome-flags=--headless=new --no-sandbox --disable-dev-shm-usage"
    options = ["--quiet", "--output=json", f"--only-categories={','.join(CATEGORIES)}", flags]
    environment = {"CHROME_PATH": chromium() or ""} | os.environ
    result = subprocess.run(
        [str(command), address, *options], capture_output=True, text=True, env=environment
    )
    if result.returncode:
        raise SystemExit(result.stderr)
    report = json.loads(result.stdout)
    return {name: 100 * report["categories"][name]["score"] for name in CATEGORIES}


def main(arguments: list[str]) -> int:
    """Print a table; fail if a median is too low."""
    site = Path(arguments[0]) if arguments else ROOT / "_build" / "html"
    command = install()
    lowest = 100.0
    print(f"{'page':34}" + "".join(f"{name:>16}" for name in CATEGORIES))
    with served(site) as address:
        for page in CHAPTERS[:3]:
            runs = [run(command, f"{address}/{page}.html") for _ in range(RUNS)]
            runs_of = [[scores[name] for scores in runs] for name in CATEGORIES]
            cells = (f"{statistics.median(c):.0f} ({min(c):.0f}-{max(c):.0f})" for c in runs_of)
            print(f"{page:34}" + "".join(f"{cell:>16}" for cell in cells), flush=True)
            lowest = min(lowest, *map(statistics.median, runs_of))
    print(f"lowest median {lowest:.0f}, wanted {WANTED}")
    return int(lowest < WANTED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
