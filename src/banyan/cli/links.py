"""The address of a first log-in."""


def first_login_url(secret: str) -> str:
    """Where the person with this secret sets a password."""
    from banyan.config.settings import load

    return f"{load().url}/first/{secret}"
