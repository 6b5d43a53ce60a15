"""The site, built once as `make book` builds it, a server for it, and a browser to read it with."""

import functools
import gzip
import http.server
import os
import re
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from book_pages import ROOT, build
from playwright.sync_api import Browser, BrowserContext, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
COMPRESSED = {".css", ".html", ".js", ".json", ".svg"}


def once(folder: Path, work) -> Path:
    """Let one of several pytest workers do the work, and the others wait for it."""
    done = folder / "done"
    try:
        folder.mkdir()
    except FileExistsError:
        while not done.exists():
            time.sleep(0.2)
    else:
        try:
            work(folder)
        finally:
            done.touch()
    return folder


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The folder of the built site."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if hasattr(request.config, "workerinput") else base

    def work(folder: Path) -> None:
        result = build(ROOT, folder)
        (folder / "log").write_text(f"{result.stdout}\n{result.stderr}", "utf-8")
        if result.returncode == 0:
            (folder / "built").touch()

    folder = once(shared / "site", work)
    if not (folder / "built").exists():
        lines = (folder / "log").read_text("utf-8").splitlines()
        pytest.fail(
            "\n".join(line for line in lines if re.search("WARN|rror", line)), pytrace=False
        )
    return folder / "_build" / "html"


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
        self.wfile.write(content)


@pytest.fixture(scope="session")
def server(site: Path) -> Iterator[str]:
    """The address under which the site is served."""
    handler = functools.partial(Handler, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}"
        httpd.shutdown()


def chromium() -> str | None:
    """The system's browser; nothing is downloaded."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, BROWSERS)), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests; skipped without one, except where CI promises one."""
    path = chromium()
    if path is None:
        reason = f"no browser: install Chromium or set CHROMIUM (looked for {', '.join(BROWSERS)})"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-dev-shm-usage"]
        instance = playwright.chromium.launch(executable_path=path, args=flags)
        yield instance
        instance.close()


class Contexts(dict):
    """Browser contexts by width, theme and whether scripts may run; made when first asked for."""

    def __init__(self, browser: Browser) -> None:
        super().__init__()
        self.browser = browser

    def __missing__(self, key: tuple[int, str, bool]) -> BrowserContext:
        width, theme, scripts = key
        self[key] = self.browser.new_context(
            viewport={"width": width, "height": 900 if width > 500 else 844},
            color_scheme=theme,
            java_script_enabled=scripts,
            reduced_motion="reduce",
        )
        return self[key]


@pytest.fixture(scope="session")
def contexts(browser: Browser) -> Iterator[Contexts]:
    made = Contexts(browser)
    yield made
    for context in made.values():
        context.close()
