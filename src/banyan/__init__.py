"""Banyan (榕证): the digital-certificate service of a province."""

__version__ = "0.1.0"
