"""`dashplate eval video` and `eval rides`: unique plates of clips, and of rides kept as pictures."""
