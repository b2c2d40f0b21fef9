"""Cubes that are read or made when they are indexed behave as arrays that are there."""

from __future__ import annotations

import gzip
import hashlib
import pickle
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from astropy.io import fits
from flt_files import SHAPE, write_flt
from hypothesis import given
from hypothesis import strategies as st
from test_visit import folder

from hustle_widgets import Reduction, load_visit
from hustle_widgets.engine.flags import FlaggedPixels, keep_flagged
from hustle_widgets.lazy.arrays import FrameArray, in_memory, lazy_variable
from hustle_widgets.reading.content import Buffer, checksum_of
from hustle_widgets.reading.headers import Headers
from hustle_widgets.reading.planes import FilesGoneError, ImageSet
from hustle_widgets.reduction import StepError
from hustle_widgets.visit import VisitError

__all__ = ["folder"]  # a fixture

CUBE = ("exp_time", "x", "y")
EXTENSIONS = {"errors": "ERR", "hst_dq": "DQ"}
SIZE = (4, 5, 6)


class Known(FrameArray):
    """Frames of an array, and which were made."""

    def __init__(self, values):
        super().__init__(values.shape, values.dtype)
        self.values, self.made = values, []

    def frame(self, number, rows):
        self.made.append((number, rows))
        return self.values[number, rows].copy()


def indexers(size):
    bounds = st.integers(-size - 1, size + 1)
    steps = st.sampled_from([None, 1, 2, -1, -2])
    return st.one_of(
        st.integers(-size, size - 1),
        st.builds(slice, bounds, bounds, steps),
        st.lists(st.integers(-size, size - 1), max_size=4).map(lambda n: np.array(n, int)),
    )


KEYS = st.tuples(*(indexers(size) for size in SIZE))


@given(KEYS, KEYS)
def test_a_lazy_variable_is_indexed_as_an_array(key, again):
    values = np.arange(np.prod(SIZE)).reshape(SIZE)
    lazy, dense = lazy_variable(CUBE, Known(values)), xr.Variable(CUBE, values)
    xr.testing.assert_identical(lazy[key].load(), dense[key])
    # Indexed again, nothing made in between.
    more = tuple(
        part if isinstance(part, slice) else slice(None, None, 2) for part in again[: dense[key].ndim]
    )
    xr.testing.assert_identical(lazy[key][more].copy().load(), dense[key][more])


def test_only_frames_that_are_indexed_are_made():
    known = Known(np.arange(np.prod(SIZE)).reshape(SIZE))
    lazy = lazy_variable(CUBE, known)
    cut = lazy.isel(exp_time=[2, 0]).isel(x=slice(1, 3))
    assert known.made == []
    assert cut[0].values.shape == (2, 6) and known.made == [(2, slice(1, 3))]


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.1, 0.6, 1.0]), KEYS)
def test_flagged_pixels_are_indexed_as_a_cube(seed, share, key):
    rng = np.random.default_rng(seed)
    cube = np.where(rng.random(SIZE) < share, rng.integers(0, 2**16, SIZE), 0).astype(np.uint16)
    flagged = FlaggedPixels([keep_flagged(frame) for frame in cube], cube.shape)
    frames, rows, columns = key
    rows = slice(None) if isinstance(rows, np.ndarray) else rows
    columns = slice(None) if isinstance(columns, np.ndarray) else columns
    for part in ((frames, rows, columns), (frames, rows), frames):
        expected = cube[frames]
        if isinstance(part, tuple):
            band = rows if isinstance(rows, slice) else slice(rows, rows + 1 or None)
            expected = expected[..., band, :]
            if not isinstance(rows, slice):
                expected = expected[..., 0, :]
            expected = expected[..., columns] if len(part) == 3 else expected
        np.testing.assert_array_equal(flagged[part], expected)
        assert flagged[part].dtype == cube.dtype
    assert flagged.nbytes <= cube.nbytes


