"""What is remembered: tables, their migrations, the queries the system needs and the views made for people.

Views and triggers lie in `sql/` by revision; a long statement in a `.sql` file beside its module (`named_sql`).
"""
