"""Turns the frames over, by keys and by playing them; the same on every page that shows frames."""

from __future__ import annotations

from hustle_widgets.view.frame.frame_view import FrameView
from hustle_widgets.view.frame.player import Player
from hustle_widgets.view.page.conduct import Conduct


class Turning:
    """Keys, and play and pause, of one frame view.

    Parameters
    ----------
    frames : FrameView

    Attributes
    ----------
    conduct : Conduct
        To be placed on the page.
    player : Player
    """

    def __init__(self, frames: FrameView) -> None:
        self._frames = frames
        self.conduct = Conduct(self._key)
        self.player = Player(lambda: frames.step_by(1, around=True), self.conduct.ask)
        frames.on_play(self.toggle)

    def _key(self, key: str) -> None:
        """Answer a key that the browser passes on."""
        if key == "p":
            self.toggle()
        else:
            self._frames.step_by(1 if key == "." else -1)

    def toggle(self) -> None:
        """Begin to play, or stop."""
        if self.player.playing:
            self.stop()
        else:
            self.player.start()
            self._frames.show_playing(True)

    def stop(self) -> None:
        """Stop playing."""
        self.player.stop()
        self._frames.show_playing(False)
