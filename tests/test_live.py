"""The live view of each step, without a kernel: made, updated, previewed, closed; acts set traits and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ipywidgets.widgets.widget import _instances
from visits import everything, small_folder, tiny_visit  # noqa: F401  (a fixture)

from hustle_widgets import Reduction, load_visit
from hustle_widgets.view.frame.frame_image import FrameImage
from hustle_widgets.view.live import live_view
from hustle_widgets.view.selection import Selection

MINE = ("hst_flags", "fixed_iter", "free_iter", "led", "smooth", "uniform", "column", "pagul")
FRAME = 2
# An edit of each step, and one back to where it was.
EDITS = {
    "hst_flags": {"hst_flags": (16,)},
    "fixed_iter": {"fixed_sigmas": (2.0, 1.9)},
    "free_iter": {"free_sigma": 2.1},
    "led": {"led_threshold": 2.5},
    "smooth": {"smth_threshold": 4.0},
    "uniform": {"fit": "median"},
    "column": {"col_sigma": 2.0},
    "pagul": {"mask_parameter": 0.002},
}


@pytest.fixture(scope="module")
def reduction(small_folder: Path) -> Reduction:  # noqa: F811
    parameters = everything(small_folder) | {
        "fixed_sigmas": (2.1, 2.0),
        "free_sigma": 2.2,
        "led_threshold": 3,
    }
    made = Reduction(load_visit(small_folder), **parameters)
    computed(made)
    return made


def computed(reduction: Reduction) -> None:
    reduction.compute()
    assert reduction.wait(60)


class Shown:
    """A live view with a frame image, and what the view of a Reduction does with both."""

    def __init__(self, reduction: Reduction, name: str) -> None:
        self.reduction, self.step = reduction, reduction[name]
        _, self.rows, self.columns = reduction.state().shape
        self.selection = Selection(step=name, frame=FRAME, row=self.rows // 2, column=self.columns // 2)
        self.image = FrameImage((self.rows, self.columns))
        made = live_view(self.step, self.selection)
        assert made is not None
        self.live: Any = made
        self.draw()

    def draw(self) -> None:
        self.image.show_frame(self.reduction.state(before=self.step.name).frame(self.live.number))
        self.live.decorate(self.image)
        self.live.update()

    def boxes(self, name: str) -> list[tuple[int, int, int, int]]:
        return self.image._named[name].regions

    def close(self) -> None:
        self.live.undecorate(self.image)
        self.live.close()
        self.image.close()


Show = Callable[[str], Shown]


@pytest.fixture
def show(reduction: Reduction) -> Iterator[Show]:
    before = reduction.values()
    made: list[Shown] = []

    def show(name: str) -> Shown:
        made.append(Shown(reduction, name))
        return made[-1]

    yield show
    for one in made:
        one.close()
    reduction.set(**before)
    computed(reduction)


@pytest.mark.parametrize("name", MINE)
def test_a_view_leaves_nothing_behind(reduction: Reduction, name: str) -> None:
    known = set(_instances)
    shown = Shown(reduction, name)
    shown.live.preview()
    shown.live.undecorate(shown.image)
    left = set(shown.image._named) | set(shown.image._marked.layers)
    assert not left & set(shown.live.decorations)
    shown.live.close()
    shown.image.close()
    assert set(_instances) == known


@pytest.mark.parametrize("name", [name for name in MINE if not name.endswith("iter")])
def test_a_preview_is_what_the_full_result_is_in_this_frame(show: Show, name: str) -> None:
    shown = show(name)
    reduction, step, live = shown.reduction, shown.step, shown.live
    for trait, value in EDITS[name].items():
        assert getattr(step, trait) != value
        setattr(step, trait, value)
    preview = live.preview()
    computed(reduction)
    full = reduction.outcomes()[name]
    if full.patch is not None:
        assert flags(preview) == flags(full) != set()
    change = leaving(reduction, name, preview) - leaving(reduction, name, full)
    assert np.mean(np.abs(change) > 0.5) < 0.01


def flags(outcome: Any) -> set[tuple[int, int]]:
    return set(zip(*outcome.patch.frame_pixels(FRAME), strict=True))


def leaving(reduction: Reduction, name: str, outcome: Any) -> np.ndarray:
    """The frame as it leaves a step."""
    state = reduction.state(before=name)
    images = state.images(slice(FRAME, FRAME + 1))
    outcome.apply(images, slice(FRAME, FRAME + 1), slice(0, state.shape[1]))
    return images[0]


@pytest.mark.parametrize(
    ("name", "edit"), [("fixed_iter", {"fixed_sigmas": (4, 3.5)}), ("free_iter", {"free_sigma": 3.2})]
)
@pytest.mark.parametrize("gathered", [True, False])
def test_a_preview_of_a_rejection_in_time(name: str, edit: dict[str, Any], gathered: bool) -> None:
    reduction = Reduction(tiny_visit(40, (120, 200)), verbose=0)
    computed(reduction)
    shown = Shown(reduction, name)
    try:
        live = shown.live
        if gathered:
            assert live.suspects().ready.wait(20)
        reduction.set(**edit)
        preview = live.preview()
        assert live.suspects().ready.is_set() == gathered
        computed(reduction)
        found, truth = flags(preview), flags(reduction.outcomes()[name])
        if not gathered:
            row0, row1, *_ = live.part(6000)
            found, truth = ({at for at in one if row0 <= at[0] < row1} for one in (found, truth))
        # Of those gathered, a few of the faintest may be missing.
        assert found <= truth and len(found) >= (0.98 if gathered else 1) * len(truth) > 10
        if gathered:
            full = reduction.outcomes()[name]
            close = np.isclose(leaving(reduction, name, preview), leaving(reduction, name, full), atol=1e-3)
            assert close.mean() > 0.999
    finally:
        shown.close()


def test_a_zoomed_preview_computes_what_is_on_view(show: Show) -> None:
    shown = show("led")
    shown.image.zoom_to((100, 160, 200, 400))
    row0, row1, column0, column1 = shown.image.region
    shown.step.led_threshold = 2.5
    preview = shown.live.preview()
    computed(shown.reduction)
    inside = [
        {
            (r, c)
            for r, c in zip(*outcome.patch.frame_pixels(FRAME), strict=True)
            if row0 <= r < row1 and column0 <= c < column1
        }
        for outcome in (preview, shown.reduction.outcomes()["led"])
    ]
    assert inside[0] == inside[1] != set()


def test_frames_and_rows_are_kept_until_something_before_the_step_changes(show: Show) -> None:
    live = show("led").live
    upstream = live.upstream
    frame, row = upstream.frame(FRAME), upstream.row(5)
    live.step.led_threshold = 2.7
    assert live.upstream is upstream
    assert upstream.frame(FRAME) is frame and upstream.row(5) is row
    live.reduction["free_iter"].free_sigma = 3.0
    computed(live.reduction)
    assert live.upstream is not upstream


def test_a_step_that_is_off_has_no_preview(show: Show) -> None:
    live = show("led").live
    live.step.enabled = False
    assert live.glimpse() is None


def test_the_browser_drags_the_threshold(show: Show) -> None:
    shown = show("free_iter")
    plot = shown.live.series
    centre, sigma = plot._centre_value, plot._sigma
    handle = plot._handles[0]
    handle.y = np.array([centre + 2.0 * sigma])
    assert shown.step.free_sigma == pytest.approx(2.0, abs=0.01)
    shown.step.free_sigma = 4.0
    shown.live.preview()
    assert handle.y[0] == pytest.approx(plot._centre_value + 4.0 * plot._sigma)


def test_a_threshold_of_zero_is_refused_in_words(show: Show) -> None:
    shown = show("free_iter")
    shown.live.dragged(0.0)
    assert shown.step.free_sigma == 2.2
    assert "free_sigma" in shown.live.said.value
    shown.live.dragged(3.0)
    assert shown.step.free_sigma == 3.0 and shown.live.said.value == ""


def test_fixed_iterations_one_after_the_other(show: Show) -> None:
    shown = show("fixed_iter")
    live, step = shown.live, shown.step
    step.fixed_sigmas = (1.9, 2.1)
    row, column = next(
        (r, c)
        for r in range(shown.rows)
        for c in range(0, shown.columns, 7)
        if _flagged(live, r, c, (1.9,)).any()
    )
    shown.selection.row, shown.selection.column = row, column
    live.preview()
    series = live.upstream.row(row)[:, column].astype(float)
    sigma = series.std()
    hits = np.abs(series - np.median(series)) > 1.9 * sigma
    assert live.series._sigma == pytest.approx(sigma, rel=1e-5)
    assert live.series._counts == hits.sum() > 0
    live.iteration.index = 1
    after = np.where(hits, np.float32(np.median(series)), series)
    assert live.series._threshold == 2.1
    assert live.series._sigma == pytest.approx(after.std(), rel=1e-5)
    live.dragged(3.0)
    assert step.fixed_sigmas == (1.9, 3.0)
    step.fixed_sigmas = (2.5,)
    live.preview()
    assert live.iteration.index == 0 and live.series._threshold == 2.5


def _flagged(live: Any, row: int, column: int, sigmas: tuple[float, ...]) -> np.ndarray:
    return live._after(live.upstream.row(row)[:, column], sigmas)[1]


def test_a_click_on_a_bar_chooses_a_flag_or_drops_it(show: Show) -> None:
    shown = show("hst_flags")
    live, step = shown.live, shown.step
    bits = live.bars._bits
    live.bars._clicked(None, {"data": {"index": bits.index(16)}})
    assert step.hst_flags == (4096,)
    live.preview()
    assert live.bars._bars.color[bits.index(16)] == 0 and live.bars._bars.color[bits.index(4096)] == 1
    live.bars._clicked(None, {"data": {"index": bits.index(16)}})
    assert step.hst_flags == (16, 4096)
    step.hst_flags = (16 + 64,)
    live.toggle(16)
    assert step.hst_flags == (64,)


def test_bars_count_the_bits_of_the_frame(show: Show) -> None:
    live = show("hst_flags").live
    dq = live.reduction.visit["hst_dq"].values[FRAME]
    for bit, text in zip(live.bars._bits, live.bars._bars.x, strict=True):
        assert text.endswith(f": {np.count_nonzero(dq & bit):,}")


def drag(image: Any, region: tuple[int, int, int, int]) -> None:
    """Drag a rectangle over a picture that waits for one."""
    done = image._brush._done
    image._brush.stop()
    done(region)


@pytest.mark.parametrize(("name", "trait"), [("smooth", "smth_bounds"), ("uniform", "bounds")])
def test_boxes_set_the_parameter_and_follow_it(show: Show, name: str, trait: str) -> None:
    shown = show(name)
    live, step = shown.live, shown.step
    assert getattr(step, trait) is None and shown.boxes(trait) == []
    live.editor.begin()
    drag(shown.image, (20, 60, 100, 300))
    assert getattr(step, trait) == ((20, 60, 100, 300),)
    live.editor.begin()
    drag(shown.image, (100, 120, 10, 40))
    assert len(getattr(step, trait)) == 2
    shown.image._named[trait]._remove(None, {"data": {"index": 0}})
    assert getattr(step, trait) == ((100, 120, 10, 40),)
    shown.image._named[trait]._remove(None, {"data": {"index": 0}})
    assert getattr(step, trait) is None
    setattr(step, trait, ((5, 9, 5, 50),))
    live.preview()
    assert shown.boxes(trait) == [(5, 9, 5, 50)]


def test_the_residual_along_the_row_flags_what_the_step_flags(show: Show) -> None:
    shown = show("smooth")
    patch = shown.reduction.outcomes()["smooth"].patch
    rows, columns = patch.frame_pixels(FRAME)
    assert rows.size
    for row in np.unique(rows)[:10]:
        shown.selection.row = int(row)
        values, model, scatter = shown.live.cut()
        off = np.abs(values - model) > shown.step.smth_threshold * scatter
        assert set(columns[rows == row]) <= set(np.flatnonzero(off))
        away = np.setdiff1d(np.flatnonzero(off), columns[rows == row])
        protected = shown.live._bloom.of(
            shown.live.upstream.frame(FRAME),
            shown.live.upstream.prepared(type(shown.step), shown.live.parameters)["zeroth"],
        )
        assert all(protected is not None and protected[row, column] for column in away)


def test_limits_of_the_histogram(show: Show) -> None:
    shown = show("uniform")
    live, step = shown.live, shown.step
    step.hist_max = None
    live.preview()
    low, high = live.histogram._limits
    live.histogram._handles[0].x = np.array([-8.0])
    assert (step.hist_min, step.hist_max) == (-8.0, None)
    live.histogram._handles[1].x = np.array([high - 5.0])
    assert step.hist_max == pytest.approx(high - 5, rel=1e-3) and step.hist_min == -8.0
    step.hist_min = -3.0
    live.preview()
    assert live.histogram._handles[0].x[0] == -3.0


def test_a_range_without_pixels_is_said_not_raised(show: Show) -> None:
    shown = show("uniform")
    shown.step.hist_max = -19.0
    shown.step.hist_min = -19.5
    assert shown.live.preview() is None
    assert "widen the range" in shown.live.histogram.heading.value


def test_rows_are_brushed_on_the_frame(show: Show) -> None:
    shown = show("column")
    live, step = shown.live, shown.step
    assert "region" in shown.image._marked.layers and live.add.disabled
    step.mask_trace = False
    step.rows = (0, 1, 2, 7, 8)
    live.preview()
    assert "region" not in shown.image._marked.layers and not live.add.disabled
    assert shown.boxes("rows") == [(0, 3, 0, shown.columns), (7, 9, 0, shown.columns)]
    live.begin()
    drag(shown.image, (20, 23, 50, 90))
    assert step.rows == (0, 1, 2, 7, 8, 20, 21, 22)
    live.preview()
    assert len(shown.boxes("rows")) == 3
    shown.image._named["rows"]._remove(None, {"data": {"index": 0}})
    assert step.rows == (7, 8, 20, 21, 22)


def test_sky_factors_are_smoothed_anew_at_once(show: Show) -> None:
    shown = show("pagul")
    live, step = shown.live, shown.step
    fitted = shown.reduction.outcomes()["pagul"].table.columns["sky_scale_fitted"]
    step.smooth_fits = False
    preview = live.preview()
    assert preview.offset.level[FRAME] == pytest.approx(fitted[FRAME], rel=1e-5)
    step.smooth_fits = True
    step.smoothing_param = 1e-6
    preview = live.preview()
    assert preview.offset.level[FRAME] == pytest.approx(np.median(fitted), rel=1e-5)


def test_maps_of_edges_are_those_of_the_algorithm(show: Show) -> None:
    shown = show("led")
    patch = shown.reduction.outcomes()["led"].patch
    rows, columns = patch.frame_pixels(FRAME)
    shown.selection.row, shown.selection.column = int(rows[0]), int(columns[0])
    shown.live.update()
    over = shown.live.contrast._over
    hits = set(zip(over.x, over.y, strict=True)) & {(c, r) for r, c in zip(rows, columns, strict=True)}
    assert hits and (shown.live.significance._pixel.x, shown.live.significance._pixel.y) == (
        columns[0],
        rows[0],
    )
    row0, row1, column0, column1 = shown.live.neighbourhood()
    assert row0 <= rows[0] < row1 and column0 <= columns[0] < column1


def test_the_row_shown_is_what_is_on_view(show: Show) -> None:
    shown = show("smooth")
    shown.image.zoom_to((100, 160, 200, 400))
    *_, column0, column1 = shown.image.region
    scale = shown.live.model._x_scale
    assert column0 - 20 < scale.min < scale.max < column1 + 20
