"""Revoking, holding and releasing at the simulated CA."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from sqlite3 import Row
from typing import Any

from banyan.adapters.simulated_superior.errors import CertificateUnknown, StatusRefused, SuperiorRefusal
from banyan.adapters.simulated_superior.issuing import refusal_text
from banyan.adapters.simulated_superior.store import Store

VALID, HELD, REVOKED = "VALID", "HELD", "REVOKED"
# action: (states it starts from, state it leads to)
ACTIONS: Mapping[str, tuple[frozenset[str], str]] = {
    "revoke": (frozenset({VALID, HELD, REVOKED}), REVOKED),
    "hold": (frozenset({VALID, HELD}), HELD),
    "release": (frozenset({HELD, VALID}), VALID),
}


def carry_out(store: Store, rows: Sequence[Row]) -> None:
    """Carry due status tasks out, each for all its certificates or for none; within the caller's
    transaction.
    """
    for row in rows:
        content = json.loads(row["content"])
        try:
            _change(store, content)
        except SuperiorRefusal as refusal:
            values = ("rejected", refusal_text(refusal), row["task_no"])
        else:
            values = ("done", "", row["task_no"])
        store.execute("UPDATE status_tasks SET state = ?, refusal = ? WHERE task_no = ?", values)


def _change(store: Store, content: Mapping[str, Any]) -> None:
    action, serials = content["action"], [str(serial).upper() for serial in content["serials"]]
    found = store.rows_in("SELECT serial, state FROM certificates WHERE serial IN", serials)
    states = {row["serial"]: row["state"] for row in found}
    for serial in serials:
        if serial not in states:
            raise CertificateUnknown(serial=serial)
        if action not in ACTIONS or states[serial] not in ACTIONS[action][0]:
            raise StatusRefused(serial=serial, state=states[serial], action=action)
    _allowed, target = ACTIONS[action]
    at = datetime.fromisoformat(content["at"]).timestamp()
    # A repeated revocation keeps the first date and reason (RFC 5280 §5.3.2).
    changed = [serial for serial in serials if states[serial] != target]
    store.execute_many(
        "UPDATE certificates SET state = ?, reason = ?, changed_at = ? WHERE serial = ?",
        [(target, content["reason"], at, serial) for serial in changed],
    )
    if changed:
        store.set_note("status_changes", store.note("status_changes") + 1)
