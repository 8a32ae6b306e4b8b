"""Pages for operators: how everything is, who may come in, who asked for what, and the settings."""

from dashplate.web.pages.operating import audit, health, settings, tokens

PAGES = (audit, health, settings, tokens)
