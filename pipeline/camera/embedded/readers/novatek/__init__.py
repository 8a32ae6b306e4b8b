"""Novatek's `freeGPS ` blocks: `blocks` reads them, `layouts` and `records` know what makers put into them."""
