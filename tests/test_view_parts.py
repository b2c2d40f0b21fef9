"""Pieces of the live views without a browser: exact pictures, acts of the mouse, nothing left behind."""

import io
import time
import uuid

import bqplot
import ipywidgets
import numpy as np
import pytest
from PIL import Image

from hustle_widgets.view import encode
from hustle_widgets.view.frame.frame_image import FrameImage
from hustle_widgets.view.plots.closing import close_tree
from hustle_widgets.view.plots.curve_plot import Curve, CurvePlot
from hustle_widgets.view.plots.histogram_plot import HistogramPlot
from hustle_widgets.view.plots.light_curve_plot import LightCurvePlot
from hustle_widgets.view.plots.panel import break_gaps, nice_ticks, span_of
from hustle_widgets.view.plots.series_plot import SeriesPlot


def pixels(file):
    """Red, green, blue, opacity of a PNG file with the lowest row first, read by another program."""
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGBA"))[::-1]


def open_widgets():
    return set(ipywidgets.Widget._all_widgets() if hasattr(ipywidgets.Widget, "_all_widgets") else _table())


def _table():
    from ipywidgets.widgets.widget import _instances

    return _instances


def by_mouse(mark, **values):
    """What arrives when the browser has moved a mark: all traits are set before anyone hears of it."""
    with mark.hold_trait_notifications():
        for name, value in values.items():
            setattr(mark, name, np.asarray(value, dtype=float))


# Ends


class Wire:
    """Stands for a widget's comm, and notes when it is closed."""

    def __init__(self, closed):
        self.comm_id, self.kernel = uuid.uuid4().hex, "a kernel"
        self.closed = closed

    def on_msg(self, callback):
        pass

    def send(self, *message, **more):
        pass

    def close(self):
        self.closed.append(time.monotonic())


def test_many_widgets_end_at_once_in_the_kernel_and_slower_than_a_server_allows_on_the_page():
    closed = []
    parts = [ipywidgets.HTML(str(k), comm=Wire(closed)) for k in range(400)]
    before = open_widgets()
    close_tree(ipywidgets.VBox(parts))
    assert not {part for part in parts if part.comm is not None}
    assert not set(map(id, parts)) & {id(widget) for widget in _table().values()}
    assert len(open_widgets()) < len(before)
    deadline = time.monotonic() + 20
    while len(closed) < len(parts) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(closed) == len(parts), "the page is never told of some"
    # Jupyter's server drops what comes after 3000 messages in 3 seconds; a new page needs some of them.
    at_most = max(np.searchsorted(closed, start + 0.5) - k for k, start in enumerate(closed))
    assert at_most < len(parts)
    assert at_most / 0.5 * 3 <= 2000
    close_tree(*parts)  # a second end is none
    assert len(closed) == len(parts)


# Pictures


def test_png_is_read_back_with_row_0_at_the_bottom():
    indices = np.arange(15, dtype=np.uint8).reshape(3, 5)
    colors = encode.palette("viridis")
    assert np.array_equal(pixels(encode.png(indices, colors))[..., :3], colors[indices])


@pytest.mark.parametrize("name", ["viridis", "gray", "cividis", "inferno"])
def test_colour_maps_are_those_of_matplotlib(name):
    from matplotlib import colormaps

    truth = colormaps[name](np.linspace(0, 1, 255))[:, :3] * 255
    assert np.abs(encode.palette(name)[:255] - truth).max() < 12
    assert tuple(encode.palette(name)[255]) == encode.NAN_COLOR


def test_diverging_map_is_palest_at_zero():
    low, high = encode.auto_limits(np.array([[-3.0, 1.0], [0.5, np.nan]]), symmetric=True)
    assert low == -high < 0
    middle = encode.stretch(np.zeros((1, 1)), low, high)[0, 0]
    colors = encode.palette("diverging")[:255].astype(int)
    assert np.argmax(colors.sum(axis=1)) == middle


