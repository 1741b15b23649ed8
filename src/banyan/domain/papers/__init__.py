"""Printed papers: application forms, notices, receipts, labels, PIN letters; their templates and who changed them."""
