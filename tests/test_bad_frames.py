"""One bad frame never loses the visit: backgrounds skip it, name it, and compute the rest."""

import numpy as np
import pytest
from visits import everything, small_folder, small_visit, tiny_visit  # noqa: F401

from hustle_widgets import Reduction
from hustle_widgets.reduction import StepError
from hustle_widgets.steps.bad_frames import filled_from_neighbours

BAD = 3
KINDS = {
    "nothing": lambda image: np.full_like(image, np.nan),
    "constant": lambda image: np.full_like(image, 7),
    "zero": lambda image: 0 * image,
    "saturated": lambda image: np.full_like(image, 70_000),
    "bright sky": lambda image: image + 500,
    "half": lambda image: np.where(np.arange(image.shape[1]) < image.shape[1] // 2, np.nan, image),
}
#: Kinds that a method can make nothing of.
LOST = {
    "uniform": ["nothing", "saturated", "bright sky"],
    "uniform Gaussian": ["nothing", "constant", "zero", "saturated", "bright sky"],
    "column": ["nothing"],
    "pagul": ["nothing", "zero", "constant", "saturated"],
}


@pytest.fixture(scope="module")
def visits(small_visit):  # noqa: F811
    """The visit with one bad frame, by what is bad."""
    made = {"none": small_visit}
    for kind, spoil in KINDS.items():
        images = np.array(small_visit.images.values)
        images[BAD] = spoil(images[BAD])
        made[kind] = small_visit.assign(images=(small_visit.images.dims, images))
    return made


def reduced(visit, folder, method, **more):
    """Only the background of one method."""
    name = method.split()[0]
    switches = {"uniform": "do_uniform", "column": "do_column", "pagul": "do_Pagul"}
    parameters = {key: False for key in everything(folder) if key.startswith("do_")}
    parameters |= {"do_hst_flags": False, "do_fixed_iter": False, "do_free_iter": False, "do_led": False}
    parameters |= {"do_smooth": False, "do_0thtracking": False, "do_bkg_stars": False, "do_quicklook": False}
    parameters |= {switch: key == name for key, switch in switches.items()}
    parameters |= {"do_save": False, "do_location": False, "bounds": None, "dist_from_trace": 20}
    parameters |= {"path_to_Pagul": str(folder), "fit": "Gaussian" if method.endswith("Gaussian") else None}
    reduction = Reduction(visit, **{**parameters, **more})
    reduction.run()
    return reduction, reduction.outcomes()[name]


@pytest.mark.parametrize("method", LOST)
@pytest.mark.parametrize("kind", KINDS)
def test_the_rest_is_computed_and_the_frame_is_named(visits, small_folder, method, kind):  # noqa: F811
    reduction, outcome = reduced(visits[kind], small_folder, method)
    _, expected = reduced(visits["none"], small_folder, method)
    step = reduction[method.split()[0]]
    values, right = outcome.table.columns["bkg_vals"], expected.table.columns["bkg_vals"]
    others = np.arange(len(values)) != BAD
    assert step.status == "fresh" and np.isfinite(values).all() and np.isfinite(outcome.offset.level).all()
    if method != "pagul":  # whose factors are smoothed in time
        np.testing.assert_array_equal(values[others], right[others])
    assert ("Frame 3 (" in step.notes) == (kind in LOST[method]), step.notes
    assert "reason" not in outcome.table.columns and "share" not in outcome.table.columns
    if kind in LOST[method]:
        low, high = np.sort([right[BAD - 1], right[BAD + 1]], axis=0)
        if method == "pagul":
            assert "It takes what the others' factors say" in step.notes
            assert values[BAD] == pytest.approx(np.median(values[others]), rel=0.02)
        else:
            assert "It takes the background of its neighbours" in step.notes
            assert ((values[BAD] >= low - 1e-4) & (values[BAD] <= high + 1e-4)).all()
        for advice in ("Widen the range", "Use more bins", "mask_parameter"):
            assert advice not in step.notes


def test_a_sky_factor_lies_between_its_neighbours_when_none_are_smoothed(visits, small_folder):  # noqa: F811
    _, outcome = reduced(visits["nothing"], small_folder, "pagul", smooth_fits=False)
    scale = outcome.table.columns["sky_scale"]
    assert scale[BAD] == pytest.approx((scale[BAD - 1] + scale[BAD + 1]) / 2)
    assert np.isnan(outcome.table.columns["sky_scale_fitted"][BAD])


def test_parameters_that_fit_no_frame_still_fail_with_their_advice(visits, small_folder):  # noqa: F811
    with pytest.raises(StepError, match="uniform: No background level: .* Widen the range"):
        reduced(visits["none"], small_folder, "uniform", hist_min=1e6, hist_max=2e6)


@pytest.mark.parametrize("kind", ["nothing", "saturated", "constant"])
def test_no_step_of_the_whole_chain_is_lost(visits, small_folder, kind):  # noqa: F811
    parameters = {**everything(small_folder), "do_save": False}
    reduction = Reduction(visits[kind], **parameters)
    reduction.run()
    assert {step.name for step in reduction.steps.values() if step.status == "failed"} == set()
    expected = Reduction(visits["none"], **parameters)
    off = {step.name for step in expected.steps.values() if step.enabled and step.status == "off"}
    assert {
        step.name for step in reduction.steps.values() if step.enabled and step.status == "off"
    } <= off | {"save"}


def test_a_level_from_a_few_pixels_of_another_frame_is_none():
    """What hst_flags puts into an empty frame, from the other frames, is not its background."""

    def change(images):
        images[BAD] = np.nan
        images[BAD, 3, 4:9] = 12.0

    reduction = Reduction(tiny_visit(change=change), do_save=False, do_quicklook=False, bounds=None)
    reduction.run()
    assert "only" in reduction.uniform.notes and "of its pixels are numbers" in reduction.uniform.notes


@pytest.mark.parametrize("shape", [(), (4,)])
def test_what_lies_between_neighbours(shape):
    values = np.arange(6, dtype=np.float32).reshape(6, *[1] * len(shape)) * np.ones(shape, np.float32)
    known = np.array([False, True, False, False, True, False])
    np.testing.assert_allclose(
        filled_from_neighbours(values * 1.0, known).reshape(6, -1)[:, 0], [1, 1, 2, 3, 4, 4]
    )
    nothing = filled_from_neighbours(values, np.zeros(6, bool))
    np.testing.assert_array_equal(nothing, values)
