"""Hundreds of workers on one machine: threads that take real messages and ask the real database."""
