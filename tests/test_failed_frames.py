"""Exposures that failed: named, offered to be left out, and never made anew from the other frames."""

from types import SimpleNamespace

import numpy as np
import pytest
from flt_files import stage_0_folder
from hypothesis import given
from hypothesis import strategies as st
from visits import everything, small_folder, small_visit, tiny_visit  # noqa: F401

from hustle_widgets import Reduction, load_visit
from hustle_widgets.algorithms.failed_frames import pixel_problems
from hustle_widgets.assessment import assess
from hustle_widgets.config import read_config
from hustle_widgets.engine.blocks import Source, State
from hustle_widgets.engine.deltas import KeptFrames, Outcome, Patch, Table
from hustle_widgets.pipeline import reduce_visible
from hustle_widgets.steps.following import Following, track_of
from hustle_widgets.steps.frame_names import middle_frame, sound_frames
from hustle_widgets.steps.reference import without_failed
from hustle_widgets.steps.uniform import UniformBackground
from hustle_widgets.steps.watch import looked_at
from hustle_widgets.view.live.ends import ReadLive
from hustle_widgets.view.live.tracks import ZerothLive
from hustle_widgets.view.selection import Selection

OFF = {"do_led": False, "do_smooth": False, "do_column": False, "do_Pagul": False, "do_0thtracking": False}
OFF |= {"do_location": False, "do_bkg_stars": False, "do_save": False, "bounds": None, "fixed_sigmas": [4, 4]}
FAILED = 7


def trace_visit(seed=0, n_frames=20, shape=(30, 50)):
    rng = np.random.default_rng(seed)
    images = rng.normal(12, 4, (n_frames, *shape))
    images[:, 14:17] += 3000 + rng.normal(0, 55, (n_frames, 3, shape[1]))
    return images.astype(np.float32)


@pytest.fixture
def shut():
    """Twenty frames, one of which saw nothing."""

    def change(images):
        images[FAILED] = np.random.default_rng(1).normal(0, 3, images[0].shape)

    return tiny_visit(20, change=change)


def light(images):
    return np.asarray(images).sum(axis=(1, 2)) / np.median(np.asarray(images).sum(axis=(1, 2)))


def test_a_closed_shutter_is_named_and_not_made_anew(shut):
    reduction = Reduction(shut, **OFF, do_uniform=False)
    clean = reduction.run()
    before = light(shut.images)
    assert before[FAILED] < 0.1
    assert light(clean.images)[FAILED] == pytest.approx(before[FAILED], abs=0.02)
    assert (
        "Frame 7 (or01fm008_flt.fits): it holds 0% of the light of most frames: the shutter stayed closed"
        in reduction.read_data.notes
    )
    assert "skip_frames = [7]" in reduction.read_data.notes
    for step in (reduction.fixed_iter, reduction.free_iter):
        assert "Frame 7" in step.notes and "leaves the frame as it is" in step.notes, step.name
        assert "Frame 6" not in step.notes
    quality = clean.data_quality.values
    assert np.count_nonzero(quality[FAILED] & 6) == 0 < np.count_nonzero(quality[FAILED - 1] & 6)


def test_the_other_frames_are_cleaned_as_before(shut, monkeypatch):
    clean = Reduction(shut, **OFF).run()
    monkeypatch.setattr("hustle_widgets.steps.base.looked_at", lambda by, outcome, state: outcome)
    plain = Reduction(shut, **OFF).run()
    others = np.arange(20) != FAILED
    # The failed frame stays in the series of the later steps: a few pixels take other replacements.
    assert np.mean(clean.images.values[others] != plain.images.values[others]) < 0.005
    assert light(plain.images)[FAILED] > 0.8  # what it is all about


def test_frames_left_out_are_left_out(shut):
    reduction = Reduction(shut, **OFF, skip_frames=[FAILED, 0])
    clean = reduction.run()
    kept = np.setdiff1d(np.arange(20), [0, FAILED])
    np.testing.assert_array_equal(clean.exp_time, shut.exp_time[kept])
    assert reduction.read_data.notes == "18 of 20 frames are worked on."
    assert "Frame" not in reduction.free_iter.notes
    both = Reduction(shut, **OFF, skip_frames=[1], skip_first_fm=True)
    both.run()
    assert both.read_data.notes.startswith("17 of 20")


def test_frames_to_leave_out_are_checked(shut):
    reduction = Reduction(shut, **OFF, skip_frames=[20])
    with pytest.raises(ValueError, match="'skip_frames' holds 20; the visit has frames 0 to 19"):
        reduction.run()
    with pytest.raises(ValueError, match="skip_frames"):
        reduction.read_data.skip_frames = [-1]
    reduction.read_data.skip_frames = range(20)
    with pytest.raises(ValueError, match="No frame is left of 20 .* skip_frames to fewer frames"):
        reduction.run()


