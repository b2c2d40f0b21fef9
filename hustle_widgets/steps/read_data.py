"""Step 1: which frames of the visit are worked on."""

from __future__ import annotations

import numpy as np

from hustle_widgets.algorithms.failed_frames import pixel_problems
from hustle_widgets.engine.blocks import Block, Source, State
from hustle_widgets.engine.deltas import KeptFrames, Table
from hustle_widgets.reading.failures import failure_messages
from hustle_widgets.steps.base import Step
from hustle_widgets.steps.frame_names import named, numbers_in_words
from hustle_widgets.steps.parameters import Switch, Wholes


def frame_problems(state: State) -> dict[int, str]:
    """Return what failed in frames of the visit, by number: what their headers say, else what their pixels show."""
    source = state.source
    told = source.columns.get("frame_problem", np.full(len(source.images), ""))
    seen = pixel_problems(source.images, source.columns["exp_duration"])
    return {k: str(told[k]) or text for k, text in enumerate(seen) if str(told[k]) or text}


class ReadData(Step):
    """Choose the frames to reduce: all, or without those that failed, the first of each orbit, the first orbit."""

    name, title, section, by = "read_data", "Read in the data", "1", "visit"
    label = "Read"
    doing, live = "Reading in the data...", "hustle_widgets.view.live.ends:ReadLive"
    tour = """
    Dots are frames, by time and orbit; crosses are frames left out; triangles are frames that look as if they failed.
    Click on one to leave it out, click again to have it back. Leave out first frames or the first orbit if the light
    curve begins with a hook there.
    """
    skip_first_fm = Switch(
        False,
        ("Leave out the first frame of every orbit, where systematic errors are often largest."),
    )
    skip_first_or = Switch(False, "Leave out the whole first orbit.")
    skip_frames = Wholes(
        (),
        (
            "Frames to leave out, such as exposures that failed, counted from 0 in the order of time. A click "
            "on a frame in the plot adds it."
        ),
        unit="frames",
        min=0,
        added=True,
    )

    memo = staticmethod(frame_problems)

    @staticmethod
    def compute(
        block: Block,
        *,
        skip_first_fm: bool,
        skip_first_or: bool,
        skip_frames: tuple[int, ...],
        memo: dict[int, str] | None = None,
    ) -> tuple[KeptFrames, Table]:
        """Select frames by their orbit numbers and by their own; name those that failed."""
        source = block.state.source
        orbits = source.columns["orbit_numbers"]
        beyond = [number for number in skip_frames if number >= orbits.size]
        if beyond:
            raise ValueError(f"'skip_frames' holds {beyond[0]}; the visit has frames 0 to {orbits.size - 1}.")
        keep = np.ones(orbits.size, dtype=bool)
        if skip_first_fm:
            keep[np.flatnonzero(np.diff(orbits, prepend=orbits[0] - 1))] = False
        if skip_first_or:
            keep &= orbits != orbits[0]
        keep[list(skip_frames)] = False
        if not keep.any():
            raise ValueError(
                f"No frame is left of {orbits.size} in {np.unique(orbits).size} orbit(s): "
                "set skip_first_fm or skip_first_or to False, or skip_frames to fewer frames."
            )
        frames = np.flatnonzero(keep)
        problems = frame_problems(block.state) if memo is None else memo
        notes = _told(source)
        notes += () if source.injection is None else (source.injection.words,)
        notes += () if keep.all() else (f"{frames.size} of {orbits.size} frames are worked on.",)
        return KeptFrames(frames), Table(
            facts={"frame_problems": problems}, notes=(*notes, *_warnings(source, problems, keep))
        )


def _told(source: Source) -> tuple[str, ...]:
    """Return what was said when the files were read, without the frames that failed: they have their own notes."""
    names, problems = (
        [str(text) for text in source.columns.get(key, [""] * len(source.images))]
        for key in ("file_names", "frame_problem")
    )
    own = failure_messages(names, problems)
    return tuple(message for message in source.facts.get("messages", ()) if message not in own)


def _warnings(source: Source, problems: dict[int, str], keep: np.ndarray) -> tuple[str, ...]:
    """Name the frames that failed and are worked on, and offer to leave them out."""
    worked_on = {number: text for number, text in problems.items() if keep[number]}
    if not worked_on:
        return ()
    offer = f"Leave such frames out: skip_frames = {numbers_in_words(sorted(worked_on))}, or click on them in the plot."
    return (*named(source, worked_on, "."), offer)
