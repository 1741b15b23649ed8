"""Files of a posted form on their way to a request: through quarantine, one after another, outside any transaction."""

from collections.abc import Iterable

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from banyan.adapters import intake_files
from banyan.domain import audit
from banyan.domain.ra import actions, quarantine, taking_in
from banyan.domain.ra.errors import FileInfected
from banyan.domain.ra.ports import ScannerDown
from banyan.kernel import clock
from banyan.kernel.actor import Actor
from banyan.kernel.errors import BanyanError


def take_in(
    actor: Actor, request_id: int, named: Iterable["tuple[str, UploadedFile[bytes]]"]
) -> tuple[int, list[BanyanError]]:
    """Take in what can be; how many were, and what is to be said of the others.

    A file that the scanner could not be asked about is held and counts among the others. Raises iam.RightMissing,
    RequestNotFound, RequestClosed, IssuanceUnderWay before anything is read.
    """
    files = list(named)
    for code in {code for code, _file in files}:
        actions.ensure_takes(actor, request_id, code)
    taken, unfit = 0, list[BanyanError]()
    for code, file in files:
        try:
            _one(actor, request_id, code, file)
            taken += 1
        except BanyanError as error:
            unfit.append(refused(actor, error))
    return taken, unfit


def refused(actor: Actor, error: BanyanError) -> BanyanError:
    """The same error; what the scanner found is on record."""
    if isinstance(error, FileInfected):
        audit.refusal(actor, "ra.change_materials", error)
    return error


def _one(actor: Actor, request_id: int, code: str, file: "UploadedFile[bytes]") -> None:
    limit = settings.BANYAN.upload_megabytes << 20
    arrived = quarantine.receive(file.name or "", file.chunks(), limit)
    try:
        material = taking_in.take_in(code, arrived, intake_files.tools())
    except ScannerDown:
        try:
            actions.hold_file(actor, request_id, code, arrived, clock.now())
        except BaseException:
            quarantine.discard(arrived)
            raise
        raise
    actions.add_taken(actor, request_id, material, clock.now())
