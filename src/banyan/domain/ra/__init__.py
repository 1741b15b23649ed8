"""Service requests: what people apply for, the process each goes through, and who did which step (规范 3.1.1.1)."""
