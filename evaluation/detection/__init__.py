"""`dashplate eval detection`: boxes that are known against boxes that are found."""
