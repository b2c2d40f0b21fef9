"""Texts of strangers on the page: whatever a header, a file's name or a pin says is shown as text, and runs nothing."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import ipywidgets as w
import numpy as np
import xarray as xr
from visits import tiny_visit

from hustle_widgets import Reduction
from hustle_widgets.campaign import Campaign
from hustle_widgets.campaign.jobs import Job
from hustle_widgets.choosing.pin_files import PINS
from hustle_widgets.steps import STAGE_1
from hustle_widgets.view.choosing.pages import PAGES
from hustle_widgets.view.page.campaign_page import CampaignPage
from hustle_widgets.view.page.reduction_view import SETUP, ReductionView

FITTED: dict[str, Any] = {
    "bounds": None,
    "smth_bounds": None,
    "dist_from_trace": 5,
    "verbose": 0,
    "do_save": False,
}
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'><b onmouseover=alert(3)>"


class Tags(HTMLParser):
    """Collects tags that run something, and attributes that do; the page itself has none of them."""

    def __init__(self) -> None:
        super().__init__()
        self.strange: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag in ("script", "img", "iframe", "object", "embed"):
            self.strange.append(tag)
        for name, value in attrs:
            if name.startswith("on") or (value or "").strip().lower().startswith("javascript:"):
                self.strange.append(f"{tag} {name}={value}")


def evil_visit(folder: str = "") -> xr.Dataset:
    visit = tiny_visit(folder=folder)
    frames = visit.sizes["exp_time"]
    visit["file_names"] = ("exp_time", np.array([f"{EVIL}{k}" for k in range(frames)]))
    visit["frame_problem"] = ("exp_time", np.array([EVIL, *[""] * (frames - 1)]))
    return visit.assign_attrs(target_name=EVIL, messages=f"{EVIL}\n{EVIL}", filter=EVIL)


def strange_in(widgets: Any) -> list[str]:
    found = []
    for widget in widgets:
        if isinstance(widget, (w.HTML, w.HTMLMath)):
            tags = Tags()
            tags.feed(widget.value)
            found += [f"{tag} in {widget.value[:300]}" for tag in tags.strange]
    return found


def all_below(widget: Any) -> list[Any]:
    """A widget and all that it holds, however it is kept."""
    found, todo, seen = [], [widget], set()
    while todo:
        one = todo.pop()
        if not isinstance(one, w.Widget) or id(one) in seen:
            continue
        seen.add(id(one))
        found.append(one)
        for name in one.keys:
            value = getattr(one, name, None)
            todo += value if isinstance(value, (list, tuple)) else [value]
    return found


def test_what_a_stranger_wrote_is_text_on_every_page(tmp_path: Path, trust: Any) -> None:
    folder = tmp_path / "<script>alert(1)" / "<img onerror=alert(2)>"
    folder.mkdir(parents=True)
    reduction = Reduction(evil_visit(str(folder)), **FITTED, path_to_Pagul=EVIL)
    view = reduction._page = ReductionView(reduction)
    reduction.computed(whole=True)
    reduction.pin("mine")
    path = reduction.pins_folder() / PINS
    content = json.loads(path.read_text())
    (pin,) = content["pins"]
    pin |= {"made": EVIL, "versions": EVIL, "visit": EVIL, "name": "theirs"}
    pin["figures"][EVIL] = 1.0
    pin["backgrounds"][EVIL] = [1.0]
    pin["curves"][EVIL] = next(iter(pin["curves"].values()))
    for finding in pin["findings"]:
        finding |= {"sentence": EVIL, "title": EVIL, "step": EVIL, "figure": EVIL}
    path.write_text(json.dumps(content))
    reduction.load_pins()
    pages = [SETUP, *reduction.steps, *PAGES]
    try:
        for name in pages:
            view.open_step(name)
            assert not strange_in(all_below(view.children[0])), name
            trust.count("pages with a stranger's texts")
        reduction.led.led_threshold = 9.0
        reduction.run()
        view.open_step(reduction.steps["read_data"].name)
        assert not strange_in(all_below(view.children[0]))
        shown = "".join(one.value for one in all_below(view.children[0]) if isinstance(one, w.HTML))
        assert "&lt;script&gt;" in shown  # it is shown, as text
    finally:
        reduction.close()


def test_a_campaign_shows_texts_as_text(trust: Any) -> None:
    row = {
        "name": EVIL, "place": EVIL, "folder": EVIL, "output_run": "run_1", "status": "done", "message": EVIL,
        "verdict": "bad", "sentence": EVIL, "target": EVIL, "curves": {EVIL: [1.0, 2.0]}, "times": [1.0, 2.0],
    }  # fmt: skip
    campaign = Campaign([row], [Job(EVIL, EVIL, "/nowhere", "run_1", STAGE_1, error=EVIL)])
    page = CampaignPage(campaign)
    page.open(0)
    assert not strange_in(all_below(page.widget))
    trust.count("pages with a stranger's texts")


TEXTS = ["$\\frac{", "$x^$", "\\", "%s {0} {name!r}", "\u202e\x07", "é\U0001f600", "a" * 5000, EVIL]


def test_figures_take_any_text(tmp_path: Path, trust: Any) -> None:
    """What mathtext cannot read is drawn as it is: every figure is there, and so is the science."""
    visit = evil_visit(str(tmp_path))
    visit = visit.assign_attrs(target_name="\n".join(TEXTS)).assign(
        file_names=("exp_time", np.array(TEXTS)),
        frame_problem=("exp_time", np.array(["", *TEXTS[1:3], *[""] * 5])),
    )
    off = dict.fromkeys(("do_fixed_iter", "do_led", "do_smooth", "do_column"), False)
    reduction = Reduction(visit, **{**FITTED, **off, "do_save": True}, save_plots=1)
    reduction.run(figures=True)
    assert reduction.save.status == "fresh" and reduction.save.notes == ""
    with xr.open_dataset(reduction.output_folder() / "clean_obs.nc") as saved:
        assert saved.attrs["target_name"] == visit.attrs["target_name"]
        assert list(saved["file_names"].values) == TEXTS
    assert len(reduction.methods().splitlines()) == 1
    place = reduction.bundle(tmp_path / "bundle")
    assert len((place / "checksums.sha256").read_text().splitlines()) in (0, len(TEXTS))
    trust.count("figures with a stranger's texts")
