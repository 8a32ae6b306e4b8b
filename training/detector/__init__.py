"""Trains, measures and exports the plate detector."""
