"""What control workers do beside their tasks: sweep, delete, apply retention.

May import `workers.steps`.
"""
