"""Sheets of applications (批量申请表): what a sheet says, row by row, turned into requests (A5)."""
