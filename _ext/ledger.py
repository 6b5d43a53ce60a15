"""Two directives for the appendix: `{ledger}` and `{status}`.

The first says what the sources say and what holds, the second how much of the book is computed,
compared and still to come.

Both read files that the tests check as well, so neither page holds a number typed by hand.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any

import claims
from docutils import nodes
from renewal import metadata
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LEDGER = "chapters/claims.yml"
LOCK = "requirements.txt"
BENCHMARKS = "benchmarks/results.json"
LONGER_RUNS = "benchmarks/full.json"
SETTINGS = "pyproject.toml"
# What the numbers, the figures and the pages depend on most.
PACKAGES = (
    *("numpy", "scipy", "matplotlib", "tensorflow-cpu", "tensorflow", "keras"),
    *("jupyter-book", "sphinx", "myst-nb", "nbval", "jupyterlab"),
)


class Generated(SphinxDirective):
    """A directive whose nodes come from files below the source folder."""

    def path(self, name: str) -> Path:
        path = Path(self.env.srcdir, name)
        self.env.note_dependency(str(path))
        return path

    def markdown(self, text: str) -> list[nodes.Node]:
        """The text as the page's own Markdown: maths, links and citations work."""
        return self.parse_text_to_nodes(text)

    def section(self, title: str, name: str, *content: nodes.Node) -> nodes.section:
        section = nodes.section("", nodes.title(title, title), *content, ids=[name], names=[name])
        self.state.document.note_explicit_target(section, section)
        return section


class LedgerDirective(Generated):
    """Statement, verdict and correction of every record, by chapter and group."""

    def run(self) -> list[nodes.Node]:
        ledger = claims.load(self.path(LEDGER))
        self.cells = first_cells(self.path(name) for name in notebooks(self.env.srcdir))
        chapters = [self.chapter(ledger, key, title) for key, title in ledger.chapters.items()]
        about = [*self.summary(ledger), self.sources(ledger), self.contradictions(ledger)]
        return [*about, self.filter(ledger), *chapters]

    def summary(self, ledger: claims.Ledger) -> list[nodes.Node]:
        verdicts = Counter(record.verdict for record in ledger.records)
        listed = ", ".join(f"{verdicts[key]} {name}" for key, name in claims.VERDICTS.items())
        return self.markdown(f"The five sources make {len(ledger.records)} statements: {listed}.")

    def sources(self, ledger: claims.Ledger) -> nodes.section:
        items = [
            definition([nodes.Text(source["name"])], self.markdown(about(source)))
            for source in ledger.sources.values()
        ]
        listing = nodes.definition_list("", *items)
        return self.section("The five sources", "ledger-sources", listing)

    def contradictions(self, ledger: claims.Ledger) -> nodes.section:
        """What the sources answer differently, each side with a link to its record."""
        rows = [
            f"| {dispute.question} | {self.sides(dispute, ledger)} | {dispute.holds} |"
            for dispute in ledger.contradictions
        ]
        lines = ["| question | what they say | what holds |", "|---|---|---|", *rows]
        text = self.markdown("Where the sources contradict one another, or themselves:")
        listing = self.markdown("\n".join(lines))
        return self.section("Contradictions", "ledger-contradictions", *text, *listing)

    def sides(self, dispute: claims.Contradiction, ledger: claims.Ledger) -> str:
        return "; ".join(
            f"[{ledger.sources[record_id[:3]]['name']}](#record-{record_id}): {words}"
            for record_id, words in dispute.sides.items()
        )

    def filter(self, ledger: claims.Ledger) -> nodes.raw:
        """A form that shows some of the records; without JavaScript it stays away."""
        chapters = {f"ledger-{key}": heading(key, title) for key, title in ledger.chapters.items()}
        sources = {f"source-{key}": source["name"] for key, source in ledger.sources.items()}
        verdicts = {f"judged-{key}": name for key, name in claims.VERDICTS.items()}
        choices = [
            choice("source", "Source", sources),
            choice("chapter", "Chapter", chapters),
            choice("verdict", "Verdict", verdicts),
        ]
        script = Path(__file__).with_name("ledger_filter.js").read_text(encoding="utf-8")
        form = f'<form id="ledger-filter" hidden>{"".join(choices)}<output></output></form>'
        return nodes.raw("", f"{form}\n<script>\n{script}</script>", format="html")

    def chapter(self, ledger: claims.Ledger, key: str, title: str) -> nodes.section:
        groups = [
            self.group(group, ledger.groups[group], records, ledger)
            for group, records in ledger.treated_in(key).items()
        ]
        return self.section(heading(key, title), f"ledger-{key}", *groups)

    def group(
        self, group: str, title: str, records: list[claims.Record], ledger: claims.Ledger
    ) -> nodes.section:
        link = f"[Where the book treats this: {title}](#claim-{group})"
        if cell := self.cells.get(f"claim-{group}"):
            link += f" · [the cell that shows it](#{cell})"
        items = [self.record(record, ledger) for record in records]
        listing = nodes.definition_list("", *items, classes=["ledger"])
        return self.section(title, f"ledger-{group}", *self.markdown(link), listing)

    def record(self, record: claims.Record, ledger: claims.Ledger) -> nodes.definition_list_item:
        badge = nodes.inline("", claims.VERDICTS[record.verdict])
        badge["classes"] = ["verdict", f"verdict-{record.verdict}"]
        place = f" {ledger.sources[record.source]['name']}, {record.where}"
        said = self.markdown(f"*It says:* {record.statement}")
        holds = self.markdown(f"*What holds:* {record.correction}")
        item = definition([badge, nodes.Text(place)], [*said, *holds])
        term = item[0]
        term["classes"] = ["record", f"source-{record.source}", f"judged-{record.verdict}"]
        term["ids"] = term["names"] = [f"record-{record.id}"]
        self.state.document.note_explicit_target(term, term)
        return item


