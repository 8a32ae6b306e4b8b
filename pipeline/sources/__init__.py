"""Where videos come from: paths and addresses, what may be opened, and what tells one file from another.

Nothing here decodes. May import `pipeline.errors` and `pipeline.records`.
"""
