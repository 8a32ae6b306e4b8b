"""The pages: what people see of the service in a browser.

A page is a module in `pages/` (what is asked, who may ask), a template in `templates/` (Jinja, with htmx for what
changes), its texts in `texts/en/` and, where it has any, its own script in `static/pages/`. `page` puts these together.
Questions to the database that only pages ask are in `db/web/`. Imports `dashplate/service` and what that imports;
nothing imports it but the command that serves.
"""
