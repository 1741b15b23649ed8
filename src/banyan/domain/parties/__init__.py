"""Whom certificates are for and where they belong: regions, issuing points, organisations, people, devices.

Also the scope by region that every package above applies to its own rows (``scoping``).
"""