class StatusDirective(Generated):
    """Cells computed and compared, the state of the ledger, the versions that matter."""

    def run(self) -> list[nodes.Node]:
        pages = [count_cells(self.path(name)) for name in notebooks(self.env.srcdir)]
        settings = tomllib.loads(self.path(SETTINGS).read_text(encoding="utf-8"))["tool"]["course"]
        ledger = claims.load(self.path(LEDGER))
        return [
            self.section("Cells", "status-cells", *self.cells(pages, settings["uncompared-cells"])),
            self.section("Statements of the sources", "status-ledger", *self.statements(ledger)),
            self.section("Longer trainings", "status-longer", *self.longer()),
            self.section("Speed of the library", "status-speed", *self.speed()),
            self.section("Versions", "status-versions", *self.versions()),
        ]

    def cells(self, pages: list[list[Any]], budget: int) -> list[nodes.Node]:
        total = ["All pages", *(sum(page[i] for page in pages) for i in (1, 2, 3, 4))]
        text = self.markdown(
            f"Every code cell was executed before the book was built, and `make test` runs each "
            f"one again. The outputs of {total[3]} cells are compared to the letter; those of "
            f"{total[4]} are not, because they show a training run. At most {budget} cells of the "
            "whole book may be left uncompared."
        )
        header = ["Page", "Code cells", "Executed", "Compared", "Not compared"]
        return [*text, table(header, [*pages, total])]

    def statements(self, ledger: claims.Ledger) -> list[nodes.Node]:
        evidence = Counter(record.evidence for record in ledger.records)
        return self.markdown(
            f"Of the {len(ledger.records)} statements, {evidence['numbers']} are checked by "
            f"printed numbers, {evidence['cell']} by an executed cell, and {evidence['prose']} are "
            "definitions, drawings, references or opinions."
        )

    def longer(self) -> list[nodes.Node]:
        """What `make full` recorded: mean and spread over seeds."""
        recorded = json.loads(self.path(LONGER_RUNS).read_text(encoding="utf-8"))
        text = self.markdown(
            "The trainings of the pages with more seeds and more steps. `make full` repeats them, "
            "and compares each mean with the one recorded here."
        )
        rows = [
            [experiment, name, f"{mean(seeds):.4g}", f"{stdev(seeds):.2g}", len(seeds)]
            for experiment, numbers in recorded.items()
            for name, seeds in numbers.items()
        ]
        header = ["Training", "Number", "Mean", "Standard deviation", "Seeds"]
        return [*text, table(header, rows)]

    def speed(self) -> list[nodes.Node]:
        measured = json.loads(self.path(BENCHMARKS).read_text(encoding="utf-8"))
        avx512 = "with" if "AVX512F" in measured["features"] else "without"
        versions = ", ".join(f"{name} {version}" for name, version in measured["versions"].items())
        text = self.markdown(
            "How many times faster than a peer the library was when `make bench` last ran "
            f"({measured['machine']}, {avx512} AVX-512, one thread; {versions}), and the least "
            "that we ask of it. Runs take turns in one process and give the same values."
        )
        rows = [[r["work"], r["peer"], r["ratio"], round(r["wanted"], 2)] for r in measured["rows"]]
        return [*text, table(["Work", "Peer", "Ratio", "Wanted"], rows)]

    def versions(self) -> list[nodes.Node]:
        locked = locked_versions(self.path(LOCK).read_text(encoding="utf-8"))
        rows = [[name, locked[name]] for name in PACKAGES if name in locked]
        text = self.markdown("The lock file fixes these, among others; the numbers belong to them.")
        return [*text, table(["Package", "Version"], rows)]


