"""Figures for Prometheus: what the work, the servers and the result store look like now, and what has ended since.

`figures` names all of them; `questions` and `places` ask for them, `exporter` puts the answers together, `serving`
hands them to Prometheus. The HTTP service counts its own calls: `dashplate.service.measured`.
"""
