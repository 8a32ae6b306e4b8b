"""A module a page, or a few that belong together: what is asked, by whom, and which template shows it."""

from dashplate.web.pages import home, jobs, sign_in, submit, video

#: All of them; each has a `router`.
PAGES = (sign_in, home, submit, jobs, video)
