"""What the businesses do to pairs and tokens.

``issuing``: connectors' rounds, with tasks for tokens in the same transaction · ``fates``: what becomes of old pairs ·
``unlocking``: one answer to one challenge of one token.
"""

from banyan.domain.lifecycle.actions.fates import TokenFate, revoke_with_token, settle_at_approval, settle_at_delivery
from banyan.domain.lifecycle.actions.issuing import carry_on, open_tasks_for
from banyan.domain.lifecycle.actions.unlocking import answer_unlock, grant_unlock

__all__ = [
    "TokenFate",
    "answer_unlock",
    "carry_on",
    "grant_unlock",
    "open_tasks_for",
    "revoke_with_token",
    "settle_at_approval",
    "settle_at_delivery",
]
