"""What long-running work does to Python's collector of cycles."""

import gc


def settle_memory() -> None:
    """Before serving or working through many rows: what was imported stays, and a batch's many short-lived values are
    not walked again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
