"""Staff accounts, log-in, roles and rights, and two-person control."""
