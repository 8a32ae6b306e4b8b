"""A module a page, or a few that belong together: what is asked, by whom, and which template shows it."""

from dashplate.web.pages import audit, exports, health, home, settings, sign_in, tokens

#: All of them; each has a `router`.
PAGES = (sign_in, home, exports, audit, tokens, settings, health)