@pytest.mark.parametrize("kind", encode.STRETCHES)
def test_stretch_is_the_formula(kind):
    values = np.array([[-5, 0, 1, 30, 100, 500]], dtype=np.float32)
    t = np.clip(values.astype(float) / 100, 0, 1)
    formula = {
        "linear": t,
        "log": np.log(1 + 1000 * t) / np.log(1001),
        "asinh": np.arcsinh(10 * t) / np.arcsinh(10),
    }
    assert np.abs(encode.stretch(values, 0, 100, kind) - 254 * formula[kind]).max() <= 0.51


def test_nan_has_a_colour_of_its_own_and_infinity_that_of_the_ends():
    indices = encode.stretch(np.array([[np.nan, np.inf, -np.inf]]), 0, 1)
    assert indices.tolist() == [[255, 254, 0]]


def test_stretch_refuses_what_it_cannot_draw():
    with pytest.raises(ValueError, match="no stretch 'sqrt'"):
        encode.stretch(np.zeros((1, 1)), 0, 1, "sqrt")
    with pytest.raises(ValueError, match="upper limit"):
        encode.stretch(np.zeros((1, 1)), 1, 1)
    with pytest.raises(ValueError, match="no colour map 'jet'"):
        encode.palette("jet")


def test_automatic_limits_ignore_hot_pixels_and_nan():
    rng = np.random.default_rng(3)
    image = rng.normal(60, 5, (100, 200))
    image[rng.integers(0, 100, 20), rng.integers(0, 200, 20)] = 1e6
    image[:, 50:60] = np.nan
    low, high = encode.auto_limits(image)
    assert 40 < low < 55
    assert 65 < high < 90


@pytest.mark.parametrize("image", [np.full((4, 4), np.nan), np.full((4, 4), 7.0), np.zeros((4, 4))])
def test_automatic_limits_of_an_image_without_contrast_can_be_drawn(image):
    for symmetric in (False, True):
        low, high = encode.auto_limits(image, symmetric=symmetric)
        encode.stretch(image, low, high)


@pytest.mark.parametrize("shape", [(6, 8), (7, 9), (1, 1)])
@pytest.mark.parametrize("factor", [1, 2, 3])
def test_shrinking_keeps_the_largest_value_of_each_block(shape, factor):
    rng = np.random.default_rng(5)
    image = rng.normal(size=shape).astype(np.float32)
    image[rng.random(shape) < 0.3] = np.nan
    for by, key in (("max", lambda v: v), ("extreme", abs)):
        out = encode.shrink(image, factor, by=by)
        for (row, column), got in np.ndenumerate(out):
            block = image[row * factor :, column * factor :][:factor, :factor].ravel()
            block = block[~np.isnan(block)]
            truth = max(block, key=key) if block.size else np.nan
            assert np.array_equal(got, truth, equal_nan=True)


def test_marked_pixels_of_any_block_are_drawn_and_those_outside_left_out():
    rows, columns = np.array([0, 6, 3, -1, 7]), np.array([0, 8, 4, 2, 0])
    drawn = encode.overlay_indices((7, 9), [(rows, columns)], factor=2)
    truth = np.zeros((4, 5), dtype=int)
    truth[[0, 3, 1], [0, 4, 2]] = 1
    assert np.array_equal(drawn, truth)
    drawn = encode.overlay_indices((7, 9), [(rows, columns)], region=(3, 7, 4, 9))
    assert np.argwhere(drawn).tolist() == [[0, 0], [3, 4]]
    drawn = encode.overlay_indices((7, 9), [(rows[:1], columns[:1]), (rows[:1] + 1, columns[:1])], grow=True)
    assert drawn[:3, :2].tolist() == [[2, 1], [2, 2], [2, 0]]


# The frame


def shown(mark):
    return pixels(mark.image.value)


