"""Clients that nobody here wrote against /v1 of a real server, each in its own environment; see `tests.foreign`."""
