"""The clock that a camera burns into its pictures: where it stands, what it says, and when the recording began by it.

`glances` chooses the frames and reads their text, `written` finds dates and times in it, `running` keeps the times that
run with the video, `dating` settles the date, and `screen_clock` puts these together. A text reader is handed in: this
room knows no network.
"""

from pipeline.camera.on_screen.screen_clock import read_screen_clock, screen_clocks
from pipeline.camera.on_screen.text import TextReader

__all__ = ["TextReader", "read_screen_clock", "screen_clocks"]
