"""A clean visit whose cubes are made when they are indexed: right, for ever, and of its own."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from visits import digests, everything, small_folder, tiny_visit

from hustle_widgets import Reduction, load_visit, reduce
from hustle_widgets.lazy.arrays import in_memory
from hustle_widgets.lazy.backend import HustleBackend
from hustle_widgets.outputs import result_id
from hustle_widgets.visit import save_clean

__all__ = ["small_folder"]  # a fixture

CUBES = ("images", "data_quality", "badpix_mask", "errors", "hst_dq")
OPTIONS = {"do_save": False, "bounds": None, "mask_trace": False, "rows": [0], "verbose": 0}


def naively(visit: xr.Dataset, reduction: Reduction) -> dict[str, np.ndarray]:
    """Frames and flags, pixel by pixel from what each step gave."""
    kept = reduction.state().kept_frames
    images = visit["images"].values[kept].copy()
    quality, bad = np.zeros(images.shape, int), np.zeros(images.shape, bool)
    for name, outcome in reduction.outcomes().items():
        patch, offset = outcome.patch, outcome.offset
        if patch is not None:
            for entry, place in enumerate(patch.index):
                pixel = np.unravel_index(place, images.shape)
                quality[pixel] += reduction[name].flag
                bad[pixel] = patch.value is None
                if patch.value is not None:
                    images[pixel] = patch.value[entry]
        if offset is not None:
            level = offset.level if offset.level.ndim == 3 else offset.level.reshape(len(images), 1, -1)
            images -= level if offset.template is None else level * offset.template
    return {"images": images, "data_quality": quality, "badpix_mask": bad}


def in_every_way(folder: Path) -> Iterator[tuple[xr.Dataset, dict[str, object]]]:
    """Visits, and parameters that flag, replace, leave, subtract and skip in all ways."""
    yield load_visit(folder), {**everything(folder), "skip_first_fm": True, "skip_first_or": False}
    yield tiny_visit(14, seed=1), {"hst_replace": False, "free_sigma": 2.5, "skip_first_or": True, **OPTIONS}
    yield tiny_visit(7, seed=2), {"fixed_sigmas": [2, 1.8], "bkg_stars_loc": [(20, 30)], **OPTIONS}


@pytest.mark.parametrize("number", range(3))
def test_frames_and_flags_are_the_visits_with_every_delta_applied(small_folder: Path, number: int) -> None:
    visit, parameters = list(in_every_way(small_folder))[number]
    reduction = Reduction(visit, **{**parameters, "do_save": False})
    clean = reduction.run()
    expected = naively(visit, reduction)
    kept = reduction.state().kept_frames
    expected |= {name: visit[name].values[kept] for name in ("errors", "hst_dq")}
    for name in CUBES:
        assert not in_memory(clean.variables[name]), name
        np.testing.assert_array_equal(clean[name].values, expected[name], err_msg=name)
        np.testing.assert_array_equal(clean[name][-1, 3:9, ::-2], expected[name][-1, 3:9, ::-2], err_msg=name)
    assert any(expected["badpix_mask"].ravel()) == (number == 1)
    assert len(np.unique(expected["data_quality"])) > 2


@pytest.fixture
def reduction() -> Reduction:
    return Reduction(tiny_visit(), **OPTIONS)


def test_later_edits_do_not_change_a_result(reduction: Reduction) -> None:
    results, expected = [], []
    for sigma in (2.0, 2.3, 2.6, 3.0):
        reduction.free_iter.free_sigma = sigma
        results.append(reduction.run())
        expected.append(results[-1].copy(deep=True).load())
    reduction.hst_flags.enabled = False
    reduction.run()
    flagged = [int((result["data_quality"] != 0).sum()) for result in results]
    assert len(set(flagged)) > 2
    for result, before in zip(results, expected, strict=True):
        xr.testing.assert_identical(result, before)


def test_nothing_done_to_a_result_reaches_the_visit_or_the_next_result(reduction: Reduction) -> None:
    before = digests(reduction.visit)
    clean = reduction.run()
    expected = clean.copy(deep=True).load()
    for name, variable in clean.variables.items():
        if name not in clean.indexes and variable.dtype.kind != "U":
            try:
                variable.values[...] = 0
            except ValueError as error:
                assert re.search("read-only|is a view", str(error))
            try:
                clean[name][...] = 0
            except ValueError as error:
                assert re.search("read-only|is a view", str(error))
    assert (clean["images"] == 0).all() and (clean["errors"] == 0).all()
    assert digests(reduction.visit) == before
    xr.testing.assert_equal(reduce(reduction.visit, **reduction.values()), expected)
    xr.testing.assert_equal(Reduction(reduction.visit, **OPTIONS).run(), expected)


def test_many_results_cost_their_deltas(reduction: Reduction) -> None:
    results = []
    for sigma in np.linspace(2, 4, 10):
        reduction.free_iter.free_sigma = float(sigma)
        results.append(reduction.run())
    pixels = reduction.visit["images"].values
    assert not any(in_memory(result.variables[name]) for result in results for name in CUBES)
    for result in results:
        assert np.shares_memory(result["direct_image"].values, reduction.visit["direct_image"].values)
        assert not np.shares_memory(result["images"].values, pixels)


def test_a_result_is_pickled_chunked_and_written_as_any_dataset(reduction: Reduction, tmp_path: Path) -> None:
    clean = reduction.run()
    xr.testing.assert_identical(pickle.loads(pickle.dumps(clean)), clean)
    clean.drop_vars(["index", "xy"]).to_netcdf(tmp_path / "by_xarray.nc")
    save_clean(clean, tmp_path / "by_frame.nc")
    for name in ("by_xarray.nc", "by_frame.nc"):
        with xr.open_dataset(tmp_path / name, decode_times=False) as read:
            for cube in CUBES:
                np.testing.assert_array_equal(read[cube].values, clean[cube].values)
    again = Reduction(clean, **OPTIONS).run()  # a result may be the visit of another
    assert again["images"].shape == clean["images"].shape


IDENTITY = """
import sys
sys.path[:0] = {path!r}
from visits import tiny_visit
from hustle_widgets import Reduction, load_visit
from hustle_widgets.outputs import result_id
for visit in (tiny_visit(), load_visit({folder!r})):
    reduction = Reduction(visit, **{options!r})
    reduction.run()
    print(result_id(reduction.state(), reduction.values()))
