"""The clean visit as a file: attributes of any kind, texts, a disk that is full, a folder that is gone."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from hustle_widgets.storable import RENAMED, storable
from hustle_widgets.visit import save_clean

NAMES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["", " ", "/", "a/b", "_FillValue", "NAME", "scale_factor", "dtype", "units", "x" * 400, "é"]
    ),
)
PARTS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.binary(max_size=8),
    st.complex_numbers(),
    st.datetimes(),
    npst.arrays(npst.scalar_dtypes(), npst.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3)),
)
VALUES = st.recursive(
    PARTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=2)
)


def tiny(**attrs: Any) -> xr.Dataset:
    cube = (("exp_time", "x", "y"), np.arange(12, dtype=np.float32).reshape(2, 2, 3))
    return xr.Dataset(
        {
            "images": cube,
            "file_names": ("exp_time", np.array(["a.fits", "é long name.fits"])),
            "one": ("xy", [1.5, 2]),
        },
        coords={"exp_time": [1.0, 2.0], "xy": ["column", "row"], "empty": ("exp_time", np.array(["", ""]))},
        attrs=attrs,
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=80)
@given(st.dictionaries(NAMES, VALUES, max_size=4))
def test_attributes_of_any_kind_are_stored(tmp_path: Path, attrs: dict[str, Any]) -> None:
    dataset = tiny()
    dataset.attrs = dict(attrs)
    for name in ("images", "one"):
        dataset[name].attrs = {key: value for key, value in attrs.items() if key != "units"}
    path = tmp_path / "clean_obs.nc"
    save_clean(dataset, path)
    with xr.open_dataset(path) as file:
        file.load()
    np.testing.assert_array_equal(file["images"], dataset["images"])
    np.testing.assert_array_equal(file["one"], dataset["one"])
    for name in ("images", "one"):
        assert len(file[name].attrs) >= len(dataset[name].attrs)
    stored = storable(attrs)
    assert set(stored) == set(file.attrs) and len(stored) >= len(attrs)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (np.array([True, False]), "[true, false]"),
        (np.datetime64("2024-05-01T12:00"), "2024-05-01T12:00"),
        (np.array(["2024-05-01"], dtype="datetime64[D]"), '["2024-05-01"]'),
        (2**70, str(2**70)),
        (2**63, str(2**63)),
        (-(2**63), -(2**63)),
        (True, 1),
        (np.float16(0.5), 0.5),
        ([1, 2.5], [1, 2.5]),
        ([1, "a"], '[1, "a"]'),
        ([], "[]"),
        (None, "null"),
        ({"a": (1, 2)}, '{"a": [1, 2]}'),
        ("a\0b", "a\\0b"),
        (np.zeros((2, 2)), "[[0.0, 0.0], [0.0, 0.0]]"),
    ],
)
def test_what_an_attribute_becomes(value: Any, kept: Any, tmp_path: Path) -> None:
    path = tmp_path / "clean_obs.nc"
    save_clean(tiny(mine=value), path)
    with netCDF4.Dataset(path) as file:
        found = file.getncattr("mine")
    assert type(found) is not str or found == kept
    np.testing.assert_array_equal(found, kept)


def test_names_that_cannot_be_are_changed_and_told(tmp_path: Path) -> None:
    path = tmp_path / "clean_obs.nc"
    save_clean(tiny(**{"": 1, "a/b": 2, "a_b": 3, "bounds": "[[0, 1]]"}), path)
    with xr.open_dataset(path) as file:
        attrs = dict(file.attrs)
    assert (
        attrs["attribute_"] == 1
        and attrs["a_b"] == 2
        and attrs["a_b_"] == 3
        and attrs["bounds"] == "[[0, 1]]"
    )
    assert attrs[RENAMED] == '{"attribute_": "", "a_b": "a/b", "a_b_": "a_b"}'


def test_texts_have_a_fixed_length_and_come_back(tmp_path: Path) -> None:
    path = tmp_path / "clean_obs.nc"
    save_clean(tiny(), path)
    with netCDF4.Dataset(path) as file:
        texts = [name for name, variable in file.variables.items() if variable.dtype is str]
    assert texts == []
    with xr.open_dataset(path) as file:
        for name in ("file_names", "xy", "empty"):
            assert file[name].dims == tiny()[name].dims
            assert [str(text) for text in file[name].values] == [str(text) for text in tiny()[name].values]
    # Two lazy opens, a load and a close, and once more: the libraries must live.
    code = f"""
    import xarray as xr
    path = {str(path)!r}
    for _ in range(20):
        one, two = xr.open_dataset(path), xr.open_dataset(path)
        one.load()
        one.close()
        xr.open_dataset(path).load()
        two["file_names"].load()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


FULL = """
import resource, signal, sys
from pathlib import Path
import numpy as np, xarray as xr
from hustle_widgets.visit import save_clean
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder = Path(sys.argv[1])
path = folder / "clean_obs.nc"
cube = (("exp_time", "x", "y"), np.random.default_rng(1).normal(size=(8, 200, 200)).astype("f4"))
dataset = xr.Dataset({"images": cube})
save_clean(dataset.isel(exp_time=[0]), path)
before = path.read_bytes()
for limit in (600_000, 3_000, 0):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        save_clean(dataset, path)
    except OSError as error:
        assert str(path) in str(error) and "could not be written whole" in str(error), error
    else:
        raise SystemExit("it was written?")
    assert path.read_bytes() == before and [p.name for p in folder.iterdir()] == ["clean_obs.nc"]
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a limit of the size of files")
def test_a_full_disk_is_a_sentence_and_the_old_file_stays(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_a_folder_that_goes_away_is_a_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "run"

    def remove(fraction: float) -> None:
        shutil.rmtree(folder, ignore_errors=True)

    with pytest.raises(OSError, match="clean_obs"):
        save_clean(tiny(), folder / "clean_obs.nc", progress=remove)
    assert not folder.exists()


def test_masked_numbers_are_stored_as_numbers_that_are_none() -> None:
    found = storable({"one": np.ma.masked, "some": np.ma.array([1, 2, 3], mask=[False, True, False])})
    assert np.isnan(found["one"])
    assert np.array_equal(found["some"], [1, np.nan, 3], equal_nan=True)
    assert storable({"all": np.ma.array([1, 2])})["all"].tolist() == [1, 2]
