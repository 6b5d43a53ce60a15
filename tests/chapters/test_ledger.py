"""The ledger is complete, anchored in the texts and backed by executed cells."""

import re
from collections import Counter

import claims
import nbformat
import notebooks
import pytest
from conftest import CHAPTERS, NOTEBOOKS, ROOT

LEDGER = claims.load(CHAPTERS / "claims.yml")
BOOKS = [nbformat.read(path, as_version=4) for path in NOTEBOOKS]
PLACES = [*sorted(notebooks.TEXTS.rglob("*.md")), ROOT / "appendix" / "ledger.md"]
TEXTS = [text.read_text(encoding="utf-8") for text in PLACES]
NUMERIC = [record for record in LEDGER.records if record.values]


def outputs(record):
    cells = claims.tagged_cells(BOOKS, record.anchor)
    return "\n".join(map(claims.output_text, cells))


def test_every_statement_of_the_sources_is_listed_once():
    ids = [record.id for record in LEDGER.records]
    assert len(ids) == len(set(ids)) == claims.STATEMENTS == 290


def test_every_group_is_anchored_exactly_once():
    anchors = Counter(a for text in TEXTS for a in re.findall(r"^\((claim-[\w-]+)\)=", text, re.M))
    assert anchors == {f"claim-{group}": 1 for group in LEDGER.groups}


def test_tags_name_groups_of_the_ledger():
    tags = {t for book in BOOKS for cell in book.cells for t in cell.metadata.get("tags", [])}
    assert {t for t in tags if t.startswith("claim-")} <= {f"claim-{g}" for g in LEDGER.groups}


@pytest.mark.parametrize("record", LEDGER.records, ids=lambda record: record.id)
def test_what_is_said_to_be_checked_has_an_executed_cell(record):
    if record.evidence != "prose":
        assert claims.tagged_cells(BOOKS, record.anchor), f"no executed cell has {record.anchor}"
    assert claims.missing(record.values, outputs(record)) == []


@pytest.mark.parametrize("record", NUMERIC, ids=lambda record: record.id)
def test_a_falsified_number_is_found(record):
    shown = outputs(record)
    for value in record.values:
        wrong = claims.falsified(value)
        # A neighbouring number may be printed in its own right; that the right one is demanded
        # is then shown by taking it away.
        without = re.sub(rf"(?<![\d.]){re.escape(value)}\d*", "", shown)
        assert claims.missing((wrong,), shown) or claims.missing((value,), without), value


def test_most_numbers_are_demanded_to_the_last_digit():
    values = [(record, value) for record in NUMERIC for value in record.values]
    found = [v for r, v in values if not claims.missing((claims.falsified(v),), outputs(r))]
    assert len(found) <= len(values) // 10, found


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("verdict: holds\n", "verdict: perhaps\n"), "unknown verdict"),
        (("- id: 001-pmf\n", "- id: 001-kl-usage\n"), "listed twice"),
        (("group: pmf\n", "group: pfm\n"), "unknown group"),
        (("    003-metric-word: ", "    003-metric-wort: "), "unknown records"),
    ],
)
def test_a_fault_in_the_ledger_is_named(tmp_path, change, complaint):
    broken = tmp_path / "claims.yml"
    broken.write_text((CHAPTERS / "claims.yml").read_text(encoding="utf-8").replace(*change, 1))
    with pytest.raises(ValueError, match=complaint):
        claims.load(broken)
