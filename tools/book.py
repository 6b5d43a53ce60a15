"""Build the site, strictly: every warning is an error.

    python tools/book.py [SOURCE [OUTPUT]]

SOURCE is the project's root if not given; the site goes to OUTPUT/_build/html.
"""

import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

# Jupyter Book loads a validator of web addresses that it never calls: it compiles grammars for 1.4
# seconds. Without it the loader goes on.
START = """
import sys
sys.modules["rfc3987_syntax"] = None
from jupyter_book.cli.main import main
main()
"""


def build(source: Path, output: Path) -> int:
    """Run Jupyter Book on `source`; return its exit code."""
    command = [sys.executable, "-c", START, "build", str(source)]
    command += ["--path-output", str(output), "-W", "-n", "--keep-going", "--quiet"]
    return subprocess.run(command).returncode


def main(arguments: list[str]) -> int:
    """Read the command line, build, and say how to open the result."""
    source = Path(arguments[0] if arguments else ROOT).resolve()
    output = Path(arguments[1] if len(arguments) > 1 else source).resolve()
    print("Building the site ...", flush=True)
    started = time.perf_counter()
    if code := build(source, output):
        # Otherwise the next build would skip the unchanged pages, and with them their warnings.
        shutil.rmtree(output / "_build" / ".doctrees", ignore_errors=True)
        print("The site was not built: mend the warnings above.", file=sys.stderr)
        return code
    page = output / "_build" / "html" / "index.html"
    print(f"Built in {time.perf_counter() - started:.0f} s. Open {page.as_uri()}")
    print("or run `make serve` and open http://localhost:8000")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