def test_a_zoomed_frame_is_drawn_pixel_by_pixel_with_marks_in_place():
    rng = np.random.default_rng(7)
    frame = rng.normal(50, 5, (60, 210)).astype(np.float32)
    view = FrameImage(frame.shape)
    view.show_frame(frame)
    view.show_overlay("hits", [33], [70], "#d55e00", "cosmic rays")
    heard = []
    view.on_zoom(heard.append)
    view.zoom_to((30, 40, 60, 95))
    assert heard == [view.region] == [(30, 40, 60, 95)]
    assert view.zoomed
    low, high = view.toolbar.limits_for(frame, False)
    colors = encode.palette("viridis")
    truth = colors[encode.stretch(frame[30:40, 60:95], low, high, "asinh")]
    assert np.array_equal(shown(view._image.mark)[..., :3], truth)
    assert tuple(view._image.mark.x) == (59.5, 94.5)
    assert tuple(view._image.mark.y) == (29.5, 39.5)
    opaque = np.argwhere(shown(view._marked.mark)[..., 3])
    assert opaque.tolist() == [[3, 10]]
    assert tuple(shown(view._marked.mark)[3, 10, :3]) == (0xD5, 0x5E, 0x00)
    view.zoom_to(None)
    assert not view.zoomed
    assert shown(view._image.mark).shape[:2] == frame.shape
    view.close()


def test_a_single_hot_pixel_and_a_single_hit_survive_in_a_wide_frame():
    frame = np.zeros((40, 2600), dtype=np.float32)
    frame[21, 1001] = 1e4
    view = FrameImage(frame.shape)
    view.show_frame(frame)
    view.show_overlay("hits", [21], [1001], "#d55e00", "hits")
    picture = shown(view._image.mark)
    assert picture.shape[:2] == (20, 1300)
    assert np.argwhere((picture != picture[0, 0]).any(axis=2)).tolist() == [[10, 500]]
    assert shown(view._marked.mark)[10, 500, 3] > 0
    view.hide_overlay("hits")
    assert not shown(view._marked.mark)[..., 3].any()
    view.close()


def test_marks_of_many_kinds_are_one_picture_and_the_words_follow_a_zoom():
    view = FrameImage((40, 50))
    view.show_frame(np.zeros((40, 50), dtype=np.float32))
    view.show_overlay("old", [1], [1], "#d55e00", "old hits")
    sent = []
    view._marked.mark.observe(sent.append, "image")
    view.set_overlays({"a": ([3], [4], "#d55e00", "first"), "b": ([5], [6], "#0072b2", "second")})
    assert len(sent) == 1
    picture = shown(view._marked.mark)
    assert [tuple(picture[row, column, :3]) for row, column in ((3, 4), (5, 6))] == [
        (0xD5, 0x5E, 0x00),
        (0x00, 0x72, 0xB2),
    ]
    assert not view.has_overlay("old") and not picture[1, 1, 3]
    assert "first: 1" in view.heading.value and "old hits" not in view.heading.value
    view.zoom_to([10, 20, 30, 45])
    row0, row1, column0, column1 = view.region
    assert f"rows {row0} to {row1 - 1} and columns {column0} to {column1 - 1}" in view.heading.value
    view.close()


def test_a_zoom_keeps_the_shape_of_the_plot_and_stays_inside():
    view = FrameImage((600, 2100))
    for wanted in ([0, 3, 0, 3], [590, 600, 2000, 2100], [0, 600, 5, 10], [10, 20, 100, 1900]):
        view.zoom_to(wanted)
        row0, row1, column0, column1 = view.region
        assert 0 <= row0 < row1 <= 600
        assert 0 <= column0 < column1 <= 2100
        assert row0 <= wanted[0] and row1 >= wanted[1] and column0 <= wanted[2] and column1 >= wanted[3]
        assert abs((column1 - column0) / (row1 - row0) - 3.5) < 0.5
    view.close()


