"""Photographs over HTTP: `calls` answers, `compatible` answers other programs' clients.

`forms` takes pictures out of requests. `reader` queues them for `process`, which has the models loaded.
"""
