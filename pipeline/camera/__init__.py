"""What a camera says beside its pictures: when it recorded, where it was, and which files belong together.

May import `pipeline.records`, `pipeline.errors`, `pipeline.sources` and `pipeline.video`.
"""
