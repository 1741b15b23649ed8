"""Files handed in by people: what they are, their pages as clean images, whether a scanner finds something in them.

``tools()`` gives the ports of ``domain.ra.ports`` as the settings of this installation have them.
"""

from django.conf import settings

from banyan.adapters.intake_files.clamd import Clamd
from banyan.adapters.intake_files.decoding import ChildDecoder
from banyan.domain.ra.ports import Intake


def scanner() -> Clamd | None:
    """The scanner of the settings; None where none is connected."""
    own = settings.BANYAN
    return Clamd(own.scanner) if own.scanner else None


def tools() -> Intake:
    """What taking in a file needs."""
    own = settings.BANYAN
    return Intake(ChildDecoder(), scanner(), own.scanner_down == "hold")
