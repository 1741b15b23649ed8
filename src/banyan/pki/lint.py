"""Lint: the public face. Nothing is signed with an error among its findings; what was signed is judged again.

``lint_template`` judges once what all certificates of a template share, ``lint_parts`` what moves from one to
the next, ``check_certificate`` the stored bytes, read by other code than wrote them.
"""

from banyan.pki.lint_parts import Expected, lint_pair, lint_pairs_many, lint_parts, lint_parts_many
from banyan.pki.lint_rules import RULES, Finding, Rule, Severity
from banyan.pki.lint_stored import check_certificate
from banyan.pki.lint_template import lint_template

__all__ = [
    "RULES",
    "Expected",
    "Finding",
    "Rule",
    "Severity",
    "check_certificate",
    "lint_pair",
    "lint_pairs_many",
    "lint_parts",
    "lint_parts_many",
    "lint_template",
]
