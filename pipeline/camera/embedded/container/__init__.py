"""A camera's file as boxes, timed samples and what lies between them; read within bounds, whatever it says of itself.

Knows containers and nothing of cameras.
"""
