"""What a rendered drive passes: the ground, buildings, the sky, vehicles and their traffic."""