def test_the_config_carries_the_frames_left_out(shut, tmp_path):
    path = Reduction(shut, skip_frames=[3, 7]).write_config(tmp_path / "stage_1_x.hustle")
    assert read_config(path).get("skip_frames") == [3, 7]
    assert Reduction.from_config(path, shut).read_data.skip_frames == (3, 7)
    plain = Reduction(shut).write_config(tmp_path / "stage_1_y.hustle")
    assert Reduction.from_config(plain, shut).read_data.skip_frames == ()


def test_the_command_line_and_the_page_say_the_same(tmp_path, capsys):
    quirks = {
        2: {"primary": {"EXPFLAG": "INTERRUPTED"}},
        3: {"primary": {"EXPTIME": 0.0}},
        4: {"science": {"LTV1": "x"}},
    }
    stage_0_folder(tmp_path, n_frames=6, light=2000.0, quirks=quirks)
    visit = load_visit(tmp_path)
    reduction = Reduction(visit, **OFF, do_quicklook=False, do_hst_flags=False, verbose=2, save_plots=0)
    reduction.compute()
    reduction.wait()
    page = reduction.read_data.notes.splitlines()
    capsys.readouterr()
    reduce_visible(reduction, show=0)
    said = capsys.readouterr().out
    for words in (
        "Frame 2 (or01fm003_flt.fits): EXPFLAG is INTERRUPTED",
        "Frame 3 (or01fm004_flt.fits): EXPTIME is 0",
    ):
        assert words in visit.messages and words in said and any(words in line for line in page)
    assert all(line in said for line in page) and said.count("EXPFLAG is INTERRUPTED") == 1
    assert "skip_frames = [2, 3]" in said
    assert set(visit.messages.splitlines()) - set(page) <= {
        m for m in visit.messages.splitlines() if "Frame " in m
    }


def test_the_assessment_asks_to_look_at_failed_frames(shut):
    reduction = Reduction(shut, **OFF)
    reduction.run()
    (finding,) = [f for f in assess(reduction.state(), (20.0, 15.0)) if f.title == "Failed frames"]
    assert (
        finding.step == "read_data" and finding.verdict == "check" and "skip_frames = [7]" in finding.sentence
    )


def test_a_click_leaves_a_frame_out_and_takes_it_back(shut):
    reduction = Reduction(shut, **OFF)
    reduction.run()
    live = ReadLive(reduction.read_data, Selection())
    live.update()
    names = live.orbits._marks
    (failed,) = [marks[2] for name, marks in names.items() if name.startswith("look failed")]
    assert len(failed.x) == 1
    live.orbits._clicked(failed, {"data": {"index": 0}})
    assert reduction.read_data.skip_frames == (FAILED,)
    reduction.run()
    live.update()
    crosses = names["left out"][2]
    assert len(crosses.x) == 1 and not failed.visible
    live.orbits._clicked(crosses, {"data": {"index": 0}})
    assert reduction.read_data.skip_frames == ()
    live.orbits._clicked(crosses, {"data": {}})
    reduction.read_data.skip_first_or = True
    reduction.run()
    live.update()
    live.orbits._clicked(crosses, {"data": {"index": 0}})
    assert reduction.read_data.skip_frames == () and "left out by skip_first_fm" in live.said.value
    live.close()


KINDS = {
    "zero": lambda image: 0 * image,
    "nothing": lambda image: np.full_like(image, np.nan),
    "constant": lambda image: np.full_like(image, 77),
    "saturated": lambda image: image + 70_000,
    "shut": lambda image: np.random.default_rng(5).normal(0, 3, image.shape).astype(np.float32),
    "a third": lambda image: image / 3,
    "elsewhere": lambda image: np.roll(image, 8, axis=0),
    "doubled": lambda image: image * 2,
}


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 1000), bad=st.integers(0, 11))
def test_whatever_failed_is_named_and_nothing_else(kind, seed, bad):
    images = trace_visit(seed, 12)
    images[6:, 14:17] *= np.float32(0.97)  # a transit
    images[bad] = KINDS[kind](images[bad])
    assert [bool(problem) for problem in pixel_problems(images)] == [k == bad for k in range(12)]


def test_frames_of_other_exposure_times_are_compared_by_second():
    images, durations = trace_visit(), np.full(20, 190.0)
    images[4] /= 3
    durations[4] /= 3
    assert pixel_problems(images, durations) == [""] * 20
    assert pixel_problems(images)[4].startswith("it holds 33% of the light")


@pytest.mark.parametrize("n_frames", [1, 2, 5])
def test_without_a_source_or_others_nothing_is_said_of_light(n_frames):
    noise = (
        np.random.default_rng(2).normal(20, 4, (n_frames, 30, 50)) * np.arange(1, n_frames + 1)[:, None, None]
    )
    assert pixel_problems(noise) == [""] * n_frames


