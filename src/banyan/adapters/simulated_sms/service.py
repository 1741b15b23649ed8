"""The simulated platform: what it keeps, what mood it is in, and the HTTP in front of it."""

import hmac
import json
import threading
import time
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from banyan.adapters.sms.json_over_http import ACCEPTED, BUSY, NUMBER_IS_UNKNOWN, signature

REFUSED: Final = "2001"
_UNSIGNED: Final = "3001"
_NOBODY = "0000"
_CLOCKS_APART_S = 300
_MOST = 16 * 1024


class Mood(StrEnum):
    """How the platform behaves."""

    WELL = "well"
    # The message is taken, the answer comes too late for anybody's patience.
    LATE = "late"
    BUSY = "busy"
    BROKEN = "broken"
    REFUSING = "refusing"


@dataclass
class Platform:
    """Messages by their reference: the same reference is one message, however often it comes."""

    key: bytes = field(repr=False)
    mood: Mood = Mood.WELL
    late_by_s: float = 2.0
    messages: dict[str, tuple[str, str]] = field(default_factory=dict)
    calls: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def answer(self, moment: str, signed: str, body: bytes) -> tuple[int, dict[str, str]]:
        """HTTP status and answer to one POST."""
        if not hmac.compare_digest(signature(self.key, moment, body), signed) or not _is_near(moment):
            return 200, {"code": _UNSIGNED, "message": "签名不对", "id": ""}
        with self._lock:
            self.calls += 1
            mood = self.mood
        if mood is Mood.BROKEN:
            return 500, {}
        if mood is Mood.BUSY:
            return 200, {"code": BUSY, "message": "平台忙", "id": ""}
        if mood is Mood.REFUSING:
            return 200, {"code": REFUSED, "message": "内容未报备", "id": ""}
        answer = self._take(json.loads(body))
        if mood is Mood.LATE:
            time.sleep(self.late_by_s)
        return 200, answer

    def _take(self, told: dict[str, Any]) -> dict[str, str]:
        mobile, reference = str(told["mobile"]), str(told["reference"])
        if len(mobile) != 11 or not mobile.isdigit() or mobile.endswith(_NOBODY):
            return {"code": NUMBER_IS_UNKNOWN, "message": "号码不存在", "id": ""}
        with self._lock:
            self.messages.setdefault(reference, (mobile, str(told["content"])))
            place = list(self.messages).index(reference)
        return {"code": ACCEPTED, "message": "", "id": f"SIM{place + 1:08d}"}


def _is_near(moment: str) -> bool:
    return moment.isdigit() and abs(time.time() - int(moment)) <= _CLOCKS_APART_S


def serve(platform: Platform, port: int = 0) -> ThreadingHTTPServer:
    """A server in front of a platform, on the loopback only; the caller runs it and shuts it down."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            body = self.rfile.read(min(length, _MOST))
            status, answer = platform.answer(self.headers.get("X-Time", ""), self.headers.get("X-Signature", ""), body)
            text = json.dumps(answer, ensure_ascii=False).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
            except OSError:
                return  # who asked did not wait

        def log_message(self, *_: Any) -> None:
            """Numbers and texts belong into no log."""

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)