@pytest.mark.parametrize("name", EXTENSIONS)
def test_errors_and_flags_are_those_of_the_files(folder, name):
    visit = load_visit(folder)
    paths = [folder / "specimages" / str(file) for file in visit.file_names.values]
    truth = np.stack([fits.getdata(path, EXTENSIONS[name]) for path in paths])
    truth = truth.astype(np.uint16) if name == "hst_dq" else truth
    assert not in_memory(visit.variables[name]) and in_memory(visit.variables["images"])
    np.testing.assert_array_equal(visit[name], truth)
    np.testing.assert_array_equal(visit[name][1:4:2, 3:5, 6], truth[1:4:2, 3:5, 6])
    np.testing.assert_array_equal(visit[name].isel(exp_time=[4, 0])[1, -3:], truth[0, -3:])
    with ThreadPoolExecutor(8) as pool:
        frames = list(pool.map(lambda k: visit[name][k % 5].values, range(40)))
    for k, frame in enumerate(frames):
        np.testing.assert_array_equal(frame, truth[k % 5])
    assert not in_memory(visit.variables[name])


def test_a_visit_is_pickled_written_and_loaded_as_any_dataset(folder, tmp_path):
    visit = load_visit(folder)
    again = pickle.loads(pickle.dumps(visit))
    assert not in_memory(again.variables["errors"])
    xr.testing.assert_identical(again, visit)
    visit.to_netcdf(tmp_path / "visit.nc")
    with xr.open_dataset(tmp_path / "visit.nc") as read:
        np.testing.assert_array_equal(read["errors"], visit["errors"])
        np.testing.assert_array_equal(read["hst_dq"], visit["hst_dq"])
    assert visit.load() is visit and in_memory(visit.variables["errors"])
    shutil.rmtree(folder)
    xr.testing.assert_identical(visit, visit.copy(deep=True))


def test_what_is_written_to_a_lazy_cube_stays_in_memory(folder):
    visit = load_visit(folder)
    visit["errors"][2] = 7
    assert (visit["errors"][2] == 7).all() and not (visit["errors"][1] == 7).any()
    assert not (load_visit(folder)["errors"][2] == 7).any()


@pytest.mark.parametrize("name", EXTENSIONS)
def test_files_that_have_gone_are_named(folder, name):
    visit = load_visit(folder)
    path = folder / "specimages" / "iexr16lbq_flt.fits"
    path.unlink()
    with pytest.raises(FilesGoneError, match="iexr16lbq_flt.fits .*load the visit again"):
        visit[name].load()
    with pytest.raises(FilesGoneError, match="iexr16lbq"):
        visit[name][2, 0, 0].load()
    assert visit[name][0].load().shape == SHAPE
    write_flt(path, seed=99)  # another one under the same name
    with pytest.raises(FilesGoneError, match="iexr16lbq_flt.fits has changed"):
        visit[name].load()


def test_a_file_put_back_is_read_again(folder):
    visit = load_visit(folder)
    expected = visit["errors"].values
    shutil.copytree(folder, folder.parent / "copy")
    shutil.rmtree(folder)
    shutil.copytree(folder.parent / "copy", folder, copy_function=shutil.copyfile)  # of another time
    np.testing.assert_array_equal(visit["errors"], expected)


def test_steps_need_no_file_once_a_visit_is_loaded(folder):
    visit = load_visit(folder)
    expected = Reduction(load_visit(folder)).state().source.hst_dq[:, 0:30]
    shutil.rmtree(folder)
    cut = visit.isel(exp_time=[3, 1])
    part = visit.isel(x=slice(2, 9), y=[3, 7, 6])
    np.testing.assert_array_equal(Reduction(visit).state().source.hst_dq[:, 0:30], expected)
    np.testing.assert_array_equal(Reduction(cut).state().source.hst_dq[:, 0:30], expected[[3, 1]])
    np.testing.assert_array_equal(Reduction(part).state().source.hst_dq[:, 0:7], expected[:, 2:9, [3, 7, 6]])


def test_a_run_that_cannot_read_a_file_any_more_says_so(folder):
    reduction = Reduction(load_visit(folder), verbose=0, bounds=None, mask_trace=False, rows=[0])
    shutil.rmtree(folder / "specimages")
    with pytest.raises(
        StepError, match="^save: .*iexr16l.*flt.fits can no longer be read.*Put the file back"
    ) as raised:
        reduction.run()
    assert "toplevel_dir" not in str(raised.value)
    assert reduction.result["images"].values.shape == (5, *SHAPE)