def outcome_of(shares, values=True, shape=(6, 20, 50)):
    mask = np.zeros(shape, dtype=bool)
    for k, share in enumerate(shares):
        mask[k].reshape(-1)[: round(share * 1000)] = True
    patch = Patch.where(mask, np.ones(mask.sum(), np.float32) if values else None)
    return Outcome((patch, Table(notes=("before",))))


def state_of(problems, kept=range(6)):
    images = np.zeros((8, 20, 50), np.float32)
    source = Source(images, images, images.astype(np.int16), {}, {}, "visit")
    read = Outcome((KeptFrames(np.array(kept)), Table(facts={"frame_problems": problems})))
    return State(source, {"read_data": read})


@pytest.mark.parametrize(
    ("shares", "odd"),
    [
        ((0.01, 0.01, 0.02, 0.01, 0.01, 0.012), []),
        ((0.01, 0.01, 0.2, 0.01, 0.01, 0.01), [2]),
        ((0.0, 0.0, 0.004, 0.0, 0.0, 0.0), []),
        ((0.1, 0.1, 0.45, 0.1, 0.1, 0.1), [2]),
        ((0.5, 0.5, 0.5, 0.5, 0.5, 0.5), []),
        ((0.01, 1.0, 1.0, 0.01, 0.01, 0.01), [1, 2]),
    ],
)
def test_an_implausible_share_is_named(shares, odd):
    outcome = looked_at("frames", outcome_of(shares), state_of({}))
    assert outcome.table.notes[0] == "before"
    assert [int(note.split()[1].rstrip(":")) for note in outcome.table.notes[1:]] == odd
    assert len(outcome.patch) == len(outcome_of(shares).patch)


def test_only_failed_frames_are_spared_and_only_by_steps_that_look_at_other_frames():
    shares = (0.01, 0.01, 0.2, 0.01, 0.2, 0.01)
    state = state_of({3: "it failed"}, kept=[0, 1, 3, 5, 6, 7])
    by_rows = looked_at("rows", outcome_of(shares), state)
    np.testing.assert_array_equal(by_rows.patch.counts[0], [10, 10, 0, 10, 200, 10])
    assert not by_rows.patch.frame_pixels(2)[0].size and by_rows.patch.frame_pixels(4)[0].size == 200
    assert "Frame 3: it failed. This step would replace 20.0%" in by_rows.table.notes[1]
    assert by_rows.table.notes[2].startswith("Frame 6: this step replaced 20.0%")
    for other in (
        looked_at("frames", outcome_of(shares), state),
        looked_at("rows", outcome_of(shares, False), state),
    ):
        assert len(other.patch) == 440 and "Frame 3: this step" in other.table.notes[1]


def test_many_failed_frames_are_told_in_few_lines(tmp_path):
    stage_0_folder(tmp_path, n_frames=14, light=2000.0, primary={"FGSLOCK": "GYROS"})
    visit = load_visit(tmp_path)
    assert len(visit.messages.splitlines()) < 12
    assert "Something failed in 6 more frames: 8, 9, 10, 11, 12, 13." in visit.messages
    reduction = Reduction(visit, **OFF, do_quicklook=False)
    reduction.compute()
    reduction.wait()
    notes = reduction.read_data.notes.splitlines()
    assert len(notes) < 13 and "6 more frames: [8, 9, 10, 11, 12, 13]" in notes[-2]
    assert not any(line in visit.messages for line in notes if "Frame" in line and "Leave it out" in line)


def test_a_frame_of_which_most_would_be_replaced_is_spared_too():
    by_rows = looked_at("rows", outcome_of((0.01, 0.01, 0.4, 0.01, 0.01, 0.01)), state_of({}))
    np.testing.assert_array_equal(by_rows.patch.counts[0], [10, 10, 0, 10, 10, 10])
    assert "Frame 2: its pixels are unlike" in by_rows.table.notes[1]
    assert "leaves the frame as it is" in by_rows.table.notes[1]


@pytest.mark.parametrize("more", [40, 100])
def test_a_frame_with_another_sky_keeps_it_until_it_is_subtracted(more):
    """Light of the Earth: replaced off the traces by that of other frames, it would stay under the traces."""

    def brighter(images):
        images[:] = trace_visit(shape=images.shape[1:])
        images[3] += more

    visit = tiny_visit(20, change=brighter)
    clean = Reduction(visit, **OFF, do_uniform=False).run().images.values
    sky = np.r_[0:10, 21:30]
    before, after = (np.median(images[:, sky], axis=(1, 2)) for images in (visit.images.values, clean))
    assert before[3] > 40
    np.testing.assert_allclose(after, before, atol=0.3)


