"""`python -m bench.chaos`."""

from __future__ import annotations

from bench.chaos.command import main

main()
