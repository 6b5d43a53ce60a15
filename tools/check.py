"""Run every check of the project; the exit code says whether all passed.

python tools/check.py
"""

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTEST = ("pytest", "--quiet", "-n", "2", "--dist", "loadfile")
STEPS = {
    "lint": ("ruff", "check", "."),
    "format": ("ruff", "format", "--check", "."),
    "types": ("mypy",),
    "spelling": ("codespell_lib",),
    "library, tools and chapters": (
        *PYTEST,
        "README.md",
        "appendix/api.md",
        "divkit",
        "tests/unit",
        "tests/chapters",
        "tests/tools",
    ),
    "notebooks, every output compared": (*PYTEST, "--nbval", "chapters"),
    "site": (*PYTEST, "tests/site"),
}


def passes(name: str, command: tuple[str, ...]) -> bool:
    """Run one step with a heading and its duration."""
    print(f"\n=== {name}: {' '.join(command)}", flush=True)
    started = time.perf_counter()
    code = subprocess.run([sys.executable, "-m", *command], cwd=ROOT).returncode
    verdict = f"failed with exit code {code}" if code else "passed"
    print(f"=== {name}: {verdict} after {time.perf_counter() - started:.0f} s", flush=True)
    return code == 0


def main() -> int:
    """Run all steps, also after a failure, and name those that failed."""
    failed = [name for name, command in STEPS.items() if not passes(name, command)]
    print("\n" + (f"Failed: {', '.join(failed)}" if failed else "Everything passed."))
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