def test_frames_of_another_shape_are_refused():
    view = FrameImage((4, 5))
    with pytest.raises(ValueError, match=r"shape \(4, 5\). Got \(5, 4\)"):
        view.show_frame(np.zeros((5, 4)))
    with pytest.raises(ValueError, match="must be like '#d55e00'. Got 'red'"):
        view.show_overlay("a", [0], [0], "red")
    view.close()


def test_limits_set_by_hand_stay_and_automatic_ones_follow():
    view = FrameImage((10, 10))
    rng = np.random.default_rng(0)
    frame = rng.normal(100, 5, (10, 10))
    view.show_frame(frame)
    bar = view.toolbar
    assert (bar._low.value, bar._high.value) == pytest.approx(encode.auto_limits(frame), rel=1e-3)
    view.show_frame(frame + 1000)
    assert bar._low.value > 1000
    bar._high.value = 5000.0
    assert not bar._auto.value
    view.show_frame(frame)
    assert bar.limits_for(frame, False)[1] == 5000
    bar._auto.value = True
    assert bar._high.value < 200
    view.close()


def numbered():
    frame = np.arange(12, dtype=np.float32).reshape(3, 4)
    view = FrameImage(frame.shape)
    view.show_frame(frame)
    view.describe_pixels(lambda column, row: f"flags {column + row}")
    return view


def test_a_click_tells_position_and_value():
    view = numbered()
    heard = []
    view.on_click(lambda column, row: heard.append((column, row)))
    event = {"event": "element_click", "data": {"click_x": 2.3, "click_y": 0.6}}
    view._image.mark._handle_custom_msgs(None, event)
    assert heard == [(2.3, 0.6)]
    assert view.toolbar.readout.value == "column 2, row 1: 6 e⁻, flags 3"
    view.close()


def test_the_pixel_under_the_mouse_is_read_out():
    pytest.importorskip("anywidget")
    view = numbered()
    view._pointer.position = [0.99, 0.99]
    assert view.toolbar.readout.value == "column 3, row 2: 11 e⁻, flags 5"
    view._pointer.position = []
    assert view.toolbar.readout.value == ""
    view.close()


# Boxes and points


def boxed(regions, shape=(100, 200)):
    heard = []
    view = FrameImage(shape)
    view.set_regions("sky", regions, on_change=heard.append)
    return view, view._named["sky"], heard


def test_setting_regions_draws_them_and_tells_nobody():
    view, boxes, heard = boxed([[10, 20, 30, 50]])
    assert heard == []
    assert np.nanmin(boxes._outline.x) == 29.5
    assert np.nanmax(boxes._outline.x) == 49.5
    assert np.nanmin(boxes._outline.y) == 9.5
    assert np.nanmax(boxes._outline.y) == 19.5
    view.set_regions("sky", [[1, 2, 3, 4], [5, 6, 7, 8]])
    assert heard == []
    assert [len(handle.x) for handle in boxes._handles.values()] == [2] * 5
    view.close()


@pytest.mark.parametrize(
    ("kind", "to", "truth"),
    [
        ((0, 0), (5.4, 3.6), (4, 20, 6, 50)),
        ((1, 1), (60.2, 25.1), (10, 26, 30, 61)),
        ((1, 0), (20.0, 30.4), (10, 31, 20, 50)),
        ((0, 1), (500.0, -40.0), (0, 20, 30, 200)),
        ((0, 0), (80.0, 80.0), (19, 20, 49, 50)),
        ((-1, -1), (49.5, 24.5), (20, 30, 40, 60)),
        ((-1, -1), (-90.0, 999.0), (90, 100, 0, 20)),
    ],
)
def test_dragging_a_handle_changes_the_region(kind, to, truth):
    view, boxes, heard = boxed([[10, 20, 30, 50], [70, 80, 100, 120]])
    handle = boxes._handles[kind]
    handle._handle_custom_msgs(None, {"event": "drag_start", "point": {}, "index": 0})
    x, y = np.array(handle.x), np.array(handle.y)
    x[0], y[0] = to
    by_mouse(handle, x=x, y=y)
    assert heard == [[truth, (70, 80, 100, 120)]]
    # The one under the mouse stays there, the others have followed.
    assert (handle.x[0], handle.y[0]) == to
    handle._handle_custom_msgs(None, {"event": "drag_end", "point": {}, "index": 0})
    for name, each in boxes._handles.items():
        assert (each.x[0], each.y[0]) == boxes._corner(truth, name)
    assert len(heard) == 1
    view.close()