"""


def test_equal_results_have_one_id_in_every_process(small_folder: Path) -> None:
    path = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    options = {**OPTIONS, "do_led": False, "do_smooth": False}
    code = IDENTITY.format(path=path, folder=str(small_folder), options=options)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    mine = []
    for visit in (tiny_visit(), load_visit(small_folder)):
        reduction = Reduction(visit, **options)
        reduction.run()
        mine.append(result_id(reduction.state(), reduction.values()))
    assert done.stdout.split()[-2:] == mine and mine[0] != mine[1]


def change(name: str, visit: xr.Dataset) -> xr.Dataset:
    """Another visit, of one changed value."""
    other = visit.copy(deep=True)
    if name == "target_posx":
        return other.assign_attrs(target_posx=visit.attrs["target_posx"] + 0.5)
    if name == "exp_time":
        return other.assign_coords(exp_time=other["exp_time"].values + 1e-5)
    values = other[name].values.copy()
    values.reshape(-1)[7 % values.size] += 1
    return other.assign({name: (other[name].dims, values)})


@pytest.mark.parametrize(
    "name", ["images", "errors", "hst_dq", "exp_time", "read_noise", "direct_image", "target_posx"]
)
def test_a_visit_is_told_by_its_content(small_folder: Path, name: str) -> None:
    for visit in (tiny_visit(), load_visit(small_folder)):
        token = Reduction(visit).state().source.token
        assert Reduction(visit.copy(deep=True)).state().source.token == token
        assert Reduction(change(name, visit)).state().source.token != token


# --- visits that come by other ways -----------------------------------------------------------------


def test_an_engine_of_xarray_opens_a_folder(small_folder: Path) -> None:
    expected = load_visit(small_folder)
    for chunks in (None, {}, {"exp_time": 2}):
        opened = xr.open_dataset(small_folder, engine=HustleBackend, chunks=chunks)
        xr.testing.assert_identical(opened.load(), expected)
    less = xr.open_dataset(small_folder, engine=HustleBackend, drop_variables=["errors"], cache=False)
    assert "errors" not in less and not in_memory(less.variables["hst_dq"])
    assert HustleBackend().guess_can_open(small_folder) and not HustleBackend().guess_can_open("clean.nc")


def test_the_engine_is_registered(small_folder: Path) -> None:
    if "hustle" not in xr.backends.list_engines():
        assert os.environ.get("CI") != "true", "install the package before its tests"
        pytest.skip("the package is not installed with its entry points")
    xr.testing.assert_identical(xr.open_dataset(small_folder, engine="hustle"), load_visit(small_folder))


@pytest.mark.parametrize("chunks", [None, {"exp_time": 3}, {"exp_time": 4, "x": 17}])
def test_a_visit_from_a_netcdf_file_gives_the_same_and_is_loaded_once(
    tmp_path: Path, chunks: dict[str, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = tiny_visit()
    expected = reduce(visit, **OPTIONS)
    visit.to_netcdf(tmp_path / "visit.nc")
    with xr.open_dataset(tmp_path / "visit.nc", chunks=chunks, decode_times=False) as opened:
        opened.attrs["target_posx"] = visit.attrs["target_posx"]
        reduction = Reduction(opened, **OPTIONS)
        if chunks:
            assert opened["errors"].chunks and opened["images"].chunks  # still to be read
        else:
            assert np.shares_memory(reduction.state().source.images, opened["images"].values)
            assert not in_memory(opened.variables["errors"])
        clean = reduction.run()
        for name in CUBES:
            np.testing.assert_array_equal(clean[name].values, expected[name].values, err_msg=name)


def test_frames_of_dask_are_computed_once() -> None:
    array = pytest.importorskip("dask.array")
    visit = tiny_visit()
    counts = {"images": 0, "errors": 0}

    def counted(name: str, values: np.ndarray) -> xr.Variable:
        def block(part: np.ndarray) -> np.ndarray:
            counts[name] += part.shape[0]
            return part

        chunked = array.from_array(values, chunks=(2, -1, -1)).map_blocks(
            block, dtype=values.dtype, meta=values
        )
        return xr.Variable(("exp_time", "x", "y"), chunked)

    lazy = visit.assign({name: counted(name, visit[name].values) for name in counts})
    reduction = Reduction(lazy, **OPTIONS)
    reduction.run()
    reduction.free_iter.free_sigma = 2.2
    clean = reduction.run()
    clean["images"].load()
    assert counts == {"images": visit.sizes["exp_time"], "errors": 0}
    np.testing.assert_array_equal(clean["errors"].values, visit["errors"].values)
    assert counts["errors"] == visit.sizes["exp_time"]
