"""A module a page, or a few that belong together: what is asked, by whom, and which template shows it."""

from dashplate.web.pages import endpoints, hits, home, review, sign_in, watch_lists

#: All of them; each has a `router`.
PAGES = (sign_in, home, review, hits, watch_lists, endpoints)
