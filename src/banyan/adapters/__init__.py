"""Adapters: one outside system each, behind a port of the domain."""
