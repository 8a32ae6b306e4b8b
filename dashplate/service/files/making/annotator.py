"""Has annotated videos made by processes of their own: one at a time, each with a time limit, kept for an hour.

They lie in files without a name, in the folder for temporary files: whatever ends the service leaves none behind.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from dataclasses import dataclass, field
from typing import IO, BinaryIO

from dashplate.footage.annotated import Annotation
from dashplate.service.documents import MakingState
from dashplate.service.errors import Refused, too_many
from dashplate.service.files.making.child_processes import ChildProcesses, NoAnswer
from dashplate.service.files.making.trouble import Trouble
from dashplate.service.files.making.video_roots import VideoRoots, refused
from workers.settings import Settings

#: Those that wait, besides the one that is made: each wants all threads that the settings allow.
WAITING = 4
#: Seconds of footage of the longest video that is made; the command makes longer ones.
LONGEST_FOOTAGE_S = 2 * 3600.0
#: How long one is kept after it was last asked for, and how many are kept: each has up to 8 GB.
_KEPT_S, _KEPT = 3600.0, 4
_PROCESS = "dashplate.service.files.making.annotate_process"


@dataclass(slots=True)
class Made:
    """An annotated video that is there, or is being made, or could not be."""

    wanted: Annotation
    file: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    state: MakingState = MakingState.WAITING
    #: How much of it is done, 0 to 1.
    share: float = 0.0
    #: Why it could not be made.
    refused: Refused | None = None
    asked_at: float = field(default_factory=time.monotonic)
    task: asyncio.Task[None] | None = None

    @property
    def is_under_way(self) -> bool:
        return self.state in (MakingState.WAITING, MakingState.MAKING)

    def opened(self) -> BinaryIO:
        """The file once more, from its beginning, for one who reads it."""
        return open(f"/proc/self/fd/{self.file.fileno()}", "rb")

    def drop(self) -> None:
        """Stop making it, and remove the file; whoever reads it reads on."""
        if self.task is not None:
            self.task.cancel()
        self.file.close()


class Annotator:
    """Annotated videos by number of the video; to be used in one event loop. `with` leaves no process and no file."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        #: The one that was asked for last stands last.
        self._made: dict[int, Made] = {}
        self._processes = ChildProcesses(_PROCESS)
        self._turns = asyncio.Semaphore(1)
        self._roots = VideoRoots(1)
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Annotator:
        return self

    def __exit__(self, *_: object) -> None:
        self._roots.close()
        self._processes.close()
        for one in self._made.values():
            one.file.close()

    def begin(self, wanted: Annotation) -> Made:
        """Have it made, unless it is there or under way; one that failed is made anew after it was told of once.

        Raises Refused: 409 for one that is too long, 429 where as many wait as may.
        """
        there = self.find(wanted)
        if there is not None:
            if there.state is MakingState.FAILED:
                self._drop(wanted.video)
            return there
        if wanted.media.duration_s > LONGEST_FOOTAGE_S:
            raise Refused(409, "This video is longer than two hours: `dashplate annotate` makes it.")
        if sum(one.is_under_way for one in self._made.values()) > WAITING:
            raise too_many("As many annotated videos wait to be made as may. Try again in some minutes.", 60)
        made = self._made[wanted.video] = Made(wanted)
        made.task = asyncio.create_task(self._make(made))
        self._forget()
        return made

    def has(self, wanted: Annotation) -> bool:
        """Whether it is there, under way, or failed. Any thread may ask."""
        there = self._made.get(wanted.video)
        return there is not None and there.wanted == wanted

    def find(self, wanted: Annotation) -> Made | None:
        """What there is of it. One of which something else was found by now is none, and dropped."""
        there = self._made.get(wanted.video)
        if there is not None and there.wanted != wanted:
            self._drop(wanted.video)
            return None
        if there is not None:
            there.asked_at = time.monotonic()
            self._made[wanted.video] = self._made.pop(wanted.video)
            self._forget_in_time()
        return there

    def _drop(self, video: int) -> None:
        self._made.pop(video).drop()

    def _forget_in_time(self) -> None:
        """Look once more when nobody has asked for a while."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(_KEPT_S, self._forget)

    def _forget(self) -> None:
        """Drop what was asked for too long ago, and the oldest of what is too many."""
        for state in (MakingState.MADE, MakingState.FAILED):
            kept = [one for one in self._made.values() if one.state is state]
            for place, one in enumerate(kept):
                if time.monotonic() - one.asked_at >= _KEPT_S or place < len(kept) - _KEPT:
                    self._drop(one.wanted.video)
        self._forget_in_time()

    async def _make(self, made: Made) -> None:
        try:
            async with self._turns:
                made.state = MakingState.MAKING
                await self._run(made)
            made.state, made.share = MakingState.MADE, 1.0
        except Refused as problem:
            made.state, made.refused = MakingState.FAILED, problem
        made.asked_at = time.monotonic()
        self._forget_in_time()

    async def _run(self, made: Made) -> None:
        """Raises Refused where the process makes none."""
        media, file = made.wanted.media, made.file.fileno()
        roots = await self._roots.of(media.path)
        wanted = made.wanted, roots, self._settings.models, file
        limit_s = 2 * self._settings.limit_s(media.duration_s)
        try:
            await self._processes.ask(wanted, lambda said: _follow(said, made), limit_s, [file])
        except TimeoutError:
            raise Refused(409, f"Making it took longer than {limit_s} s.") from None
        except NoAnswer as problem:
            raise Refused(409, "The process that made this video ended over it.") from problem


async def _follow(said: asyncio.StreamReader, made: Made) -> None:
    """Hear the process to its end. Raises Refused where it makes none, other errors where it says nothing sensible."""
    while line := await said.readline():
        told = json.loads(line)
        if "problem" in told:
            raise refused(Trouble(told["problem"]), str(told["sentence"]))
        if told.get("made"):
            return
        made.share = min(1.0, max(made.share, float(told["share"])))
    raise EOFError