def tracked(small_folder, small_visit, frame):  # noqa: F811
    """The trackers alone, on a visit of which one frame shows all light 45 rows away."""
    images = small_visit["images"].values.copy()
    if frame is not None:
        images[frame] = np.roll(images[frame], 45, axis=0)
    visit = small_visit.assign(images=small_visit["images"].copy(data=images))
    off = {name: False for name in Reduction(visit).values() if name.startswith("do_")}
    on = {"do_0thtracking": True, "do_bkg_stars": True, "do_location": True}
    reduction = Reduction(visit, **{**everything(small_folder), **off, **on})
    reduction.run()
    return reduction


DISPLACED = ("0th_order_disp", "meanstar_disp", "star0_disp", "star1_disp")


def displaced(reduction):
    tables = [outcome.table for outcome in reduction.outcomes().values()]
    return {
        name: (table, table.columns[name]) for table in tables for name in DISPLACED if name in table.columns
    }


def test_displacements_count_from_the_first_frame_that_did_not_fail(small_folder, small_visit):  # noqa: F811
    plain = displaced(tracked(small_folder, small_visit, None))
    reduction = tracked(small_folder, small_visit, 0)
    found = displaced(reduction)
    assert set(found) == set(plain) == set(DISPLACED)
    for name, (table, moved) in found.items():
        true = plain[name][1]
        # A mean without the failed frame has other weights.
        np.testing.assert_allclose(moved[1:], true[1:] - true[1], atol=0.05, err_msg=name)
        assert np.isnan(without_failed(table, name)[0]).all() and not np.isnan(moved[1:]).any()
    assert np.abs(found["0th_order_disp"][1][0, 1]) > 40  # its own value
    for step in (reduction.zeroth_tracking, reduction.bkg_stars):
        assert "count from frame 1 (or01fm002_flt.fits)" in step.notes
        kind, outcome = type(step), reduction.outcomes()[step.name]
        (moved,) = [line for _, line in kind.words(outcome, {}) if "moved by" in line]
        assert max(float(word) for word in moved.split() if word[0].isdigit()) < 1, moved
    live = ZerothLive(reduction.zeroth_tracking, Selection(frame=3))
    live.update()
    windows, _ = live.followed()
    assert [window.name for window in windows] == ["frame 1", "frame 3 (shown)", "frame 5"]
    assert all(np.nanmax(np.abs(move)) < 1 for move in live.tracks().values())
    live.close()


@pytest.mark.parametrize("frame", [None, 3])
def test_with_a_sound_first_frame_displacements_are_those_of_the_first_frame(
    small_folder,  # noqa: F811
    small_visit,  # noqa: F811
    frame,
):
    reduction = tracked(small_folder, small_visit, frame)
    table = reduction.outcomes()["zeroth_tracking"].table
    position = table.columns["0th_order_pos"]
    np.testing.assert_array_equal(table.columns["0th_order_disp"], position - position[0])
    stars = reduction.outcomes()["bkg_stars"].table.columns
    np.testing.assert_array_equal(stars["star1_disp"], stars["star1_pos"] - stars["star1_pos"][0])
    assert (stars["meanstar_disp"][0] == 0).all()
    assert "count from" not in reduction.zeroth_tracking.notes + reduction.bkg_stars.notes


def test_the_traces_count_from_the_first_sound_frame_too():
    motion = SimpleNamespace(
        flux=np.ones(6), column=np.array([9.0, 1, 2, 3, 2, 1]), row=np.array([-9.0, 0, 0, 1, 0, 0])
    )
    layout = SimpleNamespace(pixels=np.arange(3))
    following = Following(SimpleNamespace(motion=motion, layout=layout), ("before",))
    table = track_of(following, state_of({0: "it failed"}))
    np.testing.assert_array_equal(table.columns["trace_disp"][:, 0], [8, 0, 1, 2, 1, 0])
    assert table.notes[0] == "before" and "count from frame 1" in table.notes[1]
    plain = track_of(following, state_of({4: "it failed"}))
    np.testing.assert_array_equal(plain.columns["trace_disp"][:, 0], [0, -8, -7, -6, -7, -8])
    assert plain.notes == ("before",)


def test_what_looks_at_one_frame_looks_at_a_sound_one():
    state = state_of({0: "it failed", 3: "it failed"}, kept=[0, 1, 2, 3, 4, 5])
    state.source.images[1:] = np.random.default_rng(3).normal(20, 4, (7, 20, 50))
    limits = UniformBackground.matters("hist_max", state)
    assert limits is not None and 30 < limits[1] < 200
    assert middle_frame(state) == 2 and sound_frames(state).tolist() == [False, True, True, False, True, True]
    every = state_of(dict.fromkeys(range(6), "it failed"))
    assert sound_frames(every).all() and middle_frame(every) == 3