def test_the_owner_may_set_the_regions_it_is_told_while_one_is_dragged():
    view, boxes, _ = boxed([[10, 20, 30, 50]])
    boxes.on_change = lambda regions: view.set_regions("sky", regions)
    handle = boxes._handles[1, 1]
    handle._handle_custom_msgs(None, {"event": "drag_start", "point": {}, "index": 0})
    for step in range(5):
        by_mouse(handle, x=[49.5 + step * 3.3], y=[19.5 + step])
        assert handle.x[0] == 49.5 + step * 3.3
    assert boxes.regions == [(10, 24, 30, 63)]
    view.close()


def test_a_cross_removes_its_region_and_drawing_adds_one():
    view, boxes, heard = boxed([[10, 20, 30, 50], [70, 80, 100, 120]])
    boxes._removers._handle_custom_msgs(None, {"event": "element_click", "data": {"index": 0}})
    assert heard == [[(70, 80, 100, 120)]]
    view.draw_region("sky")
    brush = view.figure.interaction
    brush.brushing = True
    with brush.hold_trait_notifications():
        brush.selected_x, brush.selected_y = np.array([4.4, 19.6]), np.array([-3.0, 9.5])
        brush.brushing = False
    assert heard[-1] == [(70, 80, 100, 120), (0, 10, 5, 20)]
    assert view.figure.interaction is None
    view.close()


def test_the_zoom_button_zooms_to_the_next_drag_once():
    view = FrameImage((100, 200))
    view.toolbar._zoom.value = True
    brush = view.figure.interaction
    with brush.hold_trait_notifications():
        brush.selected_x, brush.selected_y = np.array([9.5, 49.5]), np.array([9.5, 29.5])
        brush.brushing = True
    brush.brushing = False
    assert view.region == (10, 30, 10, 50)
    assert not view.toolbar._zoom.value
    assert view.figure.interaction is None
    view.toolbar._whole.click()
    assert not view.zoomed
    view.close()


def test_the_cross_of_a_region_is_outside_it_but_on_view():
    view, boxes, _ = boxed([[10, 20, 30, 50], [0, 9, 150, 200], [40, 50, 0, 200]])
    for (_, _, column0, column1), x in zip(boxes.regions, boxes._removers.x, strict=True):
        assert 0 < x < 200
        assert (column0, column1) == (0, 200) or not column0 <= x < column1
    view.zoom_to((0, 30, 20, 60))
    assert view.region[2] < boxes._removers.x[0] < view.region[3]
    assert boxes._removers.x[0] - 49.5 < 5
    view.close()


def test_differences_have_limits_of_their_own():
    view = FrameImage((10, 10))
    frame = np.linspace(100, 200, 100).reshape(10, 10)
    view.show_frame(frame)
    of_frame = (view.toolbar._low.value, view.toolbar._high.value)
    view.show_frame(frame - 150, difference=True)
    bar = view.toolbar
    assert bar._low.value == -bar._high.value
    bar._low.value = -10.0
    view.show_frame(frame)
    assert (bar._low.value, bar._high.value) == of_frame
    view.show_frame(frame - 150, difference=True)
    assert bar._low.value == -10
    view.close()


