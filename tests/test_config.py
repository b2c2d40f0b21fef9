"""Config files: read and written as data, kept line by line, and safe whatever they hold."""

import math
import os
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hustle_widgets.config import (
    BareText,
    ConfigError,
    HustleConfig,
    format_value,
    parse_value,
    read_config,
    template,
)

TUTORIAL = Path(__file__).parent / "data" / "stage_1_input_config.hustle"

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(10**60, 10**70),
    st.floats(allow_nan=False),
    st.text(st.characters(codec=None), max_size=20),
    st.text("#'\"\\ \t\n[],()", max_size=8),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=3).map(tuple)
        | st.integers(0, 12).map(lambda n: [*range(n)])
    ),
    max_leaves=12,
)
KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,12}", fullmatch=True)
COMMENTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=20)


def same(one, other):
    """Equal, and of equal types all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other and repr(one) == repr(other)


def write(folder, text, name="x.hustle"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@given(VALUES)
def test_a_value_comes_back(value):
    text = format_value(value)
    assert "\n" not in text and "\r" not in text
    assert same(parse_value(text), value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.dictionaries(KEYS, st.tuples(VALUES, VALUES, COMMENTS), max_size=6))
def test_a_file_comes_back(tmp_path, entries):
    path = tmp_path / "x.hustle"
    config = template([("Setup", [(key, old, comment) for key, (old, _, comment) in entries.items()])])
    config.write(path)
    config = read_config(path)
    assert not config.problems
    assert [entry.key for entry in config.entries] == list(entries)
    for entry, (old, _, comment) in zip(config.entries, entries.values(), strict=True):
        assert same(entry.value, old)
        assert entry.comment == " ".join(comment.split())
    first = config.text()
    for key, (_, new, _) in entries.items():
        config.set(key, new)
    config.write(path)
    again = read_config(path)
    assert not again.problems and again.as_dict() == config.as_dict()
    for key, (old, new, _) in entries.items():
        unchanged = (
            first.splitlines()[config.line(key) - 1] == again.text().splitlines()[config.line(key) - 1]
        )
        assert same(again[key], new) or unchanged
        assert unchanged or not same(old, new)


def test_the_tutorial_template_is_read_as_it_stands():
    config = read_config(TUTORIAL)
    config.check()
    assert config.problems == []
    assert len(config) == 53 and list(config)[:2] == ["toplevel_dir", "output_run"]
    expected = {
        "toplevel_dir": "./files",
        "verbose": 2,
        "skip_first_fm": False,
        "hst_flags": [16, 4096],
        "fixed_sigmas": [10, 10],
        "replacement": None,
        "free_sigma": 3.5,
        "smth_bounds": [[260, 370, 640, 1100]],
        "bounds": [[0, 150, 0, 400], [440, 590, 0, 400]],
        "hist_min": -20,
        "rows": list(range(10)),
        "location": [970, 170],
        "traces_included": ("+1",),
        "do_save": True,
    }
    assert {key: config[key] for key in expected} == expected
    assert config.entries[-1].comment == "Bool. If True, saves the output xarray to be used in Stage 2."
    assert config.text() == TUTORIAL.read_text()


def test_only_a_changed_value_is_rewritten():
    config = read_config(TUTORIAL)
    for key, value in config.as_dict().items():
        config.set(key, tuple(value) if isinstance(value, list) else value)
    config.set("fixed_sigmas", np.array([10.0, 10.0]))
    assert config.text() == TUTORIAL.read_text()
    config.set("free_sigma", np.float64(4.5))
    config.set("do_led", 1)  # 1 is not True
    old, new = TUTORIAL.read_text().splitlines(), config.text().splitlines()
    changed = [(one, two) for one, two in zip(old, new, strict=True) if one != two]
    assert [two.split(" #")[0] for _, two in changed] == ["free_sigma 4.5", "do_led 1"]
    assert [one.split(" # ")[1] for one, _ in changed] == [two.split(" # ")[1] for _, two in changed]


def test_the_template_of_declarations_has_the_tutorial_form():
    lines = TUTORIAL.read_text().splitlines()
    sections = []
    for line in lines[:-1]:
        if line.startswith("#"):
            sections.append((line, []))
        else:
            key, rest = line.split(" ", 1)
            value, comment = rest.split(" # ")
            sections[-1][1].append((key, parse_value(value), comment))
    made = template(sections).text().splitlines()
    assert [line.split(" ")[0] for line in made] == [line.split(" ")[0] for line in lines]
    assert (
        "rows [i for i in range(10)] # list of int. The indices defining the rows used as background." in made
    )
    assert made[0] == "# HUSTLE-tools config file for launching Stage 1: Reduction"
    assert made[-1] == "# ENDPARSE"
    with pytest.raises(ConfigError, match="fit is declared twice"):
        template([("a", [("fit", 1, "")]), ("b", [("fit", 1, "")])])


@pytest.mark.parametrize(
    "text, value",
    [
        ("0", 0),
        ("-20", -20),
        ("- 20", -20),
        ("+3", 3),
        ("1_000", 1000),
        ("0x1000", 4096),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("-0.0", -0.0),
        ("1_0.5", 10.5),
        ("None", None),
        ("'a # b'", "a # b"),
        ('"it\'s"', "it's"),
        (r"'it\'s \x41\u00e9\n\101\d'", "it's Aé\nA\\d"),
        (r"r'C:\new'", "C:\\new"),
        ("()", ()),
        ("(5)", 5),
        ("(5,)", (5,)),
        ("[]", []),
        ("[1,]", [1]),
        ("970, 170", (970, 170)),
        ("[ [1 ,2] , ( 'a' , None ) ]", [[1, 2], ("a", None)]),
        ("np.float64(970.25)", 970.25),
        ("numpy.float32( -3 )", -3.0),
        ("np.int64(7)", 7),
        ("np.bool_(True)", True),
        ("np.str_('+1')", "+1"),
        ("[np.float64(1.5), np.float64(-2.5)]", [1.5, -2.5]),
        ("np.array([1, 2])", [1, 2]),
        ("np.array(3)", 3),
        ("float('inf')", math.inf),
        ("-np.inf", -math.inf),
        ("range(3)", [0, 1, 2]),
        ("list(range(2, 5))", [2, 3, 4]),
        ("tuple(range(9, 0, -4))", (9, 5, 1)),
        ("[i for i in range(10)]", list(range(10))),
        ("[row  for row in range(440, 443)]", [440, 441, 442]),
        ("[[i for i in range(2)], 5]", [[0, 1], 5]),
        ("np.arange(10)", list(range(10))),
        ("np.arange(-3, 0)", [-3, -2, -1]),
        ("[i for i in np.arange(3)]", [0, 1, 2]),
        ("[i for i in range(2)] + [i for i in range(8, 10)] + [20]", [0, 1, 8, 9, 20]),
        ("[0 1 2]", [0, 1, 2]),
        ("[ 1.5 -2.   0.1]", [1.5, -2.0, 0.1]),
        ("[[10 20] [30 40]]", [[10, 20], [30, 40]]),
    ],
)
def test_value_forms(text, value):
    assert same(parse_value(text), value)
    assert same(parse_value(f"  {text}\t"), value)


HOSTILE = [
    "__import__('os').system('touch pwned')",
    'exec(\'open("pwned", "w")\')',
    "(lambda: open('pwned', 'w'))()",
    "[open('pwned', 'w') for i in range(3)]",
    "[i for i in range(10) if open('pwned', 'w')]",
    "[i**9**9 for i in range(10)]",
    "[i for i in [j for j in range(9)]]",
    "f'{open(\"pwned\")}'",
    "range(10**12)",
    "range(1000000000000)",
    "range(10000000)",
    "[range(90000), range(90000)]",
    "range(0)[0]",
    "range(1, 5, 0)",
    "range(0.5)",
    "range()",
    "9**9**9",
    "'a'*10**10",
    "1 << 99999999",
    "1" * 5000,
    "0x" + "f" * 5000,
    "[" * 100_000,
    "(" * 100_000 + ")" * 100_000,
    "-" * 100_000 + "1",
    "list(" * 40_000,
    "np.float64(" * 40_000,
    "[[i for i in range(3)]" * 20_000,
    "np.load('x.npy', allow_pickle=True)",
    "np.float64.__init__(1)",
    "np.float64(1, 2)",
    "np.float64('1.5')",
    "np.int64(1.5)",
    "run_1",
    "'run_1",
    "run_1'",
    "'a' 'b'",
    "'\\U99999999'",
    "b'x'",
    "{1: 2}",
    "5 6",
    "5j",
    "007",
    "1__0",
    "0x",
    "--True",
    "[1 2, 3]",
    "[1, 2 3]",
    "[1 - 2]",
    "[1 'a']",
    "[1] + 2",
    "np.arange(0, 1, 0.1)",
    "[1, 2",
    "[1, 2)",
    "[, 1]",
    "(,)",
    ", 1",
    "1 = 2",
    "...",
    "\u0665",
    "\udce9\x07",
    "",
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:20]))
def test_what_is_no_value_is_refused_and_never_run(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write(
        tmp_path, b"free_sigma 3.5\nfit " + text.encode("utf-8", "surrogateescape") + b"\nbounds None\n"
    )
    tracemalloc.start()
    begin = time.perf_counter()
    with pytest.raises(ConfigError) as caught:
        parse_value(text)
    config = read_config(path)
    seconds, memory = time.perf_counter() - begin, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert os.listdir(tmp_path) == ["x.hustle"]
    assert seconds < 2 and memory < 20e6
    assert len(str(caught.value)) < 250 and str(caught.value).isprintable()
    assert config.text().encode("utf-8", "surrogateescape") == path.read_bytes()
    values = config.as_dict()
    kept = values.pop("fit", None)
    assert values == {"free_sigma": 3.5, "bounds": None}
    if kept is not None:  # a text without quotes, and nothing but a text
        assert type(kept) is BareText and kept == text and kept.problem.startswith("fit: ")
        return
    assert [line for line, _ in config.problems] == [2]
    with pytest.raises(ConfigError, match="x.hustle, line 2: fit") as caught:
        config.check()
    assert caught.value.line == 2 and caught.value.path == path


def test_many_ranges_together_are_not_large(tmp_path):
    config = read_config(write(tmp_path, "".join(f"rows{k} range(90000)\n" for k in range(3000))))
    assert len(config) == 1 and len(config.problems) == 2999
    assert "at most 100000 in all" in config.problems[0][1]


def test_messages_help():
    for text, message in {
        "run_1": "'run_1' is not a value; text needs quotes",
        "[1, 2 3]": r"expected ',' or ']', found '3]'",
        "3 4": "unexpected '4' after the value",
        "'abc": "the quote of ''abc' is not closed",
        "[1, ": "found end of line",
        "range(200000)": "range() of 200000 elements: at most 100000",
    }.items():
        with pytest.raises(ConfigError) as caught:
            parse_value(text)
        assert message in str(caught.value)


def test_odd_lines_are_kept_and_reported(tmp_path):
    text = (
        "\ufeff# Title\r\n"
        "\r\n"
        "free_sigma\t3.5\t# tab\r\n"
        "fit = 'Gaussian'\r\n"
        "hist_bins=1000#close\r\n"
        "hist_min # no value\r\n"
        "hist_max\r\n"
        "  col_sigma   3  \r\n"
        "!? 5\r\n"
        "my_own_key [1, 'two']   # unknown\r\n"
        "free_sigma 4 # again\r\n"
        "== 5\r\n"
        "# ENDPARSE\r\n"
        "notes that are free = anything at all\r\n"
        "free_sigma 99"
    )
    path = write(tmp_path, text)
    config = read_config(path)
    assert config.as_dict() == {
        "fit": "Gaussian",
        "hist_bins": 1000,
        "col_sigma": 3,
        "my_own_key": [1, "two"],
        "free_sigma": 4,
    }
    assert [line for line, _ in config.problems] == [3, 6, 7, 9, 12]
    assert "comes again in line 11" in config.problems[0][1]
    assert "hist_min has no value" in config.problems[1][1]
    assert config.line("free_sigma") == 11 and config.line("rows") is None
    assert config.entries[1].comment == "close"
    assert config.text() == text.removeprefix("\ufeff")
    config.set("free_sigma", 5)
    config.set("fit", None)
    config.set("hist_bins", 500)
    config.set("rows", [0, 1], "new one")
    expected = (
        text.removeprefix("\ufeff").replace("free_sigma 4", "free_sigma 5").replace("'Gaussian'", "None")
    )
    expected = expected.replace("1000#", "500#").replace("# ENDPARSE", "rows [0, 1] # new one\r\n# ENDPARSE")
    assert config.text() == expected


def test_a_key_can_be_added_behind_a_last_line_without_end(tmp_path):
    config = read_config(write(tmp_path, "fit None"))
    config.set("rows", [3])
    assert config.text() == "fit None\nrows [3]\n"
    config = HustleConfig()
    config.set("fit", "a\nb", "two\nlines")
    assert config.text() == "fit 'a\\nb' # two lines\n"
    with pytest.raises(ConfigError, match="'a b' is no name"):
        config.set("a b", 1)
    assert config.get("rows", 7) == 7 and config.get("fit") == "a\nb" and "rows" not in config


def test_other_encodings_survive_in_comments_and_paths(tmp_path):
    raw = b"fit None # caf\xe9 \xb5m\npath_to_Pagul '/data/\xe9t\xe9'\n"
    config = read_config(write(tmp_path, raw))
    config.check()
    assert os.fsencode(config["path_to_Pagul"]) == "/data/été".encode("latin-1")
    config.set("fit", "median")
    config.write(tmp_path / "y.hustle")
    assert (tmp_path / "y.hustle").read_bytes() == raw.replace(b"None", b"'median'")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=300) | st.text("abc 1,.[](){}'\"\\#=-\n\r\t", max_size=80).map(str.encode))
def test_garbage_never_crashes_and_is_kept(tmp_path, raw):
    path = write(tmp_path, raw)
    try:
        config = read_config(path)
    except ConfigError as error:
        assert b"\0" in raw and f"{path}, line {error.line}: binary data" in str(error)
    else:
        config.write(path)
        assert path.read_bytes() == raw.removeprefix(b"\xef\xbb\xbf")


def test_files_that_cannot_be_read_say_why(tmp_path):
    with pytest.raises(ConfigError, match="none.hustle: cannot be read: No such file"):
        read_config(tmp_path / "none.hustle")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read_config(tmp_path)
    with pytest.raises(ConfigError, match="x.hustle: is larger than 1 MB"):
        read_config(write(tmp_path, "fit '" + "a" * 10_000_000 + "'\n"))
    with pytest.raises(ConfigError, match="x.hustle, line 2: binary data"):
        read_config(write(tmp_path, b"fit None\n\x00\x01"))
    with pytest.raises(ConfigError, match="line 1: binary data"):
        read_config(write(tmp_path, "fit None\n".encode("utf-16")))
    with pytest.raises(ConfigError, match="more than a million characters"):
        parse_value("[" + "1," * 600_000 + "]")


def test_numpy_and_path_values_become_plain():
    assert format_value(np.float32(0.1)) == "0.10000000149011612"
    assert format_value(np.float64(970.25)) == "970.25"
    assert format_value([np.int16(3), np.bool_(True), np.str_("a")]) == "[3, True, 'a']"
    assert format_value(np.arange(6).reshape(2, 3)) == "[[0, 1, 2], [3, 4, 5]]"
    assert format_value(np.array(2.5)) == "2.5"
    assert format_value(range(2100)) == "[i for i in range(2100)]"
    assert format_value([0, 1, 2]) == "[0, 1, 2]"
    assert format_value([0, True, 2, 3]) == "[0, True, 2, 3]"
    assert format_value([0, 1.0, 2, 3]) == "[0, 1.0, 2, 3]"
    assert format_value(Path("a/b")) == "'a/b'"
    assert math.isnan(parse_value(format_value(math.nan)))


def test_what_cannot_be_written_is_refused():
    endless: list = []
    endless.append(endless)
    for value in ({1: 2}, {1}, 1j, b"x", object(), lambda: 0, 10**5000, endless, np.array([1j]), [None, ...]):
        with pytest.raises(ConfigError, match="cannot be written"):
            format_value(value)


def test_writing_replaces_a_file_as_a_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "new" / "x.hustle"
    config = template([("Setup", [("fit", None, "")])])
    config.write(path)
    old = path.read_bytes()
    config.set("fit", "median")

    def fail(*_):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.raises(OSError, match="disk full"):
            config.write(path)
    assert path.read_bytes() == old and os.listdir(path.parent) == ["x.hustle"]
    config.write(path)
    assert b"'median'" in path.read_bytes() and os.listdir(path.parent) == ["x.hustle"]
    link = tmp_path / "link.hustle"
    link.symlink_to(path)
    config.set("fit", "Gaussian")
    config.write(link)
    assert link.is_symlink() and b"'Gaussian'" in path.read_bytes()
