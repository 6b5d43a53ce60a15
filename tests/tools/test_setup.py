"""What a newcomer meets first: the right Python, a complete lock, an environment made once."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
FINDER = ROOT / "tools" / "with_python.sh"
SETUP = ROOT / "tools" / "environment.py"
LOCK = (ROOT / "requirements.txt").read_text(encoding="utf-8")

needs_sh = pytest.mark.skipif(shutil.which("sh") is None, reason="no sh on this system")


def folder_with_pythons(folder, **versions):
    """A folder of fake interpreters that answer with the given versions."""
    for name, version in versions.items():
        fake = folder / name.replace("_", ".")
        fake.write_text(f'#!/bin/sh\n[ "$1" = -c ] && echo {version} || echo ran with {version}\n')
        fake.chmod(0o755)
    return folder


def find_python(folder):
    environment = {"PATH": str(folder)}
    command = [shutil.which("sh"), str(FINDER), "script.py"]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


@needs_sh
def test_without_python_one_line_names_the_remedy(tmp_path):
    result = find_python(tmp_path)
    assert result.returncode == 1
    assert "none was found" in result.stderr
    assert "python.org" in result.stderr
    assert result.stderr.count("\n") == 1


@needs_sh
def test_another_python_is_named_with_the_remedy(tmp_path):
    result = find_python(folder_with_pythons(tmp_path, python3="3.9", python="3.14"))
    assert result.returncode == 1
    assert "only 3.9 3.14 was found" in result.stderr
    assert "Python 3.11, 3.12 or 3.13 is needed" in result.stderr
    assert result.stderr.count("\n") == 1


@needs_sh
def test_a_right_python_is_found_behind_a_wrong_one(tmp_path):
    result = find_python(folder_with_pythons(tmp_path, python3="3.9", python3_12="3.12"))
    assert result.stdout == "ran with 3.12\n"


@pytest.mark.parametrize("version", [(3, 10), (3, 14), (2, 7)])
def test_the_setup_itself_refuses_another_python(version):
    pretend = f"import sys, runpy; sys.version_info = {(*version, 0)}; sys.argv = ['environment']; "
    code = pretend + f"runpy.run_path({str(SETUP)!r}, run_name='__main__')"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 1
    assert f"this is {version[0]}.{version[1]}" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_second_setup_installs_nothing():
    ready = ROOT / ".venv" / "ready"
    if not ready.exists():
        pytest.skip("the environment was not made by tools/environment.py")
    result = subprocess.run([sys.executable, str(SETUP)], capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def locked():
    """Name to version of every package in the lock file."""
    lines = re.findall(r"^([A-Za-z0-9._-]+)==([^ \\;]+)", LOCK, flags=re.M)
    return {canonicalize_name(name): version for name, version in lines}


def test_every_requirement_is_locked_at_a_version_it_allows():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    wanted = [Requirement(r) for r in [*project["dependencies"], *(r for e in extras for r in e)]]
    versions = locked()
    for requirement in wanted:
        name = canonicalize_name(requirement.name)
        if name != "divkit":
            assert requirement.specifier.contains(versions.get(name, "0")), requirement


def test_every_locked_package_has_hashes_and_no_address():
    packages = re.split(r"^(?=[A-Za-z0-9])", LOCK, flags=re.M)[1:]
    assert len(packages) > 150
    assert all("--hash=sha256:" in package for package in packages)
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", LOCK)


def test_tensorflow_is_locked_for_each_supported_platform():
    markers = dict(re.findall(r"^(tensorflow(?:-cpu)?)==\S+ ; ([^\\]+)", LOCK, flags=re.M))
    assert "linux" in markers["tensorflow-cpu"]
    for platform in ("darwin", "win32", "aarch64"):
        assert platform in markers["tensorflow"]


@pytest.mark.skipif(os.name == "nt", reason="make is not at home on Windows")
@pytest.mark.parametrize("target", ["book", "test", "lab", "serve", "notebooks", "text", "bench"])
def test_readme_and_makefile_know_the_same_commands(target):
    assert f"make {target}" in (ROOT / "README.md").read_text(encoding="utf-8")
    dry = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True)
    assert dry.returncode == 0, dry.stderr
