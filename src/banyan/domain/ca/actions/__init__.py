"""Everything that writes certificates. One function a verb, bulk first; a single one is a batch of one.

Modules: ``authorities`` (registering CAs) · ``issuing`` (intents, handing them to a connector) · ``recording`` (what a
CA returned) · ``status`` (revoke, hold, release) · ``crl`` · ``foreign`` (certificates of other CAs) · ``replaying``
(after a restore).
"""

from banyan.domain.ca.actions.authorities import register_authority, retire_authority
from banyan.domain.ca.actions.crl import issue_crl, record_foreign_crl
from banyan.domain.ca.actions.foreign import import_foreign
from banyan.domain.ca.actions.issuing import open_issuance, open_issuances, submit_due, submitting, void_issuance
from banyan.domain.ca.actions.recording import collect_due, collecting, record_issued_many
from banyan.domain.ca.actions.replaying import replay_journal, reserve_issuances
from banyan.domain.ca.actions.status import (
    hold_pair,
    release_pair,
    revoke_pair,
    revoke_pairs,
    settle_status_changes,
)

__all__ = [
    "collect_due",
    "collecting",
    "hold_pair",
    "import_foreign",
    "issue_crl",
    "open_issuance",
    "open_issuances",
    "record_foreign_crl",
    "record_issued_many",
    "register_authority",
    "release_pair",
    "replay_journal",
    "reserve_issuances",
    "retire_authority",
    "revoke_pair",
    "revoke_pairs",
    "settle_status_changes",
    "submit_due",
    "submitting",
    "void_issuance",
]
