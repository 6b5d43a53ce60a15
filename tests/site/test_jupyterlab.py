"""A chapter live in JupyterLab, as `make lab` opens it: rendered, run and drawn, all offline."""

import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from book_pages import ROOT
from playwright.sync_api import Page, expect

CHAPTER = "01_information_content.ipynb"
TOKEN = "reader"
SETTINGS = {
    # All cells in the page at once, so that all can be looked at.
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    # The only question Lab asks on its first start.
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false"},
}
PROGRESS = """
import time
from divkit.keras import ProgressBar

bar = ProgressBar("learning")
bar.set_params({"epochs": 2, "steps": 10})
bar.on_train_begin()
for epoch in range(2):
    bar.on_epoch_begin(epoch)
    for batch in range(10):
        time.sleep(0.25)
        bar.on_train_batch_end(batch, {"loss": 1.0})
bar.on_train_end()
print("learnt")
"""
CURRENT = "jupyterapp.shell.currentWidget"
COUNTS = f"""[...{CURRENT}.content.model.cells]
  .filter(cell => cell.type === "code").map(cell => cell.executionCount)"""
IDLE = f"{CURRENT}.sessionContext.session?.kernel?.status === 'idle'"
DRAWN = """[...document.querySelectorAll(".jp-OutputArea img")]
  .filter(image => image.src.startsWith("data:image/svg") && image.naturalWidth > 0).length"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(address: str, process: subprocess.Popen, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail("JupyterLab did not start")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, browser) -> Iterator[str]:
    """The address of a JupyterLab that knows nothing of this machine's settings."""
    home = tmp_path_factory.mktemp("lab")
    folder = home / "chapters"
    folder.mkdir()
    for name, values in SETTINGS.items():
        file = home / "settings" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values), "utf-8")
    names = {"JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTER_CONFIG_DIR": "config"}
    names |= {"JUPYTER_DATA_DIR": "data", "JUPYTER_RUNTIME_DIR": "run", "IPYTHONDIR": "ipython"}
    environment = os.environ | {key: str(home / name) for key, name in names.items()}
    port = free_port()
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--ServerApp.port={port}", f"--ServerApp.root_dir={folder}"]
    command += [f"--IdentityProvider.token={TOKEN}", "--LabApp.expose_app_in_browser=True"]
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    shutil.copytree(ROOT / "chapters", folder, dirs_exist_ok=True)
    with (home / "log").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            wait_for(f"http://127.0.0.1:{port}/api?token={TOKEN}", process)
            (folder / "progress.ipynb").write_text(progress_notebook(), "utf-8")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=30)


def progress_notebook() -> str:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [nbformat.v4.new_code_cell(PROGRESS.strip())]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    return nbformat.writes(notebook)


@pytest.fixture
def notebook(lab: str, browser) -> Iterator[Page]:
    """A browser page that collects the addresses it asks for."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.asked = []
    page.on("request", lambda request: page.asked.append(request.url))
    yield page
    context.close()
    home = (lab, lab.replace("http", "ws"), "data:", "blob:")
    assert [address for address in page.asked if not address.startswith(home)] == []


def open_notebook(page: Page, lab: str, name: str) -> None:
    """In a workspace of its own: Lab would bring back what another test had open."""
    page.goto(f"{lab}/lab/workspaces/{Path(name).stem}/tree/{name}?token={TOKEN}")
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    page.wait_for_function(f"{CURRENT}.context.path === '{name}' && {IDLE}", timeout=60_000)


def test_a_chapter_is_rendered_and_runs(lab: str, notebook: Page) -> None:
    open_notebook(notebook, lab, CHAPTER)
    cells = nbformat.read(ROOT / "chapters" / CHAPTER, as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    figures = [c for c in code if any("image/svg+xml" in o.get("data", {}) for o in c.outputs)]
    notebook.evaluate("jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
    notebook.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")
    expected = list(range(1, len(code) + 1))
    notebook.wait_for_function(
        f"JSON.stringify({COUNTS}) === '{json.dumps(expected, separators=(',', ':'))}'",
        timeout=120_000,
    )
    notebook.wait_for_function(f"{DRAWN} === {len(figures)}")
    assert figures
    assert notebook.locator(".jp-OutputArea [data-mime-type*=error]").count() == 0
    expect(notebook.locator("aside.myst-proof", has_text="Theorem 1").first).to_be_visible()
    expect(notebook.get_by_label("Link to this Equation").first).to_have_text("(1)")
    assert notebook.locator(".jp-MarkdownCell", has_text="{prf:theorem}").count() == 0


def test_training_shows_its_progress_live_and_leaves_no_trace(lab: str, notebook: Page) -> None:
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("no TensorFlow for this platform")
    open_notebook(notebook, lab, "progress.ipynb")
    notebook.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")
    bar = notebook.locator(".jp-OutputArea progress")
    bar.wait_for(timeout=60_000)
    notebook.wait_for_function("document.querySelector('progress')?.value > 0.3")
    expect(notebook.locator(".jp-OutputArea")).to_contain_text("learning: epoch")
    expect(notebook.locator(".jp-OutputArea")).to_contain_text("learnt", timeout=30_000)
    assert bar.count() == 0
