"""Jobs as people see them: submitted, held open, paused, retried, cancelled.

May import `db.queue` and `db.findings`.
"""