def about(source: dict[str, str]) -> str:
    text = source["about"]
    return f"{text[0].upper()}{text[1:]} {{cite}}`{source['cite']}`."


def definition(
    term: Iterable[nodes.Node], content: Iterable[nodes.Node]
) -> nodes.definition_list_item:
    return nodes.definition_list_item("", nodes.term("", "", *term), nodes.definition("", *content))


def heading(key: str, title: str) -> str:
    return f"Chapter {int(key[:2])}: {title}" if key[:2].isdigit() else title


def choice(name: str, label: str, options: dict[str, str]) -> str:
    listed = {"": "all", **options}.items()
    choices = "".join(f'<option value="{key}">{escape(text)}</option>' for key, text in listed)
    return f'<label>{label} <select name="{name}">{choices}</select></label>'


def notebooks(folder: str) -> list[str]:
    """All notebooks of the book, in reading order, relative to the folder."""
    paths = sorted(Path(folder, "chapters").rglob("*.ipynb"), key=reading_order)
    return [path.relative_to(folder).as_posix() for path in paths]


def first_cells(paths: Iterable[Path]) -> dict[str, str]:
    """By tag, the name of the first cell in the book that carries it."""
    found: dict[str, str] = {}
    for path in paths:
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for tag in cell["metadata"].get("tags", []):
                if tag.startswith("claim-"):
                    found.setdefault(tag, cell_name(path.stem, tag))
    return found


def cell_name(page: str, tag: str) -> str:
    return f"cell-{page.replace('_', '-')}-{tag.removeprefix('claim-')}"


def name_cells(app: Sphinx, doctree: nodes.document) -> None:
    """Let the first cell of a page with a tag be linked to."""
    page = app.env.docname
    seen: set[str] = set()
    for cell in doctree.findall(nodes.container):
        for tag in cell["classes"]:
            name = cell_name(page.rpartition("/")[2], tag.removeprefix("tag_"))
            if tag.startswith("tag_claim-") and name not in seen:
                seen.add(name)
                cell["ids"].append(name)
                app.env.get_domain("std").anonlabels[name] = page, name


def reading_order(path: Path) -> tuple[str, int, str]:
    """Chapter by chapter: the core page, its further pages, its exercises; then the appendix."""
    folder = {"chapters": 0, "further": 1, "exercises": 2, "appendix": 3}[path.parent.name]
    return path.stem[:2], folder, path.stem


def count_cells(path: Path) -> list[Any]:
    """Title, then the number of code cells: all, executed, compared, not compared."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    executed = sum(cell["execution_count"] is not None for cell in cells)
    ignored = sum("nbval-ignore-output" in cell["metadata"].get("tags", []) for cell in cells)
    return [title_of(notebook, path), len(cells), executed, len(cells) - ignored, ignored]


def title_of(notebook: dict[str, Any], path: Path) -> str:
    kind = {"further": " (going further)", "exercises": " (exercises)"}.get(path.parent.name, "")
    for cell in notebook["cells"]:
        if match := re.search(r"^# +(.+)$", "".join(cell["source"]), re.M):
            chapter = f"{int(path.stem[:2])} " if path.stem[:2].isdigit() else ""
            return f"{chapter}{match[1].strip()}{kind}"
    return path.stem


def locked_versions(lock: str) -> dict[str, str]:
    """Name and version of every package; of several for different systems, all."""
    found: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock, re.M):
        found.setdefault(name.lower(), []).append(version)
    return {name: ", ".join(dict.fromkeys(versions)) for name, versions in found.items()}


def table(header: list[str], rows: Iterable[list[Any]]) -> nodes.table:
    columns = [nodes.colspec(colwidth=1) for _ in header]
    head = nodes.thead("", table_row(header))
    body = nodes.tbody("", *(table_row(row) for row in rows))
    return nodes.table("", nodes.tgroup("", *columns, head, body, cols=len(header)))


def table_row(values: Iterable[Any]) -> nodes.row:
    return nodes.row("", *table_entries(values))


def table_entries(values: Iterable[Any]) -> Iterator[nodes.entry]:
    for value in values:
        yield nodes.entry("", nodes.paragraph("", str(value)))


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("ledger", LedgerDirective)
    app.add_directive("status", StatusDirective)
    app.connect("doctree-read", name_cells)
    return metadata(__file__)
