"""What the service sends as files: pictures and clips, whole or in ranges; exports and the like, piece by piece.

`clips`, `videos`, `annotated`, `evidence` and `exports` are the calls; `making` makes clips and annotated videos.
`ranges` and `streams` are ways to send.
"""
