"""Config files as HUSTLE-tools writes them, of all its versions and stages."""

from __future__ import annotations

import os
import re
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from visits import tiny_visit

from hustle_widgets import Reduction, reduce, run_pipeline
from hustle_widgets.cli import main
from hustle_widgets.config import ConfigError, read_config
from hustle_widgets.pipeline import stage_0_location
from hustle_widgets.settings import absences, checked_values, declared, remarks, tutorial_values
from hustle_widgets.steps import STAGE_1
from hustle_widgets.steps.parameters import ParameterError

TEMPLATE = Path(__file__).parent / "data" / "stage_1_input_config.hustle"
VISIT = tiny_visit()
ROWS, COLUMNS = VISIT["images"].shape[1:]


def written_by_the_peer(values: dict[str, Any]) -> str:
    """Keys padded to 15 and str(value) to 60 characters, then a comment: texts lose their quotes."""
    lines = [f"{key:<15} {value!s:<60} # What it is; don't panic (see [1])." for key, value in values.items()]
    return (
        "# HUSTLE-tools config file for launching Stage 1: Reduction\n\n"
        + "\n".join(lines)
        + "\n\n# ENDPARSE"
    )


def file_of(folder: Path, text: str, name: str = "stage_1_x.hustle") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def values_in(folder: Path, text: str, name: str = "stage_1_x.hustle") -> dict[str, Any]:
    return checked_values(read_config(file_of(folder, text, name)), shape=(ROWS, COLUMNS))


def test_the_tutorials_values_come_back_as_the_peer_writes_them(tmp_path: Path) -> None:
    values = read_config(TEMPLATE).as_dict()
    assert values_in(tmp_path, written_by_the_peer(values)) == checked_values(read_config(TEMPLATE))


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("toplevel_dir", "/data/my visits/WASP 127 b", "/data/my visits/WASP 127 b"),
        ("toplevel_dir", "/data/O'Brien/#3 (new)", "/data/O'Brien/#3 (new)"),
        ("toplevel_dir", "C:\\Users\\me\\new files", "C:\\Users\\me\\new files"),
        ("toplevel_dir", ".", "."),
        ("toplevel_dir", "2024", "2024"),
        ("output_run", "run_1", "run_1"),
        ("output_run", 12, "12"),
        ("output_run", "2024_01_05", "2024_01_05"),
        ("path_to_Pagul", "../sky images/v1.0.fits", "../sky images/v1.0.fits"),
        ("smth_type", "1D_smooth", "1D_smooth"),
        ("smth_type", "polyfit", "polyfit"),
        ("fit", "Gaussian", "Gaussian"),
        ("fit", "median", "median"),
        ("fit", None, None),
        ("traces_included", ("+1", "-1"), ("+1", "-1")),
        ("traces_included", "+1", ("+1",)),
        ("smth_kernel", (5, 7), (5, 7)),
        ("smth_kernel", "(11)", 11),
        ("replacement", None, None),
        ("rows", np.arange(3), (0, 1, 2)),
        ("rows", "np.arange(3)", (0, 1, 2)),
        ("rows", "[i for i in range(2)] + [i for i in range(8, 10)]", (0, 1, 8, 9)),
        ("rows", [-1, 0, -ROWS], (ROWS - 1, 0, 0)),
        ("rows", "[i for i in range(-3, 0)]", (ROWS - 3, ROWS - 2, ROWS - 1)),
        ("bounds", [[0, -1, 0, -1]], ((0, ROWS, 0, COLUMNS),)),
        ("smth_bounds", [[0, -1, 0, -1]], ((0, ROWS, 0, COLUMNS),)),
        ("bounds", [[-9, -1, 4, -4]], ((ROWS - 9, ROWS, 4, COLUMNS - 4),)),
        ("bounds", np.array([[0, 4, 0, 5], [2, 6, 3, 7]]), ((0, 4, 0, 5), (2, 6, 3, 7))),
        ("fixed_sigmas", [np.float64(4.5), 4], (4.5, 4.0)),
        ("location", [np.float64(20.25), np.float64(9)], (20.25, 9.0)),
        ("location", np.array([20.25, 9.0]), (20.25, 9.0)),
        ("do_led", 0, False),
        ("do_led", 1, True),
        ("hst_replace", 0, False),
        ("skip_first_fm", 1, True),
    ],
)
def test_a_value_is_read_as_the_peer_means_it(key: str, value: Any, expected: Any, tmp_path: Path) -> None:
    found = values_in(tmp_path, written_by_the_peer({key: value}))[key]
    assert found == expected and type(found) is type(expected)
    # In a Reduction, and from the file it writes.
    values = {"toplevel_dir": "."} | {key: value}
    reduction = Reduction.from_config(file_of(tmp_path, written_by_the_peer(values)), VISIT)
    assert reduction.values()[key] == expected
    again = reduction.write_config(tmp_path / "stage_1_again.hustle")
    assert Reduction.from_config(again, VISIT).values() == reduction.values()


