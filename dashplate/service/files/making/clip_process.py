"""The process that cuts one clip for the service: it decodes what strangers made, and is killed if it takes too long.

It knows no password and no database. In comes the pickled request, from the web process; out goes a line of JSON,
`{"size": …, "first_s": …}` with the clip's bytes behind it, or `{"problem": …, "sentence": …}`, which the web process
need not trust.
"""

from __future__ import annotations

import json
import pickle
import resource
import signal
import sys
from typing import Any

from dashplate.service.files.making.trouble import trouble_of
from pipeline.video.clip import cut

#: Seconds of the processor, and of address space: one 8K HEVC stream with its reference pictures takes 2 GB.
LONGEST_S, MOST_MEMORY_BYTES = 120, 4 * 2**30


def main() -> None:
    """Cut the clip that standard input asks for."""
    # Ctrl-C reaches the whole group; the web process kills this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_S, LONGEST_S))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    told, clip = _answer(*pickle.load(sys.stdin.buffer))
    sys.stdout.buffer.write(json.dumps(told).encode() + b"\n" + clip)


def _answer(wanted: Any, roots: Any) -> tuple[dict[str, Any], bytes]:
    try:
        clip = cut(wanted, roots)
    except Exception as problem:
        return {"problem": trouble_of(problem), "sentence": str(problem)}, b""
    return {"size": len(clip.data), "first_s": clip.first_s}, clip.data


if __name__ == "__main__":
    main()
