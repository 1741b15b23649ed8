"""The steps of a request, one function a glossary verb; bulk first where work arrives in bulk.

``opening`` open_request(s) · ``deciding`` precheck, approve, reject · ``data`` enter, proofread, send_back ·
``materials`` add, remove, add_taken, download_original · ``holding`` what waits in quarantine ·
``issuing`` issue, carry_on, seal_pins, personalize · ``delivering`` notify_ready, hand_over ·
``telling`` record_call, resend_notice · ``parcels`` prepare_parcel … parcel_returned · ``keeping`` add_receipt ·
``special`` unlock, revoke · ``cancelling`` cancel, cancel_issuance, set_token_aside, void_pair ·
``looking`` look_up_held, give_files · ``checking`` compare_field, settle_field, proofread_checked, send_back_marked ·
``correcting`` enter_corrected · ``together`` approve_together · ``others`` look_up_others ·
``taking_in`` take_in, change_intake · ``holder_file`` look_up_holder.
"""

from banyan.domain.ra.actions.cancelling import cancel, cancel_issuance, set_token_aside, void_pair
from banyan.domain.ra.actions.checking import compare_field, proofread_checked, send_back_marked, settle_field
from banyan.domain.ra.actions.correcting import enter_corrected
from banyan.domain.ra.actions.data import enter, proofread, proofread_many, send_back
from banyan.domain.ra.actions.deciding import approve, approve_many, precheck, reject
from banyan.domain.ra.actions.delivering import hand_over, hand_over_many, notify_ready, notify_ready_many
from banyan.domain.ra.actions.due_dates import recompute_due_dates
from banyan.domain.ra.actions.holder_file import HolderNamed, look_up_holder
from banyan.domain.ra.actions.holding import drop_held_file, hold_file, take_up_held_file, tidy_quarantine
from banyan.domain.ra.actions.issuing import (
    carry_on,
    issue,
    issue_many,
    personalization_message,
    personalization_nonce,
    personalize,
    personalize_many,
    seal_pins,
)
from banyan.domain.ra.actions.keeping import add_receipt
from banyan.domain.ra.actions.looking import give_files, look_up_held
from banyan.domain.ra.actions.materials import (
    add_materials,
    add_taken,
    download_original,
    ensure_takes,
    remove_material,
)
from banyan.domain.ra.actions.opening import open_request, open_requests
from banyan.domain.ra.actions.others import look_up_others
from banyan.domain.ra.actions.parcels import (
    parcel_delivered,
    parcel_returned,
    prepare_parcel,
    reveal_recipient,
    send_parcel,
    take_out,
)
from banyan.domain.ra.actions.special import revoke, unlock, unlock_by_agent, unlocked
from banyan.domain.ra.actions.taking_in import IntakeForm, change_intake, take_in
from banyan.domain.ra.actions.telling import record_call, resend_notice, reveal_requester
from banyan.domain.ra.actions.together import approve_together

__all__ = [
    "HolderNamed",
    "IntakeForm",
    "add_materials",
    "add_receipt",
    "add_taken",
    "approve",
    "approve_many",
    "approve_together",
    "cancel",
    "cancel_issuance",
    "carry_on",
    "change_intake",
    "compare_field",
    "download_original",
    "drop_held_file",
    "ensure_takes",
    "enter",
    "enter_corrected",
    "give_files",
    "hand_over",
    "hand_over_many",
    "hold_file",
    "issue",
    "issue_many",
    "look_up_held",
    "look_up_holder",
    "look_up_others",
    "notify_ready",
    "notify_ready_many",
    "open_request",
    "open_requests",
    "parcel_delivered",
    "parcel_returned",
    "personalization_message",
    "personalization_nonce",
    "personalize",
    "personalize_many",
    "precheck",
    "prepare_parcel",
    "proofread",
    "proofread_checked",
    "proofread_many",
    "recompute_due_dates",
    "record_call",
    "reject",
    "remove_material",
    "resend_notice",
    "reveal_recipient",
    "reveal_requester",
    "revoke",
    "seal_pins",
    "send_back",
    "send_back_marked",
    "send_parcel",
    "set_token_aside",
    "settle_field",
    "take_in",
    "take_out",
    "take_up_held_file",
    "tidy_quarantine",
    "unlock",
    "unlock_by_agent",
    "unlocked",
    "void_pair",
]
