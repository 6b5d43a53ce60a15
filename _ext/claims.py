"""The ledger `chapters/claims.yml`: read it, check it, look its numbers up in outputs.

What the page *What the sources say, and what holds* and the tests of the ledger share.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import yaml

STATEMENTS = 290  # in the five sources together
VERDICTS = {
    "holds": "holds",
    "holds-if": "holds with a condition",
    "wrong": "wrong",
    "ill-posed": "not well posed",
    "opinion": "an opinion",
}
EVIDENCE = ("numbers", "cell", "prose")
MAX_DECIMALS = 6
# From here on an extra printed digit may be rounded away; "0.6" must not be found in 0.596574.
SIGNIFICANT_ENOUGH = 3

NUMBER = re.compile(r"(?<![\w.])[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|inf|nan)(?![\w]|\.\d)")
LITERAL = re.compile(r"-?\d+(\.\d+)?|-?inf|nan")


@dataclass(frozen=True)
class Record:
    """One statement of a source, in our words, with its verdict."""

    id: str
    where: str
    group: str
    chapter: str
    verdict: str
    statement: str
    correction: str
    evidence: str
    values: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        return self.id[:3]

    @property
    def anchor(self) -> str:
        return f"claim-{self.group}"


@dataclass(frozen=True)
class Contradiction:
    """A question that the sources answer differently: by record, what each says."""

    question: str
    sides: dict[str, str]
    holds: str


@dataclass(frozen=True)
class Ledger:
    """All records, and what they are arranged by."""

    sources: dict[str, dict[str, str]]
    chapters: dict[str, str]
    groups: dict[str, str]
    records: tuple[Record, ...]
    contradictions: tuple[Contradiction, ...]

    def treated_in(self, chapter: str) -> dict[str, list[Record]]:
        """The chapter's groups in reading order, each with its records."""
        found = {
            group: [r for r in self.records if (r.group, r.chapter) == (group, chapter)]
            for group in self.groups
        }
        return {group: records for group, records in found.items() if records}


def load(path: Path) -> Ledger:
    """Read and check the ledger; a fault raises ValueError and names the record."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    records = tuple(record_from(entry) for entry in content["records"])
    contradictions = tuple(Contradiction(**entry) for entry in content["contradictions"])
    parts = {name: content[name] for name in ("sources", "chapters", "groups")}
    ledger = Ledger(records=records, contradictions=contradictions, **parts)
    if found := list(faults(ledger)):
        raise ValueError(f"{path.name}: " + "; ".join(found))
    return ledger


def record_from(entry: dict[str, Any]) -> Record:
    allowed = {field.name for field in fields(Record)}
    if set(entry) | {"values"} != allowed:
        wrong = sorted((set(entry) | {"values"}) ^ allowed)
        raise ValueError(f"record {entry.get('id')}: missing or unknown keys {wrong}")
    texts = {key: value for key, value in entry.items() if key != "values"}
    for key, value in texts.items():
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"record {entry['id']}: {key} is empty or no text")
    return Record(**{k: v.strip() for k, v in texts.items()}, values=tuple(entry.get("values", ())))


def faults(ledger: Ledger) -> Iterator[str]:
    """What is wrong with the ledger as a whole, then with each record."""
    ids = [record.id for record in ledger.records]
    if twice := [record_id for record_id, count in Counter(ids).items() if count > 1]:
        yield f"listed twice: {twice}"
    if len(ids) != STATEMENTS:
        yield f"{len(ids)} ids in place of {STATEMENTS}"
    for record_id in ids:
        if record_id[:3] not in ledger.sources:
            yield f"{record_id}: no such source"
    if empty := set(ledger.groups) - {record.group for record in ledger.records}:
        yield f"groups without a record: {sorted(empty)}"
    for record in ledger.records:
        yield from (f"{record.id}: {fault}" for fault in record_faults(record, ledger))
    for contradiction in ledger.contradictions:
        if unknown := set(contradiction.sides) - set(ids):
            yield f"{contradiction.question} names unknown records {sorted(unknown)}"
        if len(contradiction.sides) < 2:
            yield f"{contradiction.question} has one side only"


def record_faults(record: Record, ledger: Ledger) -> Iterator[str]:
    if record.group not in ledger.groups:
        yield f"unknown group {record.group}"
    if record.chapter not in ledger.chapters:
        yield f"unknown chapter {record.chapter}"
    if record.verdict not in VERDICTS:
        yield f"unknown verdict {record.verdict}"
    if record.evidence not in EVIDENCE:
        yield f"unknown evidence {record.evidence}"
    if bool(record.values) != (record.evidence == "numbers"):
        yield "values are given if, and only if, the evidence is numbers"
    for value in record.values:
        if not isinstance(value, str) or not LITERAL.fullmatch(value):
            yield f"value {value!r} is no quoted number"


def printed_numbers(text: str) -> set[str]:
    """All numbers of a text, as they stand."""
    return {number.lstrip("+") for number in NUMBER.findall(text.replace("−", "-"))}


def significant(literal: str) -> int:
    return len(literal.lstrip("-").replace(".", "").lstrip("0"))


def agrees(printed: str, literal: str) -> bool:
    """Whether the printed number is the literal, or has more digits and rounds to it."""
    if not (Decimal(printed).is_finite() and Decimal(literal).is_finite()):
        return printed == literal
    shown, wanted = Decimal(printed), Decimal(literal)
    digits = -wanted.as_tuple().exponent
    if digits and -shown.as_tuple().exponent < digits:
        return False
    if digits == 0 or significant(literal) < SIGNIFICANT_ENOUGH:
        return shown == wanted
    return shown.quantize(wanted, rounding=ROUND_HALF_UP) == wanted


def missing(values: tuple[str, ...], outputs: str) -> list[str]:
    """The literals that the outputs do not show."""
    shown = printed_numbers(outputs)
    return [value for value in values if not any(agrees(number, value) for number in shown)]


def falsified(literal: str) -> str:
    """The literal with its last digit (or the sign of infinity) wrong."""
    if not literal[-1].isdigit():
        return {"inf": "-inf", "-inf": "inf", "nan": "-inf"}[literal]
    return literal[:-1] + str((int(literal[-1]) + 1) % 10)


def output_text(cell: Any) -> str:
    """What a notebook cell printed or showed as text."""
    parts = []
    for output in cell.get("outputs", []):
        text = output.get("text") or output.get("data", {}).get("text/plain", "")
        parts.append("".join(text))
    return "\n".join(parts)


def tagged_cells(notebooks: list[Any], tag: str) -> list[Any]:
    """The executed code cells that carry the tag."""
    return [
        cell
        for notebook in notebooks
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
        and tag in cell["metadata"].get("tags", [])
        and cell.get("execution_count")
    ]
