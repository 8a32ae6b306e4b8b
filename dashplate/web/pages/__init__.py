"""A module a page, or a few that belong together: what is asked, by whom, and which template shows it."""

from dashplate.web.pages import audit, exports, health, home, jobs, settings, sign_in, submit, tokens, video

#: All of them; each has a `router`.
PAGES = (audit, exports, health, home, jobs, settings, sign_in, submit, tokens, video)