def test_long_arrays_go_over_several_lines(tmp_path: Path) -> None:
    rows = [number % ROWS for number in range(400)]
    text = written_by_the_peer({"free_sigma": 4, "rows": np.array(rows), "col_sigma": 5})
    assert text.count("\n") > 10
    config = read_config(file_of(tmp_path, text))
    assert config.problems == [] and config.text() == text
    assert config.as_dict() == {"free_sigma": 4, "rows": rows, "col_sigma": 5}
    assert config.line("col_sigma") == 1 + text[: text.index("col_sigma")].count("\n")
    config.set("rows", [1])
    assert config.text().count("\n") < 10 and "rows            [1] " in config.text()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("free_sigma four\n", "line 1: free_sigma: 'four' is not a value"),
        ("verbose 0\nbounds left half # no\n", "line 2: bounds: 'left' is not a value"),
        ("smth_type 3D_smooth\n", "line 1: The 'smth_type' parameter of SpatialSmoothing must be one of"),
        ("output_run my run\n", "line 1: The 'output_run' parameter of Reduction must be a name"),
        ("toplevel_dir './files # odd\n", "line 1: toplevel_dir: the quote of"),
        ("toplevel_dir None\n", "line 1: The 'toplevel_dir' parameter of Reduction must be"),
        ("do_led 2\n", "line 1: The 'do_led' switch must be True or False. Got 2"),
        ("do_led false\n", "line 1: do_led: 'false' is not a value"),
        (f"rows [-{ROWS + 1}]\n", "line 1: The 'rows' parameter of ColumnBackground must be"),
        ("bounds [[5, -5000, 0, 9]]\n", "line 1: The 'bounds' parameter of UniformBackground must be"),
        ("led_threshold None\n", "line 1: The 'led_threshold' parameter of LaplacianEdgeDetection must be"),
    ],
)
def test_what_is_meant_by_nobody_is_refused_with_its_line(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=re.escape(words)):
        Reduction.from_config(file_of(tmp_path, text), VISIT)


def test_none_is_read_where_it_is_not_needed(tmp_path: Path) -> None:
    text = "do_led False\nled_threshold None\nlocation None\ndo_0thtracking True\n"
    path = file_of(tmp_path, text)
    reduction = Reduction.from_config(path, VISIT)
    assert reduction.led.led_threshold == 10 and not reduction.led.enabled
    assert reduction.zeroth_tracking.location == Reduction(VISIT).zeroth_tracking.location
    said = " ".join(absences(read_config(path)))
    assert "None in the file" in said and "led_threshold" in said and "location" in said


def test_keys_of_older_versions_are_told_and_taken(tmp_path: Path) -> None:
    text = (
        "run_name 'old run'\ndo_Pagul23 False\npath_to_Pagul23 ./sky # path\ndo_0thCOM 1\ndo_Led False\n"
        "do_full_frame True\nbin_number 500\n"
    ).replace("old run", "old")
    config = read_config(file_of(tmp_path, text))
    values = checked_values(config)
    assert values["output_run"] == "old" and values["path_to_Pagul"] == "./sky" and values["hist_bins"] == 500
    assert values["do_Pagul"] is False and values["do_0thtracking"] is True and values["do_led"] is False
    said = remarks(config)
    for line, (old, new) in enumerate(
        {
            "run_name": "output_run",
            "do_Pagul23": "do_Pagul",
            "path_to_Pagul23": "path_to_Pagul",
            "do_0thCOM": "do_0thtracking",
            "do_Led": "do_led",
            "do_full_frame": "do_uniform",
            "bin_number": "hist_bins",
        }.items(),
        start=1,
    ):
        assert said[line - 1].startswith(f"line {line}: {old!r}") and new in said[line - 1]
    # The name of today counts where both are there.
    assert values_in(tmp_path, "do_Pagul23 True\ndo_Pagul False\n")["do_Pagul"] is False


@pytest.mark.parametrize("kind", [kind for kind in STAGE_1 if kind.switch and kind.name != "save"])
def test_a_missing_switch_among_others_is_off_and_told(kind: Any, tmp_path: Path) -> None:
    lines = [line for line in TEMPLATE.read_text().splitlines() if line.split(" ")[0] != kind.switch]
    path = file_of(tmp_path, "\n".join(lines))
    reduction = Reduction.from_config(path, VISIT)
    assert not reduction[kind.name].enabled
    assert [step.name for step in reduction.steps.values() if not step.enabled] == [kind.name]
    assert any(kind.switch in text and "off" in text for text in reduction.config_remarks)


