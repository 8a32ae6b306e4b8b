"""A module a page, or a few that belong together: what is asked, by whom, and which template shows it.

Here are the first page and the way in; all others are in folders by what they are for.
"""

from dashplate.web.pages import findings, footage, home, operating, sign_in, telling

#: All of them; each has a `router`.
PAGES = (home, sign_in, *footage.PAGES, *findings.PAGES, *telling.PAGES, *operating.PAGES)
