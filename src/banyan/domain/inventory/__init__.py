"""Tokens from stock to destruction, and the open tasks that account for a certificate until a token holds it."""
