"""A gateway that takes one message a POST of JSON, as provincial SMS platforms do.

``POST <url>`` with ``{"app", "reference", "mobile", "content"}``; ``X-Time`` (seconds) and ``X-Signature``: HMAC-SM3 over
time, a line feed and the body, by the key that the platform gave us, in ``<keys>/sms_gateway.key`` (hexadecimal).
The answer is ``{"code", "message", "id"}``; the same reference is the same message, whatever came of the first answer.
"""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from banyan import gm
from banyan.domain.ra.delivery_errors import GatewayError, GatewayLate, GatewayRefused, NumberUnknown
from banyan.kernel.errors import N_, BanyanError
from banyan.kernel.home import Home

APP: Final = "banyan"
KEY_FILE: Final = "sms_gateway.key"
PATIENCE_S: Final = 8.0
_MOST = 64 * 1024
ACCEPTED, NUMBER_IS_UNKNOWN, BUSY = "0", "1001", "5000"


class KeyMissing(BanyanError):
    """The key that signs messages to the gateway is not where it belongs."""

    code = "sms.key_missing"
    message = N_("没有短信平台的密钥文件 {file}。把平台给的密钥（十六进制）写入该文件后重试。")


@dataclass(frozen=True, slots=True)
class JsonOverHttp:
    """The client of one gateway."""

    url: str
    key: bytes = field(repr=False)
    patience_s: float = PATIENCE_S

    def send(self, *, mobile: str, text: str, reference: str) -> str:
        """Hand one message over; the gateway's number of it. Raises what the port says."""
        told = {"app": APP, "reference": reference, "mobile": mobile, "content": text}
        answer = self._post(json.dumps(told, ensure_ascii=False).encode())
        code = str(answer.get("code", ""))
        if code == ACCEPTED:
            return str(answer.get("id", ""))
        if code == NUMBER_IS_UNKNOWN:
            raise NumberUnknown
        if code == BUSY:
            raise GatewayError(reason=code)
        raise GatewayRefused(reason=code[:20])

    def _post(self, body: bytes) -> Mapping[str, Any]:
        moment = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "X-Time": moment,
            "X-Signature": signature(self.key, moment, body),
        }
        request = urllib.request.Request(self.url, body, headers, method="POST")  # noqa: S310  (the setting's address)
        try:
            with _OPENER.open(request, timeout=self.patience_s) as answer:
                found = json.loads(answer.read(_MOST))
        except urllib.error.HTTPError as error:
            error.close()
            raise GatewayError(reason=f"HTTP {error.code}") from None
        except TimeoutError:
            raise GatewayLate from None
        except urllib.error.URLError as error:
            if isinstance(error.reason, TimeoutError):
                raise GatewayLate from None
            raise GatewayError(reason=type(error.reason).__name__) from None
        except (OSError, ValueError) as error:
            raise GatewayError(reason=type(error).__name__) from None
        if not isinstance(found, dict):
            raise GatewayError(reason="JSON")
        return found


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A telephone number goes to the address of the setting and nowhere else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)


def signature(key: bytes, moment: str, body: bytes) -> str:
    """What signs a message, hexadecimal."""
    return gm.hmac_sm3(key, moment.encode() + b"\n" + body).hex()


def gateway(home: Home, url: str) -> JsonOverHttp:
    """The gateway of an installation. Raises KeyMissing."""
    place: Path = home.keys / KEY_FILE
    try:
        return JsonOverHttp(url, bytes.fromhex(place.read_text().strip()))
    except (OSError, ValueError):
        raise KeyMissing(file=place.name) from None
