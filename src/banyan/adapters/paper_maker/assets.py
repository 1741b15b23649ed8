"""What a paper may load: assets handed to it with the job, by name, and its QR code; every other address is refused."""

import io
import mimetypes
from collections.abc import Mapping
from typing import Any, Final

import segno
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

SCHEME: Final = "asset:"
# What stands behind this name is drawn from the paper's own value ``qr_text``.
QR_CODE: Final = "qr"
# Where addresses without a scheme end up: nowhere that exists, and refused like any other.
NOWHERE: Final = "http://template.invalid/"
_LONGEST_SHOWN: Final = 120


class AddressRefused(FatalURLFetchingError):  # type: ignore[misc]  # the library is untyped
    """The paper asked for something that is no asset; the library lets this error through."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url.removeprefix(NOWHERE)[:_LONGEST_SHOWN]


class AssetFetcher(URLFetcher):  # type: ignore[misc]  # the library is untyped
    """Serves ``asset:NAME``; opens nothing, neither files nor sockets."""

    def __init__(self, assets: Mapping[str, bytes]) -> None:
        super().__init__(allowed_protocols=())
        self._assets = assets
        self.qr_text = ""
        # The first address refused: parts of the library go on without what they could not load.
        self.refused: AddressRefused | None = None

    def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> Any:
        """Raises AddressRefused."""
        del headers
        name = url.removeprefix(SCHEME)
        if name == url:
            raise self._refuse(url)
        if name == QR_CODE and self.qr_text:
            return URLFetcherResponse(url, qr_svg(self.qr_text), {"Content-Type": "image/svg+xml"})
        if name not in self._assets:
            raise self._refuse(url)
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return URLFetcherResponse(url, self._assets[name], {"Content-Type": kind})

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """The library's own way out is closed."""
        del args, kwargs
        raise self._refuse("")

    def _refuse(self, url: str) -> AddressRefused:
        error = AddressRefused(url)
        self.refused = self.refused or error
        return error


def qr_svg(text: str) -> bytes:
    """A QR code with the quiet zone that readers need, error correction M."""
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(out, kind="svg", border=4, xmldecl=False, svgns=True, scale=4)
    return out.getvalue()
