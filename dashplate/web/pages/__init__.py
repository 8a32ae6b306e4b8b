"""A module a page, or a few that belong together: what is asked, by whom, and which template shows it."""

from dashplate.web.pages import home, plates, saved, search, sighting, sightings, sign_in

#: All of them; each has a `router`.
PAGES = (sign_in, home, sightings, sighting, plates, search, saved)
