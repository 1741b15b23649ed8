"""``python -m banyan`` is the command ``banyan``."""

from banyan.cli.main import main

main()
