"""Who may ask what, how often, and what is noted about it."""
