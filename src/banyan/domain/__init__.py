"""The business: one Django application a capability, all with the same file names."""
