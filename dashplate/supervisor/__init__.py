"""Starts workers and Flower as processes beside the embedded stack, and restarts what ends."""

from dashplate.supervisor.processes import Command, ProcessState, Supervisor

__all__ = ["Command", "ProcessState", "Supervisor"]
