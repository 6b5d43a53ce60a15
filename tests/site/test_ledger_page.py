"""The page *What the sources say, and what holds* shows every record, or those asked for."""

import re
from pathlib import Path

import claims
import pytest
from book_pages import ROOT
from reading import opened

RECORDS = claims.load(ROOT / "chapters" / "claims.yml").records
PAGE = "appendix/ledger.html"


def shown(page) -> int:
    return page.locator("dt.record:visible").count()


@pytest.mark.parametrize("scripts", [True, False])
def test_every_record_is_shown(scripts: bool, site: Path, contexts) -> None:
    with opened(contexts[1280, "light", scripts], (site / PAGE).as_uri()) as (page, faults):
        assert shown(page) == len(RECORDS) == claims.STATEMENTS
        assert page.locator("#ledger-filter").is_visible() == scripts
        assert not faults


@pytest.mark.parametrize(
    ("source", "verdict", "chapter"),
    [("003", "wrong", ""), ("", "ill-posed", ""), ("002", "", "09_wasserstein"), ("", "", "texts")],
)
def test_the_filter_shows_what_fits(
    source: str, verdict: str, chapter: str, site: Path, contexts
) -> None:
    fitting = [
        record
        for record in RECORDS
        if source in ("", record.source)
        and verdict in ("", record.verdict)
        and chapter in ("", record.chapter)
    ]
    with opened(contexts[390, "light", True], (site / PAGE).as_uri()) as (page, _):
        for name, prefix, value in [
            ("source", "source", source),
            ("verdict", "judged", verdict),
            ("chapter", "ledger", chapter),
        ]:
            page.select_option(f"select[name={name}]", value and f"{prefix}-{value}")
        assert shown(page) == len(fitting) > 0
        assert page.inner_text("#ledger-filter output") == f"Statements: {len(fitting)}"
        groups = {record.group for record in fitting}
        assert page.locator("section:has(> dl.ledger):visible").count() == len(groups)


def test_a_link_to_a_record_that_is_filtered_away_brings_it_back(site: Path, contexts) -> None:
    with opened(contexts[1280, "light", True], (site / PAGE).as_uri()) as (page, _):
        page.select_option("select[name=verdict]", "judged-opinion")
        assert not page.locator("#record-002-gan-constant").is_visible()
        page.evaluate("location.hash = 'record-002-gan-constant'")
        page.locator("#record-002-gan-constant").wait_for()


def test_links_to_cells_lead_to_the_cells_that_show_it(site: Path) -> None:
    html = (site / PAGE).read_text("utf-8")
    links = re.findall(r'href="\.\./([^"#]+)#(cell-[^"]+)"', html)
    assert len(links) > 40
    for name, anchor in links:
        before, found, _ = (site / name).read_text("utf-8").partition(f'id="{anchor}"')
        assert found, (name, anchor)
        cell = before[before.rindex('<div class="cell') :]
        assert "tag_claim-" in cell, anchor
        assert "<pre" not in cell, f"{anchor} is not at the head of its cell"
