"""The four issuing systems: their policy as shipped data, and what an installation switches at run time."""
