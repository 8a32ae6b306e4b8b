"""Watch lists, and what is told to others: entries and their hits, endpoints, deliveries.

`db/sql/telling_0011.sql` notes hits and owes deliveries, where sightings become searchable and where states move.
"""
