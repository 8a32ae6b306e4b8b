"""`dashplate eval stills`: photographs end to end."""
