"""HTTP: a table of routes, and what each does."""
