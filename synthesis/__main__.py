"""``python -m synthesis drive OUT.mp4``: render a drive and print its plates.

``python -m synthesis fleet OUT``: render a drive's clips of two cameras with clock and track, for a folder.
``python -m synthesis plates OUT.png``: draw invented plates side by side.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import cv2

from synthesis.drive import render_drive
from synthesis.fleet import render_fleet
from synthesis.fleet.plan import Plan
from synthesis.layouts.contact_sheet import contact_sheet
from synthesis.screen import STYLES, ScreenClock


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
    drive.add_argument(
        "--clock", type=dt.datetime.fromisoformat, help="the clock on screen shows this at the first frame"
    )
    drive.add_argument("--clock-style", choices=STYLES, default="bar", help="its face, colour, corner and form")
    drive.add_argument("--clock-format", help="its form, as strftime takes it, | between lines; that of its style")
    drive.add_argument("--clock-zone", type=ZoneInfo, help="it is put forward and back as in this zone")
    plates = commands.add_parser("plates", help="draw invented plates side by side")
    plates.add_argument("out", type=Path, help="the picture to write, a .png")
    plates.add_argument("--seed", type=int, default=7)
    plates.add_argument("--count", type=int, default=60)
    plates.add_argument("--rows", type=int, choices=[1, 2, 3], help="of each plate; all three in turn by default")
    fleet = commands.add_parser("fleet", help="render clips of two cameras, with clock and track, and their truth")
    fleet.add_argument("out", type=Path, help="the folder to write them to")
    fleet.add_argument("--seed", type=int, default=7)
    chosen = parser.parse_args()
    if chosen.command == "plates":
        chosen.out.write_bytes(cv2.imencode(".png", contact_sheet(chosen.rows, chosen.count, chosen.seed))[1].tobytes())
    elif chosen.command == "fleet":
        _fleet(chosen)
    else:
        _drive(chosen)


def _fleet(chosen: argparse.Namespace) -> None:
    truth = render_fleet(chosen.out, Plan(seed=chosen.seed), _progress)
    sys.stderr.write("\n")
    for passing in truth.passings:
        cameras = ", ".join(passing.cameras) or "never legible"
        lat, lon = passing.first_place
        print(f"{passing.plate:10} {passing.first_at:%H:%M:%S} UTC at {lat:.5f} {lon:.5f}  {cameras}")


def _drive(chosen: argparse.Namespace) -> None:
    made = render_drive(
        chosen.out, seed=chosen.seed, duration_s=chosen.seconds, plates=chosen.plates, clock=_clock(chosen),
        progress=_progress,
    )  # fmt: skip
    sys.stderr.write("\n")
    for plate in made.truth:
        when = f"{plate.legible_first_s:6.2f} to {plate.legible_last_s:6.2f} s" if plate.legible else "never legible"
        print(f"{plate.text:10} {plate.country:3} {when}  {plate.max_width_px:5.0f} px")


def _clock(chosen: argparse.Namespace) -> ScreenClock | None:
    if chosen.clock is None:
        return None
    style = STYLES[chosen.clock_style]
    start = chosen.clock.replace(tzinfo=chosen.clock_zone) if chosen.clock_zone else chosen.clock
    return ScreenClock(start, replace(style, form=chosen.clock_format or style.form))


if __name__ == "__main__":
    main()
