"""Fusion beside other ways of making one text of several crops."""
