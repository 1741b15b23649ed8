"""Changing a template or a picture: one person asks, with a version that was tried out; another one confirms it."""

from datetime import datetime
from typing import Final

from django.db.models import Max

from banyan import gm
from banyan.domain import audit
from banyan.domain.iam import access as iam
from banyan.domain.iam import rights
from banyan.domain.iam.dual_control import confirm_dual, request_dual, use_dual, withdraw_dual
from banyan.domain.iam.models import DualState
from banyan.domain.papers import access, pictures
from banyan.domain.papers.errors import (
    ChangeNotWaiting,
    ChangeWaiting,
    NothingChanges,
    PictureInUse,
    TemplateNoText,
    TemplateTooLarge,
    VersionUnknown,
)
from banyan.domain.papers.models import PaperVersion, VersionKind, VersionState
from banyan.domain.papers.ports import PaperMaker
from banyan.domain.papers.registry import paper as paper_of
from banyan.domain.papers.registry import papers
from banyan.kernel.actor import Actor

DUAL_KIND: Final = "papers.change"
LARGEST_TEMPLATE: Final = 128 * 1024


def tried_template(*, actor: Actor, code: str, content: bytes, maker: PaperMaker) -> PaperVersion:
    """A template that works, for ``ask``: it is tried with the sample values here, outside of any transaction.

    Raises TemplateRefused with line and reason, TemplateTooLarge, TemplateNoText, PaperMakerDown, PaperUnknown, RightMissing.
    """
    rights.require(actor, "papers.manage")
    paper = paper_of(code)
    if len(content) > LARGEST_TEMPLATE:
        raise TemplateTooLarge(size=len(content), most=LARGEST_TEMPLATE)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TemplateNoText from error
    if "\0" in text or not text.strip():
        raise TemplateNoText
    maker.make(access.job(paper, text, [paper.sample]))
    return PaperVersion(kind=VersionKind.TEMPLATE, name=paper.code, content=text.encode())


def fresh_picture(*, actor: Actor, name: str, content: bytes) -> PaperVersion:
    """A picture written anew, for ``ask``. Raises AssetRefused, AssetNameInvalid, RightMissing."""
    rights.require(actor, "papers.manage")
    return PaperVersion(kind=VersionKind.ASSET, name=pictures.name_of(name), content=pictures.encoded_anew(content))


def older_version(*, actor: Actor, kind: VersionKind, name: str, number: int) -> PaperVersion:
    """An older version once more, for ``ask``; 0 is what the product brings (for a picture: none).

    Raises VersionUnknown, PaperUnknown, AssetNameInvalid, audit.RowForged, RightMissing.
    """
    rights.require(actor, "papers.manage")
    name = paper_of(name).code if kind == VersionKind.TEMPLATE else pictures.name_of(name)
    row = PaperVersion(kind=kind, name=name, is_shipped=number == 0)
    if number:
        older = access.version(actor, kind, name, number).verify_row()
        if older.state not in (VersionState.REPLACED, VersionState.IN_FORCE):
            raise VersionUnknown
        row.content, row.is_shipped, row.returns_to = bytes(older.content), older.is_shipped, older.number
    return row


@audit.action
def ask(*, actor: Actor, row: PaperVersion, note: str, now: datetime) -> PaperVersion:
    """First person: ask for a version made by one of the functions above; it waits eight hours for a second person.

    Raises ChangeWaiting, NothingChanges, PictureInUse, RightMissing.
    """
    rights.require(actor, "papers.manage")
    audit.alone()  # two who ask at once get one after the other their numbers
    row = PaperVersion(
        kind=row.kind, name=row.name, content=row.content, is_shipped=row.is_shipped, returns_to=row.returns_to
    )
    _ensure_changes(row)
    _ensure_not_needed(row)
    _ensure_none_waits(actor, row, now)
    versions = PaperVersion.objects.filter(kind=row.kind, name=row.name)
    row.number = (versions.aggregate(last=Max("number"))["last"] or 0) + 1
    row.sm3 = gm.sm3(bytes(row.content))
    row.note, row.asked_by, row.asked_at = note.strip()[:200], actor.id, now
    named = {"kind": row.kind, "name": row.name, "number": row.number, "sm3": row.sm3.hex()}
    row.dual_request_id = request_dual(actor=actor, kind=DUAL_KIND, payload=named, now=now).pk
    row.save()
    audit.record(actor, "papers.change_asked", row, name=row.name, version=row.number, digest=row.sm3.hex())
    return row


