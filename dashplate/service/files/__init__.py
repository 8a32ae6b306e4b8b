"""What the service sends as files: pictures and clips, whole or in ranges, and exports, piece by piece.

`clips` and `exports` are the calls. Clips are cut by processes of their own (`cutter`, `clip_process`), never by the
web process. `ranges` and `streams` are ways to send.
"""
