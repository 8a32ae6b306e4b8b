"""Commands about watch lists and about who is told: entries and hits, endpoints and deliveries, the sender."""
