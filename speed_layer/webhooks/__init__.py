"""Webhooks: what became of messages, as e-mail services tell it over HTTP.

A service is one file and one line in `registry`; docs/webhooks.md says how to add another.
"""
