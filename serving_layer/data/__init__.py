"""All customers, identifiers and changes: read step by step, and written in several formats."""
