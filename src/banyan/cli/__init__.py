"""The command line: one program, groups of verbs."""
