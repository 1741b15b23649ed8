"""The rulebook (办事规程): what two administrators set instead of what the product ships, version by version."""
