"""The package is light to import, and its names are where they are promised to be."""

import ast
import inspect
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import divkit

MODULES = [name for name in divkit.__all__ if name != "keras"]  # which no Alpine or Intel Mac has
LIGHT = [name for name in MODULES if name not in ("plot", "symbolic")]  # no extra is needed
HEAVY = ["tensorflow", "keras", "matplotlib", "PIL", "IPython", "ot", "sympy"]
HEAVY += ["scipy.stats", "scipy.optimize", "scipy.integrate", "scipy.spatial"]
PACKAGE = Path(divkit.__file__).parent
SOURCES = [str(path.relative_to(PACKAGE)) for path in sorted(PACKAGE.rglob("*.py"))]
LINES = 20  # of code in the body of a function
LONGER = {"over_rows": 21, "wasserstein_pmf": 21}


def in_new_process(code):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_importing_adds_less_than_a_tenth_of_a_second_to_numpy_and_scipy_special():
    code = (
        "import numpy, scipy.special, time; start = time.process_time(); import divkit; "
        "divkit.kl_divergence; import divkit.gaussian; print(time.process_time() - start)"
    )
    assert min(float(in_new_process(code)) for _ in range(3)) < 0.1


def test_importing_loads_nothing_heavy():
    code = (
        f"import sys, divkit; [getattr(divkit, name) for name in {LIGHT}]; "
        f"print([m for m in {HEAVY} if m in sys.modules])"
    )
    assert in_new_process(code) == "[]"


def test_modules_load_when_first_used():
    code = (
        "import sys, divkit; before = 'divkit.estimate' in sys.modules; divkit.estimate; "
        "print(before, 'divkit.estimate' in sys.modules)"
    )
    assert in_new_process(code) == "False True"


@pytest.mark.parametrize(
    ("statement", "missing", "extra"),
    [
        ("import divkit.plot", "matplotlib", "plot"),
        ("import divkit.symbolic", "sympy", "symbolic"),
        ("import divkit.keras", "keras", "keras"),
        ("from divkit.datasets import load_image; load_image('coffee')", "PIL", "plot"),
        (
            "from divkit.transport import transport_plan; "
            "transport_plan([0.3, 0.7], [0.5, 0.5], [[0, 1], [1, 0]])",
            "ot",
            "ot",
        ),
    ],
)
def test_what_needs_an_extra_names_it(statement, missing, extra):
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        f"try:\n    {statement}\nexcept ImportError as error:\n    print(error)"
    )
    assert f'pip install "divkit[{extra}]"' in in_new_process(code)


@pytest.mark.parametrize("home", ["information", "fdivergence", "_blocks"])
def test_the_names_of_the_main_modules_can_be_imported_from_the_package(home):
    module = import_module(f"divkit.{home}")
    for name in module.__all__:
        assert getattr(divkit, name) is getattr(module, name)


def test_no_two_modules_share_a_public_name():
    names = [name for module in MODULES for name in import_module(f"divkit.{module}").__all__]
    assert len(names) == len(set(names))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'divkit' has no attribute 'kl_divergense'"):
        _ = divkit.kl_divergense


def test_dir_lists_the_modules():
    assert set(divkit.__all__) <= set(dir(divkit))


def public_functions():
    named = ((name, import_module(f"divkit.{name}")) for name in MODULES)
    return [
        pytest.param(value, id=f"{name}.{public}")
        for name, module in named
        for public in module.__all__
        if inspect.isfunction(value := getattr(module, public))
    ]


def sections(function):
    """The headings of a numpydoc docstring."""
    return re.findall(r"^(\w[\w ]*)\n-{3,}$", inspect.getdoc(function) or "", re.M)


def documented_parameters(function):
    part = re.search(r"^Parameters\n-+\n(.*?)(?=\n\n\w|\Z)", inspect.getdoc(function), re.M | re.S)
    lines = part[1].splitlines() if part else []
    names = [line.partition(" : ")[0] for line in lines if " : " in line and line[0] != " "]
    return [name for line in names for name in line.split(", ")]


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_exists(name):
    module = import_module(f"divkit.{name}")
    assert [public for public in module.__all__ if not hasattr(module, public)] == []


@pytest.mark.parametrize("name", MODULES)
def test_every_public_class_says_what_it_is_and_shows_one(name):
    module = import_module(f"divkit.{name}")
    for value in filter(inspect.isclass, (getattr(module, public) for public in module.__all__)):
        assert ">>> " in value.__doc__, value


@pytest.mark.parametrize("function", public_functions())
def test_every_parameter_is_documented_once_and_no_other(function):
    parameters = inspect.signature(function).parameters
    assert sorted(documented_parameters(function)) == sorted(parameters)


@pytest.mark.parametrize("function", public_functions())
def test_every_function_says_what_it_returns_and_raises_and_shows_an_example(function):
    signature = inspect.signature(function)
    wanted = {"Examples"}
    if signature.return_annotation != "None":
        wanted.add("Returns")
        if signature.parameters:
            wanted.add("Raises")
    if function.__module__ not in ("divkit.datasets", "divkit.plot"):
        wanted.add("See Also")
    if function.__name__.startswith("derive_"):
        assert "References" in sections(function)
    assert wanted <= set(sections(function))
    assert ">>> " in function.__doc__


def bodies(source):
    """The name of each function of a module, methods and inner ones too, and its lines of code."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[ast.get_docstring(node) is not None :]
            code = lines[body[0].lineno - 1 : node.end_lineno] if body else []
            yield node.name, sum(bool(line.strip()) and line.strip()[0] != "#" for line in code)


def test_lines_of_code_are_counted_without_docstrings_blank_lines_and_comments():
    source = 'def f(x):\n    """Say."""\n\n    # why\n    y = x\n    def g():\n        pass\n'
    assert list(bodies(source)) == [("f", 3), ("g", 1)]


@pytest.mark.parametrize("path", SOURCES)
def test_every_function_is_short(path):
    counted = bodies((PACKAGE / path).read_text("utf-8"))
    assert [(name, size) for name, size in counted if size > LONGER.get(name, LINES)] == []


def test_the_types_are_shipped():
    from importlib.resources import files

    assert (files("divkit") / "py.typed").is_file()
