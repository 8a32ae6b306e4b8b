"""Starts workers, sweeper and Flower as processes, and restarts what ends."""
