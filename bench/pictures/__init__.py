"""Pictures of the documents: of pages, of the terminal, and those on README."""