def test_points_tell_where_they_are_dragged():
    view = FrameImage((100, 200))
    heard = []
    view.set_points("stars", [(5, 6), (7, 8)], draggable=True, on_change=heard.append, labels=["a", "b"])
    mark, names, _ = view._named["stars"].marks
    assert heard == []
    assert list(names.text) == ["a", "b"]
    by_mouse(mark, x=[5, 50.5], y=[6, 60.25])
    assert heard == [[(5.0, 6.0), (50.5, 60.25)]]
    assert list(names.x) == [5, 50.5]
    view.set_points("stars", [(1, 2)])
    assert len(heard) == 1
    assert list(mark.x) == [1]
    view.remove("stars")
    assert mark not in view.figure.marks
    view.close()


def test_the_name_of_a_point_near_the_right_edge_is_on_its_left():
    view = FrameImage((100, 300))
    view.set_points("stars", [(20, 30), (290, 40)], labels=("star 1", "star 2"))
    points = view._named["stars"]
    assert (list(points._names.x), list(points._names.text)) == ([20], ["star 1"])
    assert (list(points._names_left.x), list(points._names_left.text)) == ([290], ["star 2"])
    view.close()


# Plots


def test_series_draws_kept_and_rejected_apart_with_the_band():
    plot = SeriesPlot()
    values = np.array([10, 12, np.nan, 90, 11.0])
    rejected = np.array([0, 0, 0, 1, 0], dtype=bool)
    replaced = np.array([10, 12, np.nan, 11, 11.0])
    plot.show(
        values,
        centre=11.0,
        sigma=2.0,
        threshold=3.0,
        rejected=rejected,
        replaced=replaced,
        here=1,
        title="Pixel",
    )
    assert list(plot._kept.y) == [10, 12, 11]
    assert list(plot._rejected.x) == [3]
    assert list(plot._rejected.y) == [90]
    assert (list(plot._new.x), list(plot._new.y)) == ([3], [11])
    assert plot._band.y[:, 0].tolist() == [17, 5]
    assert plot._here.x.tolist() == [1]
    assert plot._y_scale.min < 5
    assert plot._y_scale.max > 90
    assert "rejected: 1" in plot.heading.value
    assert "replaced by" in plot.heading.value
    plot.show(values, centre=11.0, sigma=2.0, threshold=3.0)
    assert "replaced by" not in plot.heading.value
    plot.close()


def test_dragging_an_edge_of_the_band_tells_the_threshold():
    plot = SeriesPlot()
    plot.show(np.arange(9.0), centre=4.0, sigma=2.0, threshold=1.0)
    heard = []
    plot.on_threshold(heard.append)
    upper, lower = plot._handles
    by_mouse(upper, y=[9.0])
    assert heard == [2.5]
    assert lower.y.tolist() == [-1.0]
    by_mouse(lower, y=[1.0])
    assert heard == [2.5, 1.5]
    by_mouse(upper, y=[-20.0])
    assert heard[-1] == 0
    plot.show(np.arange(9.0), centre=4.0, sigma=2.0, threshold=7.0)
    assert len(heard) == 3
    plot.close()


def test_an_edge_that_rests_keeps_its_threshold_while_the_spread_of_what_is_kept_shrinks():
    plot = SeriesPlot()
    plot.show(np.arange(9.0), centre=4.0, sigma=2.0, threshold=3.0)
    heard = []
    plot.on_threshold(heard.append)
    upper, lower = plot._handles
    upper._drag_start_handlers(upper, {})
    upper.y = np.array([8.0])
    plot.show(np.arange(9.0), centre=4.5, sigma=1.0, threshold=2.0)  # the lower threshold rejects more
    upper.y = np.array([8.0 - 1e-6])
    assert heard == pytest.approx([2.0, 2.0], abs=1e-5)
    upper._drag_end_handlers(upper, {})
    assert upper.y[0] == pytest.approx(6.5, abs=1e-5) and lower.y[0] == pytest.approx(2.5, abs=1e-5)
    plot.close()


