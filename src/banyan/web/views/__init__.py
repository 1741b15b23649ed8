"""The pages: parse, read through access, render."""
