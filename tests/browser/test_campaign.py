"""The table of a campaign under a person's hands: it sorts, and a click opens a visit as widgets."""

from __future__ import annotations

import shutil
from pathlib import Path

from lab import LabPage
from playwright.sync_api import expect
from showing import folder

__all__ = ["folder"]  # a fixture

SHOW = """
from hustle_widgets import run_many
campaign = run_many({places!r}, workers=0, progress=False, dist_from_trace=20, bounds=None, smth_bounds=None,
    verbose=0, do_Pagul=False, do_bkg_stars=False, overrides={{"b": {{"free_sigma": 6.0}}}})
campaign"""


def test_a_click_opens_a_visit(lab: LabPage, folder: Path, tmp_path: Path) -> None:  # noqa: F811
    for name in ("a", "b"):
        shutil.copytree(folder, tmp_path / name, ignore=shutil.ignore_patterns("outputs"))
    lab.new_notebook([SHOW.format(places=[str(tmp_path / name) for name in ("a", "b", "none")])])
    lab.run_all()
    page = lab.page
    table = page.locator("table.hustle-campaign")
    table.wait_for(timeout=60_000)
    rows = table.locator("tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(2)).to_contain_text("✖ failed")
    expect(rows.nth(2)).to_contain_text("none does not exist")
    # Numbers have the digits that tell visits apart.
    heads = table.locator("th").all_inner_texts()
    place = next(number for number, text in enumerate(heads) if text.startswith("Scatter"))
    scatter = lab.kernel_eval("campaign.number(0, 'scatter')")
    expect(rows.first.locator("td").nth(place)).to_have_text(f"{scatter:.2f}")
    head = table.get_by_role("button", name="Visit")
    head.click()
    head.click()
    expect(rows.first.locator("td").first).to_have_text("none")
    expect(table.locator("th").first).to_have_attribute("aria-sort", "descending")
    # White on white in one of the themes would be no table.
    ink, ground = (
        rows.nth(1).locator("td").nth(2).evaluate(f"cell => getComputedStyle(cell).{name}")
        for name in ("color", "backgroundColor")
    )
    assert ink != ground
    rows.nth(1).get_by_role("button", name="b").click()
    page.get_by_text("b is open below.").wait_for(timeout=60_000)
    page.get_by_text("White light curve").wait_for(timeout=60_000)
    expect(rows.nth(1)).to_have_class("hustle-opened")
    assert lab.kernel_eval("campaign.opened.free_iter.free_sigma") == 6.0
