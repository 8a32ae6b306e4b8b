"""The process that makes one annotated video for the service: it decodes what strangers made, and loads the detector.

It knows no password and no database. In comes the pickled request, from the web process; out go lines of JSON,
`{"share": …}` as it goes on, then `{"made": true}` or `{"problem": …, "sentence": …}`, which the web process need not
trust. The video goes into a file that the web process has opened.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import signal
import sys
from pathlib import Path
from typing import Any, TextIO

from dashplate.footage.annotated import annotate
from dashplate.service.files.making.trouble import trouble_of

#: What the longest video that is made takes at the most that is encoded of a second, 1 MB, and some.
MOST_BYTES = 8 * 2**30


def main() -> None:
    """Make the video that standard input asks for."""
    # Ctrl-C reaches the whole group; the web process kills this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    wanted, roots, models, file = pickle.load(sys.stdin.buffer)
    with _own_output() as out:
        _tell(out, _made(wanted, roots, models, Path(f"/proc/self/fd/{file}"), out))


def _own_output() -> TextIO:
    """Standard output for this module alone: what libraries say goes where errors go."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return out


def _made(wanted: Any, roots: Any, models: Any, file: Path, out: TextIO) -> dict[str, Any]:
    told = 0.0

    def progress(share: float) -> None:
        nonlocal told
        if share - told >= 0.01:
            told = share
            _tell(out, {"share": share})

    try:
        annotate(wanted, roots, models, file, progress)
    except Exception as problem:
        return {"problem": trouble_of(problem), "sentence": str(problem)}
    return {"made": True}


def _tell(out: TextIO, what: dict[str, Any]) -> None:
    out.write(json.dumps(what) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
