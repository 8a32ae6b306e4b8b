"""The README's promises, through the real command line."""
