"""Clients of the HTTP API. They need httpx and msgspec, and nothing of the server."""
