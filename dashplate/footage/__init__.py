"""What is made of original videos and pictures: clips, annotated videos, annotated pictures."""
