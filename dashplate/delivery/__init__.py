"""Sends what was found to programs of others: a module for each of them, and the command that does it."""
