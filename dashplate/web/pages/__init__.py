"""A module a page, or a few that belong together: what is asked, by whom, and which template shows it."""

from dashplate.web.pages import (
    audit,
    endpoints,
    exports,
    health,
    hits,
    home,
    jobs,
    review,
    settings,
    sign_in,
    submit,
    tokens,
    video,
    watch_lists,
)

#: All of them; each has a `router`.
PAGES = (
    audit,
    endpoints,
    exports,
    health,
    hits,
    home,
    jobs,
    review,
    settings,
    sign_in,
    submit,
    tokens,
    video,
    watch_lists,
)
