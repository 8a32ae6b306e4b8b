"""How long what was found is kept, who asked for it, and whether rows and files agree.

May import `db.findings`.
"""