def test_what_a_short_file_leaves_open_is_the_tutorials_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = file_of(tmp_path, f"free_sigma 5\ntoplevel_dir '{tmp_path / 'nowhere'}'\nmy_key 3\n")
    reduction = Reduction.from_config(path, VISIT)
    assert all(step.enabled for step in reduction.steps.values())
    said = "\n".join(reduction.config_remarks)
    for key in declared():
        assert (re.search(rf"\b{key}\b", said) is not None) == (key not in ("free_sigma", "toplevel_dir")), (
            key
        )
    assert main(["run", str(path)]) == 2  # there is no such visit
    out = capsys.readouterr().out
    assert all(text in out for text in reduction.config_remarks)
    reduction.build()
    page = " ".join(str(box.value) for box in texts_of(reduction))
    assert "do_hst_flags True" in page and "my_key" in page
    reduction.close()


def texts_of(widget: Any) -> list[Any]:
    found = [widget] if isinstance(getattr(widget, "value", None), str) else []
    for child in getattr(widget, "children", ()):
        found += texts_of(child)
    return found


@pytest.mark.parametrize(
    ("name", "text", "stage"),
    [
        (
            "a.hustle",
            "# HUSTLE-tools config file for launching Stage 2: Extraction\nverbose 0\n",
            "Stage 2 (Extr",
        ),
        ("a.hustle", "# Setup for Stage 0\ntoplevel_dir './files'\nlocation None\n", "Stage 0 (Data"),
        (
            "a.hustle",
            "toplevel_dir './files'\nlocation None\ndo_download True\nprogramID '1'\n",
            "Stage 0 (Data",
        ),
        ("a.hustle", "output_run 'run_1'\npath_to_cal './'\nrefine_fit True\n", "Stage 2 (Extraction)"),
        ("a.hustle", "# launching Stage 3: Binning\noutput_run 'a'\n", "Stage 3 (Binning)"),
        ("stage_2_mine.hustle", "verbose 0\noutput_run 'run_1'\n", "Stage 2 (Extraction)"),
    ],
)
def test_a_config_of_another_stage_is_refused_by_name(
    name: str, text: str, stage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = file_of(tmp_path, text, name)
    for use in (run_pipeline, lambda path: Reduction.from_config(path, VISIT)):
        with pytest.raises(ConfigError, match=re.escape(stage)):
            use(path)
    assert main(["run", str(path)]) == 2
    assert main(["run", str(tmp_path), "--config", str(path)]) == 2
    assert capsys.readouterr().err.count(stage) == 2
    assert os.listdir(tmp_path) == [name]


def test_one_file_for_several_stages_is_of_this_one_too(tmp_path: Path) -> None:
    config = read_config(file_of(tmp_path, "free_sigma 4\npath_to_cal './' # of Stage 2\n"))
    assert checked_values(config)["free_sigma"] == 4
    assert "belongs to Stage 2" in remarks(config)[0]


def test_many_lines_cost_little_and_are_told_in_short(tmp_path: Path) -> None:
    for text in ("verbose 2\n" * 100_000, "".join(f"key{number} 1\n" for number in range(50_000))):
        config = read_config(file_of(tmp_path, text))
        checked_values(config)
        said = [*remarks(config), *absences(config)]
        assert len(said) < 25 and any("more lines of this kind" in line for line in said)
    with pytest.raises(ConfigError, match="larger than 1 MB"):
        read_config(file_of(tmp_path, "verbose 2\n" * 200_000))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    pipe = tmp_path / "stage_1_pipe.hustle"
    os.mkfifo(pipe)
    for place in (pipe, tmp_path):
        with pytest.raises((ConfigError, FileNotFoundError), match="no regular file"):
            run_pipeline(place)
        assert main(["run", str(place)]) == 2
    (tmp_path / "outputs" / "stage0").mkdir(parents=True)
    os.mkfifo(tmp_path / "outputs" / "stage0" / "stage_0_.hustle")
    assert stage_0_location(tmp_path) is None
    for device in (pipe, "/dev/zero"):
        with pytest.raises(ConfigError, match="no regular file"):
            read_config(device)


@pytest.mark.parametrize("endless", [count(), range(10**9), iter(lambda: 1, 2), np.broadcast_to(1.0, 10**9)])
def test_a_list_without_end_is_refused_with_a_sentence(endless: Any) -> None:
    for key in ("hst_flags", "fixed_sigmas", "rows", "bounds", "bkg_stars_loc", "location", "smth_kernel"):
        with pytest.raises(ParameterError, match=rf"The '{key}' parameter of \w+ must be .* instead"):
            Reduction(VISIT).set(**{key: endless})
    with pytest.raises(ParameterError, match="at most 100 000 entries"):
        reduce(VISIT, hst_flags=range(10**9))


KEYS = st.sampled_from([*declared(), "do_Pagul23", "do_Led", "input_run", "x"])
WORDS = st.text("abc ETrue_None019.,[]()+-'\"\\#=/@\t", max_size=25)
VALUES = st.one_of(
    WORDS,
    st.sampled_from([str(value) for value in tutorial_values().values()]),
    st.sampled_from(
        ["None", "0", "1", "np.arange(5)", "[0, -1, 0, -1]", "[[0 1]\n [2 3]]", "range(9)", "nan"]
    ),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(st.lists(st.tuples(KEYS, VALUES, WORDS), max_size=6))
def test_any_file_gives_values_or_one_error_with_its_place(
    tmp_path: Path, lines: list[tuple[str, str, str]]
) -> None:
    text = "".join(f"{key} {value} # {comment}\n" for key, value, comment in lines)
    path = file_of(tmp_path, text, "fuzz.hustle")
    config = read_config(path)
    assert config.text() == text
    try:
        values = checked_values(config, shape=(ROWS, COLUMNS))
    except ConfigError as error:
        assert str(path) in str(error) and str(error).isprintable()
        return
    for key, value in values.items():
        parameter = declared()[key][1]
        assert value in (True, False) if parameter is None else parameter.validate(None, value) == value
    assert all(isinstance(line, str) for line in [*remarks(config), *absences(config)])


@pytest.mark.parametrize(
    ("key", "written", "right"),
    [("do_led", "true", True), ("do_led", "'False'", False), ("fine_structure", "FALSE", False)]
    + [("replacement", "none", None), ("fit", "'None'", None), ("smth_bounds", "NONE", None)],
)
def test_a_word_for_true_false_or_none_is_refused_with_what_to_write(
    key: str, written: str, right: object, tmp_path: Path
) -> None:
    """HUSTLE-tools takes it for a text, and any text for True: to read 'false' as False would be another run."""
    with pytest.raises(
        ConfigError, match=f"line 2: {key}: .* is not a value: write {right}. HUSTLE-tools takes"
    ):
        values_in(tmp_path, f"do_led True # .\n{key} {written} # .\n# ENDPARSE")
    assert values_in(tmp_path, f"do_led True # .\n{key} {right} # .\n# ENDPARSE")[key] is right


@pytest.mark.parametrize(
    "encoded",
    [
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.replace(" ", "\t").encode(),
        lambda text: text.replace("# .", "# 3σ – «ça»").encode(),
        lambda text: text.replace("# .", "# \xe9\xb5").encode("latin1"),
    ],
    ids=["Windows", "old Mac", "byte order mark", "tabs", "unicode", "latin 1"],
)
def test_files_of_all_editors_are_read(encoded: Any, tmp_path: Path) -> None:
    path = tmp_path / "stage_1_x.hustle"
    path.write_bytes(encoded("do_free_iter True # .\nfree_sigma 4.5 # .\nrows [1, 2] # .\n# ENDPARSE\n"))
    config = read_config(path)
    found = checked_values(config)
    assert (found["do_free_iter"], found["free_sigma"], found["rows"]) == (True, 4.5, (1, 2))
    assert not config.problems


def test_keys_below_the_end_mark_are_told(tmp_path: Path) -> None:
    for end in ("\n", "\r\n"):
        text = "free_sigma 4 # .\n# ENDPARSE\nNotes on free_sigma.\nled_n 3 # .\n# col_sigma 2\n"
        path = tmp_path / "stage_1_x.hustle"
        path.write_bytes(text.replace("\n", end).encode())
        config = read_config(path)
        assert "led_n" not in checked_values(config)
        told = [line for line in remarks(config) if "ENDPARSE" in line]
        assert told == ["line 4: led_n stands below # ENDPARSE, where nothing is read: move it above."]


def test_a_backslash_that_became_a_tab_is_told(tmp_path: Path) -> None:
    for written in (r"'C:\temp\x'", r"'C:\new'"):
        with pytest.raises(ConfigError, match="line 1: toplevel_dir: .* holds a tab or the like"):
            values_in(tmp_path, f"toplevel_dir {written}\n")
    for written in (r"'C:\\temp'", r"r'C:\temp'", r"C:\temp"):
        assert values_in(tmp_path, f"toplevel_dir {written}\n")["toplevel_dir"] == r"C:\temp"


def test_a_name_that_no_folder_can_have_is_refused_before_the_run(tmp_path: Path) -> None:
    assert values_in(tmp_path, f"output_run {'a' * 100}\n")["output_run"] == "a" * 100
    with pytest.raises(ConfigError, match="line 1: The 'output_run' parameter .* 100 at most"):
        values_in(tmp_path, f"output_run {'a' * 101}\n")
