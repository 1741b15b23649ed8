"""The CRL of the simulated CA: numbered without gaps, made anew on a change or when the last one runs out."""

from datetime import UTC, datetime, timedelta

from banyan.adapters.simulated_superior.authority import Authority
from banyan.adapters.simulated_superior.store import Store
from banyan.pki.crl import Reason, assemble_crl, build_tbs_crl, encode_entry

_LIFETIME = timedelta(days=7)
_REASONS = {
    "keyCompromise": Reason.KEY_COMPROMISE,
    "cACompromise": Reason.CA_COMPROMISE,
    "affiliationChanged": Reason.AFFILIATION_CHANGED,
    "superseded": Reason.SUPERSEDED,
    "cessationOfOperation": Reason.CESSATION_OF_OPERATION,
}


def current(store: Store, authority: Authority, now: datetime) -> tuple[int, bytes]:
    """(number, DER) of the CRL in force; within the caller's transaction."""
    changes = int(store.note("status_changes"))
    last = store.rows("SELECT number, changes, next_update, der FROM crls ORDER BY number DESC LIMIT 1")
    if last and last[0]["changes"] == changes and now.timestamp() < last[0]["next_update"]:
        return int(last[0]["number"]), bytes(last[0]["der"])
    number = int(last[0]["number"]) + 1 if last else 1
    this_update = now.replace(microsecond=0)
    tbs = build_tbs_crl(
        authority.issuer,
        _entries(store),
        number=number,
        this_update=this_update,
        next_update=this_update + _LIFETIME,
    )
    der = assemble_crl(tbs, authority.sign_many([tbs])[0])
    store.execute("INSERT INTO crls VALUES (?, ?, ?, ?)", (number, changes, (this_update + _LIFETIME).timestamp(), der))
    return number, der


def _entries(store: Store) -> list[bytes]:
    rows = store.rows(
        "SELECT serial, state, reason, changed_at FROM certificates WHERE state <> 'VALID' ORDER BY serial"
    )
    return [
        encode_entry(
            bytes.fromhex(row["serial"]),
            datetime.fromtimestamp(row["changed_at"], UTC),
            Reason.CERTIFICATE_HOLD
            if row["state"] == "HELD"
            else _REASONS.get(row["reason"] or "", Reason.UNSPECIFIED),
        )
        for row in rows
    ]
