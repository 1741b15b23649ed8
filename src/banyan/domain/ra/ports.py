"""What this package asks of the layers above: text messages; a file's pages as clean images, and a scanner's word."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from banyan.kernel.errors import N_, ServiceUnavailable


@dataclass(frozen=True, slots=True)
class PageImage:
    """One page as JPEG without metadata, and its thumbnail."""

    number: int
    image: bytes
    thumbnail: bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a scanner says: the name of what it found, empty when nothing."""

    found: str = ""

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return not self.found


class ScannerDown(ServiceUnavailable):
    """The scanner that is connected cannot be asked, or does not say."""

    code = "ra.scanner_down"
    message = N_("病毒扫描没有应答，文件先放在隔离区，没有丢失。扫描恢复后，在材料清单里点“再检查”。")


class Decoder(Protocol):
    """Makes page images of files, safely."""

    def media_type(self, start: bytes) -> str:
        """What the file is, by its first bytes. Raises FileUnusable for what is not taken."""
        ...

    def decode(self, media_type: str, chunks: Iterable[bytes], each: Callable[[PageImage], None]) -> tuple[str, ...]:
        """Hand over the pages in order; notes on what else the file holds. Raises FileUnusable."""
        ...


class Scanner(Protocol):
    """Looks for what should not be there."""

    def scan(self, chunks: Iterable[bytes]) -> Verdict:
        """Raises ScannerDown."""
        ...


@dataclass(frozen=True)
class Intake:
    """The tools of taking in; ``holds_when_down``: a file waits in quarantine while the scanner does not answer."""

    decoder: Decoder
    scanner: Scanner | None = None
    holds_when_down: bool = True


class SmsGateway(Protocol):
    """Takes text messages for a mobile number; an adapter speaks the gateway's own protocol.

    ``reference`` names the message: the same one given again is the same message, so a lost answer costs nobody a second
    text. Returns the gateway's own number of the message. Raises GatewayLate, NumberUnknown, GatewayRefused, GatewayError
    (``ra.delivery_errors``).
    """

    def send(self, *, mobile: str, text: str, reference: str) -> str: ...
