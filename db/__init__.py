"""What is remembered: tables, their migrations, the queries the system needs and the views made for people."""
