"""Letters and digits as plates carry them, drawn from strokes: thirty faces of authorities and painters, and new ones.

Reads no font file and imports nothing of the project. Small print and other scripts are OpenCV's own (`scripts`).
"""
