"""Clips and annotated videos, made by processes of their own: the web process decodes nothing that strangers made.

`cutter` and `annotator` say whose turn it is, keep what is made and start `clip_process` and `annotate_process`.
"""
