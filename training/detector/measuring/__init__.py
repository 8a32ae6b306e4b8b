"""How good a detector is: boxes matched, averaged, timed and compared."""
