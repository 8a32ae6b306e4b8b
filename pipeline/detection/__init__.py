"""Finds plates on frames and follows them through a segment: frames in, tracklets out.

May import `pipeline.crops` and `pipeline.video`.
"""
