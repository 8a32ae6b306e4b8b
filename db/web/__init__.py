"""What only the pages ask, a module a page, in folders as `dashplate/web/pages/` has them.

Each question answers within a page's time at a million sightings. Nothing here writes. Imports `db/findings` and what
that imports.
"""
