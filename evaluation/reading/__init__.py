"""`dashplate eval reading`: plate crops whose text is known."""
