"""`dashplate eval`: what the stages get right and wrong on material whose truth is known."""
