"""Proves the HTTP service: what its description promises, and what it does under load."""
