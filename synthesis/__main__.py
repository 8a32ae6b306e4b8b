"""``python -m synthesis drive OUT.mp4``: render a drive and print its plates.

``python -m synthesis plates OUT.png``: draw invented plates side by side.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2

from synthesis.drive import render_drive
from synthesis.layouts.contact_sheet import contact_sheet


def _progress(share: float) -> None:
    sys.stderr.write(f"\rrendering {share:4.0%}")
    sys.stderr.flush()


def main() -> None:
    """Parse the command line and render."""
    parser = argparse.ArgumentParser(prog="python -m synthesis", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    drive = commands.add_parser("drive", help="render a dashcam drive")
    drive.add_argument("out", type=Path, help="the video to write, an .mp4")
    drive.add_argument("--seed", type=int, default=7)
    drive.add_argument("--seconds", type=float, default=30.0)
    drive.add_argument("--plates", type=int, default=12)
    plates = commands.add_parser("plates", help="draw invented plates side by side")
    plates.add_argument("out", type=Path, help="the picture to write, a .png")
    plates.add_argument("--seed", type=int, default=7)
    plates.add_argument("--count", type=int, default=60)
    plates.add_argument("--rows", type=int, choices=[1, 2, 3], help="of each plate; all three in turn by default")
    chosen = parser.parse_args()
    if chosen.command == "plates":
        chosen.out.write_bytes(cv2.imencode(".png", contact_sheet(chosen.rows, chosen.count, chosen.seed))[1].tobytes())
    else:
        _drive(chosen)


def _drive(chosen: argparse.Namespace) -> None:
    made = render_drive(
        chosen.out, seed=chosen.seed, duration_s=chosen.seconds, plates=chosen.plates, progress=_progress
    )
    sys.stderr.write("\n")
    for plate in made.truth:
        when = f"{plate.legible_first_s:6.2f} to {plate.legible_last_s:6.2f} s" if plate.legible else "never legible"
        print(f"{plate.text:10} {plate.country:3} {when}  {plate.max_width_px:5.0f} px")


if __name__ == "__main__":
    main()
