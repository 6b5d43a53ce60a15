"""The pages of the book; how they are built, served and read."""

import functools
import gzip
import http.server
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from playwright.sync_api import Browser, BrowserContext

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "_ext"))
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
COMPRESSED = {".css", ".html", ".js", ".json", ".svg"}


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


class Handler(http.server.SimpleHTTPRequestHandler):
    """A quiet file server that compresses text, as servers of static sites do."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        if not path.is_file():
            self.send_error(404)
            return
        content = path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path))
        if path.suffix in COMPRESSED:
            content = gzip.compress(content, mtime=0)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.send(content)

    def send(self, content: bytes) -> None:
        self.wfile.write(content)


class SlowHandler(Handler):
    """The same behind a line of 1.6 Mbit/s, shared by all connections, with 150 ms of latency.

    The browser's own throttle is no help: one page in seventy never finished loading behind it.
    """

    latency, rate, packet = 0.15, 200_000, 4096  # seconds, bytes a second, bytes
    line = threading.Lock()

    def send(self, content: bytes) -> None:
        time.sleep(self.latency)
        for start in range(0, len(content), self.packet):
            with self.line:
                time.sleep(self.packet / self.rate)
                self.wfile.write(content[start : start + self.packet])


class Server(http.server.ThreadingHTTPServer):
    """A server for browsers, which may go on before a file has arrived."""

    def handle_error(self, request, client_address) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def served(folder: Path, handler: type[Handler] = Handler) -> Iterator[str]:
    """The address of a server for the folder, on this machine only."""
    with Server(("127.0.0.1", 0), functools.partial(handler, directory=str(folder))) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}"
        httpd.shutdown()


def chromium() -> str | None:
    """The system's browser; nothing is downloaded."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, BROWSERS)), None)


def new_context(browser: Browser, width: int, theme: str, scripts: bool = True) -> BrowserContext:
    """A reader with an empty cache: a window, the system's theme, and scripts or none."""
    return browser.new_context(
        viewport={"width": width, "height": 900 if width > 500 else 844},
        color_scheme=theme,
        java_script_enabled=scripts,
        reduced_motion="reduce",
    )
