"""Calls about watch lists and about who is told: `watch_lists`, `endpoints`; `documents` is their JSON."""
