"""The faces of Dashplate: what a person touches."""
