import pipeline  # noqa: F401  Its switches have to be set before any library is loaded.
