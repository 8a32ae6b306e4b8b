"""What the pages of watch lists, hits and endpoints ask."""
