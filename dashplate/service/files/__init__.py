"""What the service sends as files: pictures and clips, whole or in ranges; exports and the like, piece by piece.

`clips`, `annotated`, `evidence` and `exports` are the calls. Clips are cut by processes of their own (`cutter`,
`clip_process`), never by the web process, and so are annotated videos (`annotator`, `annotate_process`). `ranges` and
`streams` are ways to send.
"""
