"""What an operator does to a fleet in the middle of its work, and that nothing is lost by it."""