def test_part_of_the_rows_are_the_right_rows(folder):
    visit = load_visit(folder)
    cut = visit.isel(x=slice(3, 20), y=slice(5, None))
    np.testing.assert_array_equal(
        Reduction(cut).state().source.hst_dq[:, 0:17], visit["hst_dq"].values[:, 3:20, 5:]
    )


def test_a_checksum_is_of_the_bytes_that_were_read(folder):
    path = sorted((folder / "specimages").glob("*"))[0]
    before = path.read_bytes()
    (image_set,) = (ImageSet.of(h.planes, 1, h.shape(1)) for h in [Headers.of(path)])
    buffer = Buffer()
    content = buffer.read(path)
    assert content.checksum() == hashlib.sha256(before).hexdigest() == checksum_of(path)
    assert image_set.stamped(content).checksum == content.checksum()
    path.write_bytes(before + b" " * 2880)
    assert content.checksum() == hashlib.sha256(before).hexdigest()
    with pytest.raises(VisitError, match=f"{path.name} changed while it was read"):
        image_set.stamped(content)
    shorter = path.with_name("shorter")
    shorter.write_bytes(before[:100])
    assert bytes(buffer.read(shorter).data) == before[:100]


def test_the_checksum_of_each_file_is_kept(folder):
    visit = load_visit(folder)
    for name, checksum in zip(visit.file_names.values, visit.file_checksums.values, strict=True):
        assert hashlib.sha256((folder / "specimages" / name).read_bytes()).hexdigest() == checksum


def scaled(hdus):
    """Flags as unsigned integers, which FITS holds with an offset."""
    hdus["DQ"].data = hdus["DQ"].data.view(">u2").astype(np.uint16)
    assert "BZERO" in hdus["DQ"].header


def constant(hdus):
    """Errors of one value, as a header without pixels."""
    header = hdus["ERR"].header
    hdus["ERR"] = fits.ImageHDU(name="ERR", ver=1)
    for key, value in (("NPIX1", SHAPE[1]), ("NPIX2", SHAPE[0]), ("PIXVALUE", 4.5), ("BUNIT", "ELECTRONS")):
        hdus["ERR"].header[key] = value
    hdus["ERR"].header["CCDCHIP"] = header["CCDCHIP"]


def in_double(hdus):
    """Errors with twice the bits."""
    hdus["ERR"].data = hdus["ERR"].data.astype(">f8")


@pytest.mark.parametrize("change", [scaled, constant, in_double])
def test_other_ways_to_store_pixels_are_read(tmp_path, change):
    path = write_flt(tmp_path / "specimages" / "a_flt.fits")
    write_flt(tmp_path / "directimages" / "b_flt.fits")
    with fits.open(path) as hdus:
        errors, flags = hdus["ERR"].data.copy(), hdus["DQ"].data.view(">u2").copy()
        change(hdus)
        hdus.writeto(path, overwrite=True)
    visit = load_visit(tmp_path)
    np.testing.assert_array_equal(visit["errors"][0], np.full(SHAPE, 4.5) if change is constant else errors)
    np.testing.assert_array_equal(visit["hst_dq"][0], flags)
    np.testing.assert_array_equal(visit["hst_dq"][0, 3:5, 5:7], flags[3:5, 5:7])
    assert visit["errors"].dtype == np.float32 and visit["hst_dq"].dtype == np.uint16


def test_pixels_of_a_packed_file_are_read(tmp_path: Path):
    from hustle_widgets.reading.planes import planes_of

    path = write_flt(tmp_path / "a_flt.fits")
    packed = tmp_path / "a_flt.fits.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    with fits.open(packed) as hdus:
        plane = planes_of(packed, hdus)["ERR", 1]
    np.testing.assert_array_equal(plane.read(slice(2, 9)), fits.getdata(path, "ERR")[2:9])
