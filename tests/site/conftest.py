"""The site, built once as `make book` builds it, a server for it, and a browser to read it with."""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from book_pages import BROWSERS, ROOT, SlowHandler, build, chromium, new_context, served
from playwright.sync_api import Browser, BrowserContext, sync_playwright


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


@pytest.fixture(scope="session")
def server(site: Path) -> Iterator[str]:
    """The address under which the site is served."""
    with served(site) as address:
        yield address


@pytest.fixture(scope="session")
def slow_server(site: Path) -> Iterator[str]:
    """The same site behind a slow line."""
    with served(site, SlowHandler) as address:
        yield address


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
        self[key] = new_context(self.browser, *key)
        return self[key]


@pytest.fixture(scope="session")
def contexts(browser: Browser) -> Iterator[Contexts]:
    made = Contexts(browser)
    yield made
    for context in made.values():
        context.close()
