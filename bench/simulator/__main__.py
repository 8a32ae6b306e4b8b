"""`python -m bench.simulator`."""

from __future__ import annotations

from bench.simulator.command import main

main()
