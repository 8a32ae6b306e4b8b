"""What the pages of health and tokens ask."""
