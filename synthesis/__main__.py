"""``python -m synthesis drive OUT.mp4``: render a drive and print its plates."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from synthesis.drive import render_drive


def _progress(share: float) -> None:
    sys.stderr.write(f"\rrendering {share:4.0%}")
    sys.stderr.flush()


def main() -> None:
    """Parse the command line and render."""
    parser = argparse.ArgumentParser(prog="python -m synthesis", description=__doc__)
    drive = parser.add_subparsers(dest="command", required=True).add_parser("drive", help="render a dashcam drive")
    drive.add_argument("out", type=Path, help="the video to write, an .mp4")
    drive.add_argument("--seed", type=int, default=7)
    drive.add_argument("--seconds", type=float, default=30.0)
    drive.add_argument("--plates", type=int, default=12)
    chosen = parser.parse_args()
    made = render_drive(
        chosen.out, seed=chosen.seed, duration_s=chosen.seconds, plates=chosen.plates, progress=_progress
    )
    sys.stderr.write("\n")
    for plate in made.truth:
        when = f"{plate.legible_first_s:6.2f} to {plate.legible_last_s:6.2f} s" if plate.legible else "never legible"
        print(f"{plate.text:10} {plate.country:3} {when}  {plate.max_width_px:5.0f} px")


if __name__ == "__main__":
    main()
