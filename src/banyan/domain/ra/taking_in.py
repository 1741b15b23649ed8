"""From a file in quarantine to one that can be a material: what it is, what the scanner says, its pages. Slow; no transaction.

The steps that write the database are ``actions.materials``; nothing here does.
"""

from banyan.domain.ra import quarantine
from banyan.domain.ra.album import Album
from banyan.domain.ra.errors import FileInfected, FileUnusable, MaterialRefused
from banyan.domain.ra.models import Material
from banyan.domain.ra.ports import Intake, ScannerDown
from banyan.domain.ra.quarantine import Arrived
from banyan.domain.ra.values import NewMaterial


def take_in(code: str, arrived: Arrived, tools: Intake) -> NewMaterial:
    """Check a file, make its pages, keep all of it sealed.

    Raises MaterialRefused and StorageFull, after which nothing of the file is left; ScannerDown, after which it still lies in
    quarantine; sealing.SealBroken.
    """
    try:
        media_type = tools.decoder.media_type(quarantine.start_of(arrived))
        scan = _scanned(arrived, tools)
        album = Album(arrived)
        notes = tools.decoder.decode(media_type, quarantine.chunks(arrived), album.add)
        previews, path = album.settle(), quarantine.settle(arrived)
    except ScannerDown:
        raise
    except FileUnusable as error:
        quarantine.discard(arrived)
        raise MaterialRefused(name=arrived.name, reason=error.fields["reason"]) from error
    except BaseException:
        quarantine.discard(arrived)
        raise
    return NewMaterial(
        code, arrived.name, media_type=media_type, stored=(arrived.sm3, arrived.size, path),
        page_count=album.count, previews=previews, notes=",".join(notes), scan=scan,
    )  # fmt: skip


def _scanned(arrived: Arrived, tools: Intake) -> str:
    """Raises FileInfected when something was found, ScannerDown."""
    if tools.scanner is None:
        return Material.Scan.NONE.value
    try:
        verdict = tools.scanner.scan(quarantine.chunks(arrived))
    except ScannerDown:
        if tools.holds_when_down:
            raise
        return Material.Scan.NONE.value
    if verdict.is_clean:
        return Material.Scan.CLEAN.value
    raise FileInfected(name=arrived.name, found=verdict.found)
