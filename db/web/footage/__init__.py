"""What the pages of submitting, jobs and videos ask."""
