"""Has clips cut by processes of their own: few at a time, each with a time limit, killed once nobody waits for it.

A player asks for a clip in ranges, one call after the other. So a clip stays in memory for a minute after it was last
asked for; it is never written to a disk, where it would outlive the retention of its job.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from dashplate.service.errors import Refused, too_many
from dashplate.service.files.making.child_processes import ChildProcesses, NoAnswer
from dashplate.service.files.making.clip_process import LONGEST_S
from dashplate.service.files.making.trouble import Trouble
from dashplate.service.files.making.video_roots import VideoRoots, refused
from pipeline.video.clip import Clip, ClipRequest

#: Clips that are cut at a time, each on one core, and those that wait besides.
AT_ONCE, WAITING = 2, 8
#: How long a clip is kept after it was last asked for, and bytes of all that are kept; the longest clip has 15 MB.
_KEPT_S, _KEPT_BYTES = 60.0, 64_000_000
#: More than the longest clip can have.
_MOST_BYTES = 32_000_000
_PROCESS = "dashplate.service.files.making.clip_process"


@dataclass(slots=True)
class _Kept:
    """A clip that is there or is being cut."""

    task: asyncio.Task[Clip]
    #: Calls that wait for it.
    waiting: int = 0
    asked_at: float = field(default_factory=time.monotonic)

    @property
    def size(self) -> int:
        """Bytes; 0 where it is not there."""
        there = self.task.done() and not self.task.cancelled() and self.task.exception() is None
        return len(self.task.result().data) if there else 0


class Cutter:
    """Clips by request; to be used in one event loop. `with` sees to it that no process is left."""

    def __init__(self) -> None:
        #: The one that was asked for last stands last.
        self._clips: dict[Hashable, _Kept] = {}
        self._processes = ChildProcesses(_PROCESS)
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._roots = VideoRoots(AT_ONCE)
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Cutter:
        return self

    def __exit__(self, *_: object) -> None:
        self._roots.close()
        self._processes.close()

    async def clip(self, wanted: ClipRequest) -> Clip:
        """The MP4. Cancelled, its process is killed unless another call waits for the same clip.

        Raises Refused: 404 where the video is gone, 409 where no clip can be made of it, 503 where it may be reached
        later, 429 where as many wait as may.
        """
        self._forget()
        name = (wanted.fingerprint, wanted.media.path, wanted.start_pts, wanted.end_pts)
        clip = self._clips.pop(name, None)
        if clip is None:
            if sum(not one.task.done() for one in self._clips.values()) >= AT_ONCE + WAITING:
                raise too_many("As many clips wait to be cut as may. Try again in some seconds.", 5)
            clip = _Kept(asyncio.create_task(self._cut(wanted)))
        self._clips[name] = clip
        clip.waiting += 1
        there = False
        try:
            made = await asyncio.shield(clip.task)
            there = True
            return made
        finally:
            clip.waiting -= 1
            clip.asked_at = time.monotonic()
            self._forget_in_time()
            if not there and not clip.waiting:
                clip.task.cancel()
                if self._clips.get(name) is clip:
                    del self._clips[name]

    def _forget_in_time(self) -> None:
        """Look once more when nobody has asked for a while."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(_KEPT_S, self._forget)

    def _forget(self) -> None:
        """Drop what was asked for too long ago, and the oldest of what is too much."""
        size = sum(clip.size for clip in self._clips.values())
        for name, clip in list(self._clips.items()):
            old = time.monotonic() - clip.asked_at >= _KEPT_S
            if not clip.waiting and clip.task.done() and (old or size > _KEPT_BYTES):
                size -= clip.size
                del self._clips[name]

    async def _cut(self, wanted: ClipRequest) -> Clip:
        async with self._turns:
            roots = await self._roots.of(wanted.media.path)
            try:
                return await self._processes.ask((wanted, roots), _clip_of, LONGEST_S)
            except TimeoutError:
                raise Refused(409, f"Cutting it took longer than {LONGEST_S} s. Ask for fewer seconds.") from None
            except NoAnswer as problem:
                raise Refused(409, "The process that cut this clip ended over it.") from problem


async def _clip_of(said: asyncio.StreamReader) -> Clip:
    """What the process says. Raises Refused where there is no clip, other errors where it says nothing sensible."""
    told: dict[str, Any] = json.loads(await said.readline())
    if "size" not in told:
        raise refused(Trouble(told["problem"]), str(told["sentence"]))
    if not 0 < told["size"] <= _MOST_BYTES:
        raise ValueError(told["size"])
    return Clip(await said.readexactly(told["size"]), float(told["first_s"]))
