"""Settings: one typed model, from a file and the environment; and Django's view of them."""