def test_a_series_without_values_or_spread_is_drawn():
    plot = SeriesPlot()
    plot.show(np.full(5, np.nan), centre=np.nan, sigma=np.nan, threshold=3)
    assert not plot._band.visible
    plot.show(np.full(5, 3.0), centre=3.0, sigma=0.0, threshold=3)
    assert plot._y_scale.min < 3 < plot._y_scale.max
    plot.close()


def test_dragging_a_histogram_limit_tells_both_and_they_do_not_cross():
    plot = HistogramPlot()
    plot.show([0, 1, 2, 3], [5, 9, 2], limits=(0.5, 2.5), chosen=1.4)
    heard = []
    plot.on_limits(lambda low, high: heard.append((low, high)))
    by_mouse(plot._handles[1], x=[2.0])
    by_mouse(plot._handles[0], x=[5.0])
    assert heard == [(0.5, 2.0), (2.0, 2.0)]
    assert plot._bars.x.tolist() == [0, 1, 1, 2, 2, 3]
    assert plot._bars.y.tolist() == [5, 5, 9, 9, 2, 2]
    plot._log.value = True
    assert plot._bars.y.tolist() == pytest.approx(np.log10([6, 6, 10, 10, 3, 3]))
    with pytest.raises(ValueError, match="3 counts need 4 edges. Got 3"):
        plot.show([0, 1, 2], [5, 9, 2])
    plot.close()


def test_curves_are_updated_in_place_and_others_hidden():
    plot = CurvePlot("Time [h]", "Level [e⁻]")
    plot.show(Curve("a", [0, 1, 2], [1, 2, 3], error=0.5), Curve("b", [0, 1, 2], [4.0, np.nan, np.nan]))
    marks = list(plot.figure.marks)
    band, line, points = plot._marks["a"]
    assert band.y[0].tolist() == [1.5, 2.5, 3.5]
    assert plot._marks["b"][1].y.tolist() == [4.0]  # bqplot complains of lines that end in NaN
    plot.show(Curve("a", [0, 1], [7, 8]))
    assert plot.figure.marks == marks
    assert line.y.tolist() == [7, 8]
    assert not band.visible
    assert not any(mark.visible for mark in plot._marks["b"])
    plot.close()


def test_many_points_are_drawn_as_a_line_only():
    plot = CurvePlot("Column [px]", "Level [e⁻]")
    plot.show(Curve("level", np.arange(2100), np.arange(2100)))
    _, line, points = plot._marks["level"]
    assert line.visible
    assert not points.visible
    plot.close()


def test_lines_break_at_orbit_gaps():
    x, (y,) = break_gaps([0, 1, 2, 30, 31, 32], [1, 2, 3, 4, 5, 6])
    assert x.tolist() == [0, 1, 2, 16, 30, 31, 32]
    assert np.flatnonzero(np.isnan(y)).tolist() == [3]


def test_limits_of_axes_hold_all_finite_values():
    assert span_of([np.nan, 2], [4, np.inf], pad=0.5) == (1, 5)
    assert span_of([]) == (0, 1)
    low, high = span_of([3.0])
    assert low < 3 < high


@pytest.mark.parametrize("limits", [(0.9879, 1.0013), (-3, 4.1), (0, 31000), (2e-9, 3e-9), (59.5, 60.5)])
def test_ticks_are_few_round_numbers_within_the_limits(limits):
    ticks = nice_ticks(*limits)
    assert 2 <= len(ticks) <= 8
    assert ticks[0] >= limits[0]
    assert ticks[-1] <= limits[1]
    digits = {f"{step:.6e}".rstrip("0")[:1] for step in np.diff(ticks)}
    assert digits <= {"1", "2", "5"}
    assert np.allclose(ticks / np.diff(ticks)[0], np.rint(ticks / np.diff(ticks)[0]))


