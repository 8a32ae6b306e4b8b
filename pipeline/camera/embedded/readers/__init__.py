"""Readers of positions: bytes into fixes, a module a family of formats. None opens a file.

A reader gives None for bytes that are not its own, and raises nothing for any bytes. May import nothing but
`pipeline.camera.records` and `container.timed`'s records.
"""
