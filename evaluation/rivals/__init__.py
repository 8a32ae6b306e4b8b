"""Fusion beside other methods of making one text of several crops."""
