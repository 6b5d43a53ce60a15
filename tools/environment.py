"""Make the virtual environment `.venv` from the lock file; do nothing if it is up to date.

    python tools/environment.py

Needs Python 3.11 to 3.13 and, the first time, a package index or a filled pip cache.
"""

import hashlib
import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
READY = VENV / "ready"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def check_python():
    """Stop with one line unless this Python can run the project (no newer syntax up to here)."""
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        sys.exit(
            "Python 3.11, 3.12 or 3.13 is needed, this is {}.{}: run this script with one of them, "
            "from python.org or your system's packages.".format(*sys.version_info[:2])
        )
    if importlib.util.find_spec("ensurepip") is None:
        sys.exit("This Python cannot make environments: install its venv package (python3-venv).")


def digest():
    """What the environment was made from."""
    sources = [ROOT / "requirements.txt", ROOT / "pyproject.toml"]
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


def pip(*arguments):
    """Run pip inside the environment and stop at its first error."""
    command = [PYTHON, "-m", "pip", "--disable-pip-version-check", *arguments]
    if subprocess.run(command, cwd=ROOT).returncode:
        sys.exit("The installation stopped. Mend what is named above and run the command again.")


def main():
    """Create or update the environment."""
    check_python()
    if READY.exists() and READY.read_text() == digest():
        READY.touch()
        return
    started = time.perf_counter()
    print("Setting up .venv with Python {}.{} ...".format(*sys.version_info[:2]), flush=True)
    subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    pip("install", "--require-hashes", "--requirement", "requirements.txt")
    pip("install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", ".")
    pip("check")
    READY.write_text(digest())
    print(f"The environment is ready ({time.perf_counter() - started:.0f} s).", flush=True)


if __name__ == "__main__":
    main()
