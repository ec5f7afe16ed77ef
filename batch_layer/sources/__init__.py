"""Slow sources: files and databases, landed as versions of records. `ucid import` is made of this."""
