"""A drive as a camera with a receiver records it: clips of two cameras, with clock and track, and their truth.

`way` (the road on the earth), `plan` (when what happens), `recorder` (what the camera writes into its files), `truth`,
and `fleet` (all put together).
"""

from synthesis.fleet.fleet import render_fleet
from synthesis.fleet.truth import FleetTruth, read_fleet_truth

__all__ = ["FleetTruth", "read_fleet_truth", "render_fleet"]
