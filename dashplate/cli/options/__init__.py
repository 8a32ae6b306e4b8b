"""Options that several commands share: each alone, in groups, and those of `eval`."""
