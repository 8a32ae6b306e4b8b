"""A file as a video: its container, its probe, its frames, its segments.

May import `pipeline.sources`.
"""
