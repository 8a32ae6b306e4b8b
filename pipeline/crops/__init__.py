"""Pictures of one plate: which are kept, and how they are straightened and cut into lines of text."""
