"""Numbers in prose come from executed outputs; pages are as long as they say."""

import math
import re

import claims
import nbformat
import pytest
from conftest import CHAPTERS, NOTEBOOKS, ROOT

LONGEST_CORE_PAGE = 30  # minutes
WORDS_A_MINUTE = 200
MINUTES_A_PROOF = 3
AMERICAN = re.compile(  # the book writes British English
    r"\b(\w*(?:i[sz]ati|[^s]iz(?:e[drs]?|ing)\b|yz(?:e[drs]?|ing)\b))|"
    r"\b((?:(?:behavi|col|fav|flav|harb|hon|hum|lab|neighb|rum)or|(?:cent|met|fib)er)(?!at|ic)\w*|"
    r"gray\w*|(?:label|model|travel|cancel|signal)(?:ed|ing)|(?:defen|offen)se|catalog|judgment|"
    r"fulfill|skeptic\w*|maneuver)\b",
    re.I,
)
ALSO_BRITISH = re.compile(r"isati|\b(?:re)?siz|prize|seize|capsize|\bmaize", re.I)
ALLOWED_EXCEPTIONS = 20
# What prose writes in capitals; any other word is a place that was to be filled in.
ABBREVIATIONS = set("AIC ELBO GAN JS KL MAP MB MNIST PAC PDF PMF POT PPO TRPO TV VAE".split())
FORMULA = re.compile(r"\$\$.*?\$\$|\$[^$]*\$", re.S)

# What is not prose: inline code, targets, link addresses, roles and the lines of directives.
NOT_PROSE = re.compile(
    r"`[^`\n]*`|^\([\w-]+\)=$|\]\([^)]*\)|\{[\w:]+\}|^`{3,}.*$|^:\w+:.*$|\$\$ \([\w-]+\)", re.M
)
NUMBER = re.compile(r"(?<![\w.,])\d+(?:[ \u2009\\,]\d{3})*(?:\.\d+)?(?![\w.]*\d)")


def chapter_of(path):
    return path.name[:2]


def prose(notebook):
    return "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")


def plain(number):
    """The digits of a number without the spaces that group them."""
    return re.sub(r"[^\d.]", "", number)


def numbers_to_find(text):
    """Decimals and whole numbers of three digits or more."""
    found = {plain(number) for number in NUMBER.findall(NOT_PROSE.sub(" ", text))}
    return {n for n in found if "." in n or len(n) >= 3}


def printed(notebooks):
    outputs = [claims.output_text(c) for nb in notebooks for c in nb.cells if c.cell_type == "code"]
    return {number.lstrip("+-") for number in claims.printed_numbers("\n".join(outputs))}


def unprinted(text, shown, allowed):
    """Numbers of the text that no output shows at their precision."""
    wanted = numbers_to_find(text) - set(allowed)
    return sorted(n for n in wanted if not any(same(number, n) for number in shown))


def same(shown, number):
    return shown == number or claims.agrees(shown, number)


def reading_minutes(notebook):
    """Words at an even pace, a minute for each cell and three for each proof."""
    text = prose(notebook)
    words = len(re.findall(r"[A-Za-z][\w'-]*", re.sub(r"\$[^$]*\$", " x ", text)))
    cells = sum(cell.cell_type == "code" for cell in notebook.cells)
    proofs = len(re.findall(r"\{prf:proof\}", text))
    return math.ceil(words / WORDS_A_MINUTE + cells + MINUTES_A_PROOF * proofs)


def test_numbers_in_prose_are_printed_by_a_cell_of_the_chapter(path, notebook):
    chapter = [nbformat.read(p, 4) for p in NOTEBOOKS if chapter_of(p) == chapter_of(path)]
    allowed = notebook.metadata["course"].get("allow", {})
    assert len(allowed) <= ALLOWED_EXCEPTIONS
    assert all(allowed.values()), "every exception has a reason"
    assert unprinted(prose(notebook), printed(chapter), allowed) == []


def test_core_pages_state_their_reading_time_and_keep_within_it(path, notebook):
    if path.parent != CHAPTERS:
        assert "Reading time" not in prose(notebook)
        return
    stated = re.search(r"^\*Reading time: (\d+) minutes\.\*$", prose(notebook), re.M)
    minutes = reading_minutes(notebook)
    assert stated is not None, f"write *Reading time: {minutes} minutes.* below the title"
    assert int(stated[1]) == minutes <= LONGEST_CORE_PAGE


def test_every_page_describes_itself_in_one_sentence(notebook):
    assert 50 <= len(notebook.metadata["course"]["description"]) <= 155


def american(text):
    """Words that a British page spells otherwise."""
    text = re.sub(r"^(?:>>>|\.\.\.) .*$", " ", text, flags=re.M)
    words = [match[0] for match in AMERICAN.finditer(NOT_PROSE.sub(" ", text))]
    return [word for word in words if not ALSO_BRITISH.search(word)]


def test_nothing_is_left_to_be_filled_in(notebook):
    words = FORMULA.sub(" ", NOT_PROSE.sub(" ", prose(notebook)))
    assert set(re.findall(r"\b[A-Z]{2,}\b", words)) <= ABBREVIATIONS


def test_spelling_is_british(notebook):
    assert american(prose(notebook)) == []


@pytest.mark.parametrize("page", sorted((ROOT / "appendix").glob("*.md")), ids=lambda p: p.stem)
def test_spelling_of_the_appendix_is_british(page):
    assert american(page.read_text("utf-8")) == []


def test_american_spelling_is_found():
    text = "We normalize colors at the center, and analyzed `color` gray. Sizes, prizes, quantisation."
    assert american(text) == ["normalize", "colors", "center", "analyzed", "gray"]


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("The divergence is $1.2929$ nats.", ["1.2929"]),
        ("The divergence is 1.2928 nats, of 12 500.", []),
        ("There are 12 600 images.", ["12600"]),
        ("See `x = 3.5` and [a link](https://doi.org/10.1000/182).", []),
    ],
)
def test_an_invented_number_is_found(text, missing):
    assert unprinted(text, {"1.292822", "12500"}, {}) == missing
