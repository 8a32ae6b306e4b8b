"""Crops in, one reading out: recognisers, CTC search, and the fusion of several crops.

May import `pipeline.crops` and `pipeline.formats`.
"""
