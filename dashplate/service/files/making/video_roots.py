"""Where videos may lie that processes of their own open: asked of the result store, whose share may hang."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from dashplate.service.errors import RETRY_AFTER_S, Refused
from dashplate.service.files.making.trouble import Trouble
from pipeline.errors import Inaccessible
from pipeline.sources.source import Source
from workers.allowed import roots_for

#: What is asked of the result store takes a moment, unless its share hangs.
LONGEST_LOOK_S = 30.0


class VideoRoots:
    """Asks in threads of its own: a share that hangs keeps them."""

    def __init__(self, at_once: int) -> None:
        self._looking = ThreadPoolExecutor(at_once, thread_name_prefix="roots")

    def close(self) -> None:
        """Nothing is asked any more; what hangs is left."""
        self._looking.shutdown(wait=False, cancel_futures=True)

    async def of(self, video: Source) -> Sequence[Source]:
        """Where the video may lie; an upload in its folder. Raises Refused: 404, and 503 where its share hangs."""
        looking = asyncio.get_running_loop().run_in_executor(self._looking, roots_for, video)
        try:
            async with asyncio.timeout(LONGEST_LOOK_S):
                return await looking
        except Inaccessible as gone:
            raise Refused(404, str(gone)) from gone
        except TimeoutError:
            raise hanging() from None


def hanging() -> Refused:
    """What is answered where a share does not."""
    return refused(Trouble.AWAY, "The share or disk of this video does not answer. Try again later.")


def refused(trouble: Trouble, sentence: str) -> Refused:
    """What is answered where there is none."""
    match trouble:
        case Trouble.AWAY:
            return Refused(503, sentence, {"Retry-After": str(RETRY_AFTER_S)})
        case Trouble.GONE:
            return Refused(404, sentence)
        case Trouble.NOT_THIS:
            return Refused(409, sentence)
    return Refused(500, "Something went wrong here; the service's log tells what.")
