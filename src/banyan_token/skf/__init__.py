"""Tokens behind the interface of GM/T 0016 (SKF), ours and other vendors': the interface, its conformance, remote
unblocking of ours."""
