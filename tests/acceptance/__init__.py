"""What the documents promise, through the real command line."""