def test_light_curve_tells_scatter_and_shows_the_one_before():
    plot = LightCurvePlot()
    hours = np.arange(4.0)
    plot.show(
        hours,
        {"+1": [1, 1, 0.99, 1], "-1": [1, 1, 0.98, 1]},
        scatter_ppm={"+1": 1234.4},
        previous={"+1": [1, 1, 0.9, 1]},
        previous_ppm={"+1": 2000},
    )
    assert "order +1: scatter 1,234 ppm" in plot.widget.children[0].children[0].value
    assert "order −1" in plot.widget.children[0].children[0].value
    plot.close()


def test_a_residual_outside_of_the_strip_stands_at_its_edge_and_can_be_clicked():
    plot, told = LightCurvePlot(), []
    plot.on_click(told.append)
    hours, residual = np.arange(6.0), np.array([10.0, -9000, 20, 8000, -30, np.nan])
    plot.show(hours, {"+1": np.ones(6)}, residuals={"now": {"+1": residual}}, limits={"+1": 100.0})
    figure = plot.widget.children[1].children[-1]
    low, high = (getattr(figure.axes[1].scale, end) for end in ("min", "max"))
    assert -1300 < low < 0 < high < 1300  # else the others could not be told from zero
    shown = [
        mark for mark in figure.marks if isinstance(mark, bqplot.Scatter) and mark.visible and mark.x.size
    ]
    seen = {
        (x, mark.marker) for mark in shown for x, y in zip(mark.x, mark.y, strict=True) if low <= y <= high
    }
    assert seen >= {(1.0, "triangle-down"), (3.0, "triangle-up"), (0.0, "circle")}
    assert "2 beyond" in plot.widget.children[1].children[0].value
    up = next(mark for mark in shown if mark.marker == "triangle-up")
    up._handle_custom_msgs(None, {"event": "element_click", "data": {"index": 0}})
    assert told == [3.0]
    plot.show(hours, {"+1": np.ones(6)}, residuals={"now": {"+1": residual / 100}}, limits={"+1": 100.0})
    assert "beyond" not in plot.widget.children[1].children[0].value
    plot.close()


def make_frame_image():
    view = FrameImage((30, 60))
    view.show_frame(np.ones((30, 60)))
    view.show_overlay("hits", [1], [2], "#d55e00", "hits")
    view.set_regions("sky", [[1, 5, 2, 9]])
    view.set_points("target", [(3, 4)])
    view.set_paths("trace", [([1, 2, 3], [4, 5, 6])])
    view.zoom_to((2, 8, 3, 20))
    view.toolbar._zoom.value = True
    return view


def make_curve():
    plot = CurvePlot("x", "y")
    plot.show(Curve("a", [0, 1], [1, 2], error=0.1), vertical=[0.5])
    return plot


def make_light_curve():
    plot = LightCurvePlot()
    plot.show([0, 1], {"+1": [1, 1]}, previous={"+1": [1, 1]}, here=0.5)
    return plot


def make_series():
    plot = SeriesPlot()
    plot.show([1, 2, 3], centre=2, sigma=1, threshold=1)
    return plot


def make_histogram():
    plot = HistogramPlot()
    plot.show([0, 1, 2], [3, 4], limits=(0, 1), chosen=0.5, gaussian=([0, 1], [3, 4]))
    return plot


@pytest.mark.parametrize(
    "make", [make_frame_image, make_curve, make_light_curve, make_series, make_histogram]
)
def test_close_leaves_no_widget(make):
    before = open_widgets()
    part = make()
    assert len(open_widgets() - before) > 5
    part.close()
    assert open_widgets() - before == set()


def test_showing_frame_after_frame_leaves_no_old_pictures():
    view = FrameImage((30, 60))
    view.show_frame(np.ones((30, 60)))
    before = open_widgets()
    for value in range(5):
        view.show_frame(np.full((30, 60), float(value)))
        view.show_overlay("hits", [value], [value], "#d55e00", "hits")
    assert len(open_widgets()) == len(before)
    view.close()
