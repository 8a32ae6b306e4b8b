"""Who may ask the service: tokens with scopes and an end, kept as hashes; and what each has used.

May import `db.models` and `db.engine`.
"""