@audit.action
def confirm_change(*, actor: Actor, version_id: int, sm3: str, now: datetime) -> PaperVersion:
    """Second person: put a waiting version in force. ``sm3`` is the digest of what the page showed.

    Raises ChangeNotWaiting, iam.SamePerson, iam.DualRequestExpired, RightMissing, audit.RowForged.
    """
    rights.require(actor, "papers.confirm")
    audit.alone()
    row = _waiting(version_id)
    if bytes(row.sm3).hex() != sm3:
        raise ChangeNotWaiting
    request = iam.dual_request(row.dual_request_id or 0)
    confirm_dual(actor=actor, request=request, now=now)
    _, payload = use_dual(actor=actor, request=request, kind=DUAL_KIND, now=now)
    if payload != {"kind": row.kind, "name": row.name, "number": row.number, "sm3": sm3}:
        raise ChangeNotWaiting
    _ensure_not_needed(row)
    replaced = access.in_force(VersionKind(row.kind), [row.name]).get(row.name)
    if replaced is not None:
        replaced.state = VersionState.REPLACED
        replaced.save()
    row.state, row.confirmed_by, row.confirmed_at = VersionState.IN_FORCE, actor.id, now
    row.save()
    rows = [replaced] if replaced is not None else []
    audit.record(
        actor, "papers.change_confirmed", row, rows=rows, name=row.name, version=row.number, digest=row.sm3.hex()
    )
    return row


@audit.action
def withdraw_change(*, actor: Actor, version_id: int, now: datetime) -> PaperVersion:
    """Take a waiting version back; whoever asked for it may, and whoever could confirm it.

    Raises ChangeNotWaiting, RightMissing.
    """
    row = _waiting(version_id)
    if actor.id != row.asked_by:
        rights.require(actor, "papers.confirm")
    _close(actor, row, now)
    return row


def _close(actor: Actor, row: PaperVersion, now: datetime) -> None:
    request = iam.dual_request(row.dual_request_id or 0)
    if request.state == DualState.PENDING and request.expires_at > now:
        withdraw_dual(actor=actor, request=request, now=now)
    row.state = VersionState.WITHDRAWN
    row.save()
    audit.record(actor, "papers.change_withdrawn", row, name=row.name, version=row.number)


def _waiting(version_id: int) -> PaperVersion:
    row = PaperVersion.objects.filter(pk=version_id, state=VersionState.WAITING).first()
    if row is None:
        raise ChangeNotWaiting
    return row.verify_row()


def _ensure_changes(row: PaperVersion) -> None:
    """Raises NothingChanges when what is in force is the same."""
    now_used = access.in_force(VersionKind(row.kind), [row.name]).get(row.name)
    if now_used is None or now_used.is_shipped:
        shipped = paper_of(row.name).template.encode() if row.kind == VersionKind.TEMPLATE else b""
        is_same = row.is_shipped or bytes(row.content) == shipped
    else:
        is_same = not row.is_shipped and bytes(row.content) == bytes(now_used.content)
    if is_same:
        raise NothingChanges


def _ensure_not_needed(row: PaperVersion) -> None:
    """Raises PictureInUse when a picture would go that a template in force shows."""
    if row.kind != VersionKind.ASSET or not row.is_shipped:
        return
    for paper in papers().values():
        if row.name in access.pictures_in(access.template_of(paper)[0]):
            raise PictureInUse(name=row.name, paper=paper.name)


def _ensure_none_waits(actor: Actor, row: PaperVersion, now: datetime) -> None:
    """Raises ChangeWaiting; one whose time for confirmation has run out gives way."""
    waiting = PaperVersion.objects.filter(kind=row.kind, name=row.name, state=VersionState.WAITING).first()
    if waiting is None:
        return
    if iam.dual_request(waiting.dual_request_id or 0).expires_at > now:
        raise ChangeWaiting(name=row.name)
    _close(actor, waiting.verify_row(), now)
