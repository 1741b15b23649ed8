"""Scans of a request over the web: checked by content, shown as clean images, sent back only as they came (issue 4)."""

from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from banyan.adapters import intake_files
from banyan.domain.audit.models import AuditRecord
from banyan.domain.ra import quarantine
from banyan.domain.ra.models import HeldFile, Material, ServiceRequest
from banyan.domain.ra.ports import Intake, ScannerDown, Verdict
from banyan.web.sessions import SESSION_COOKIE
from support import scans
from support.pages import Office, office, session_token

pytestmark = pytest.mark.django_db(transaction=True)
CODE = "requester_identity"


class Scanner:
    """A scanner that says what it is told to."""

    def __init__(self) -> None:
        self.found, self.is_down = "", False

    def scan(self, chunks: Any) -> Verdict:
        assert b"".join(chunks)
        if self.is_down:
            raise ScannerDown
        return Verdict(self.found)


class Desk:
    """A request at the precheck, and browsers."""

    def __init__(self, made: Office) -> None:
        self.made, self.request = made, made.requests["precheck"]

    def browser(self, username: str = "clerk") -> Client:
        client = Client()
        client.cookies[SESSION_COOKIE] = session_token(username)
        return client

    def send(self, *files: tuple[str, bytes], username: str = "clerk", code: str = CODE) -> Any:
        sent = [SimpleUploadedFile(name, content) for name, content in files]
        return self.browser(username).post(f"/desk/intake/{self.request.pk}/materials", {f"file_{code}": sent})

    def added(self) -> list[Material]:
        """What is newer than the office itself."""
        return list(Material.objects.filter(request=self.request, previews__gt="", removed_at=None).order_by("pk"))

    def address(self, rest: str, material: Material | None = None) -> str:
        return f"/requests/{self.request.pk}/materials/{(material or self.added()[0]).pk}/{rest}"


@pytest.fixture
def desk() -> Desk:
    return Desk(office())


@pytest.fixture
def scanner(monkeypatch: pytest.MonkeyPatch) -> Scanner:
    made, real = Scanner(), intake_files.tools
    monkeypatch.setattr(intake_files, "tools", lambda: Intake(real().decoder, made))
    return made


def left_in_quarantine() -> list[str]:
    folder = quarantine.folder()
    return sorted(one.name for one in folder.iterdir()) if folder.exists() else []


def test_a_phone_photo_is_turned_and_cleaned_and_the_original_comes_back_as_an_attachment(desk: Desk) -> None:
    sent = scans.turned_photo(6)
    assert desk.send(("../../身份证\x00‮.jpg", sent)).status_code == 302
    browser = desk.browser()
    page = browser.get(desk.address("pages/1.jpg"))
    assert page["Content-Type"] == "image/jpeg"
    assert page["X-Content-Type-Options"] == "nosniff"
    assert b"SECRET" not in page.content
    shown = Image.open(BytesIO(page.content))
    assert shown.height > shown.width, "held as the tag says"
    assert browser.get(desk.address("thumbs/1.jpg")).status_code == 200
    assert browser.get(desk.address("pages/2.jpg")).status_code == 404
    back = browser.get(desk.address("original"))
    assert b"".join(back.streaming_content) == sent  # type: ignore[attr-defined]  # it is a stream
    assert back["Content-Disposition"].startswith("attachment;")
    assert back["Content-Type"] == "application/octet-stream"
    assert "sandbox" in back["Content-Security-Policy"]
    assert ".." not in desk.added()[0].name
    assert AuditRecord.objects.filter(event="ra.download_material").count() == 1
    assert left_in_quarantine() == []


def test_several_pages_are_shown_beside_the_form_and_a_file_can_be_taken_out(desk: Desk) -> None:
    assert desk.send(("a.pdf", scans.pdf(3))).status_code == 302
    assert desk.added()[0].page_count == 3
    browser = desk.browser()
    assert desk.address("thumbs/1.jpg") in browser.get(f"/desk/intake/{desk.request.pk}").content.decode()
    assert browser.get(desk.address("pages/3.jpg")).status_code == 200
    remove, page = desk.address("remove"), desk.address("pages/1.jpg")
    assert browser.post(remove).status_code == 302
    assert desk.added() == []
    assert browser.get(page).status_code == 404, "what was taken out is no longer shown"
    assert browser.post(remove).status_code == 404


def test_bad_files_are_told_by_name_and_the_good_ones_are_kept(desk: Desk) -> None:
    answer = desk.send(
        ("page.jpg", b"<html><script>alert(1)</script></html>"),
        ("half.jpg", scans.photo()[:900]),
        ("bomb.png", scans.pixel_bomb()),
        ("empty.pdf", b""),
        ("good.png", scans.photo(form="PNG")),
    )
    told = answer.content.decode()
    assert answer.status_code == 422
    for name in ("page.jpg", "half.jpg", "bomb.png", "empty.pdf"):
        assert name in told
    assert [one.name for one in desk.added()] == ["good.png"]
    assert left_in_quarantine() == []


def test_the_same_file_twice_and_an_unknown_material_are_refused(desk: Desk) -> None:
    one = ("a.png", scans.photo(form="PNG"))
    assert desk.send(one).status_code == 302
    assert "同一份文件" in desk.send(one).content.decode()
    assert "没有这一项" in desk.send(one, code="nonsense").content.decode()
    assert len(desk.added()) == 1


def test_only_who_may_see_scans_finds_them_and_only_in_their_region(desk: Desk) -> None:
    desk.send(("a.png", scans.photo(form="PNG")))
    assert desk.send(("b.png", scans.photo(form="PNG")), username="proofreader").status_code in (403, 404)
    for rest in ("pages/1.jpg", "thumbs/1.jpg", "original"):
        assert desk.browser("proofreader").get(desk.address(rest)).status_code == 200
        for username in ("auditadmin", "sysadmin"):
            assert desk.browser(username).get(desk.address(rest)).status_code == 404
    elsewhere = desk.made.pairs["pingtan"].request_id
    material = desk.added()[0]
    assert desk.browser().get(f"/requests/{elsewhere}/materials/{material.pk}/original").status_code == 404
    ServiceRequest.objects.unscoped("test").filter(pk=desk.request.pk).update(region_code="350128")
    for rest in ("pages/1.jpg", "original"):
        assert desk.browser("fuzhou").get(desk.address(rest, material)).status_code == 404


def test_what_the_scanner_finds_is_not_kept_and_is_on_record(desk: Desk, scanner: Scanner) -> None:
    scanner.found = "Banyan.Test"
    told = desk.send(("a.png", scans.photo(form="PNG")))
    assert "Banyan.Test" in told.content.decode()
    assert AuditRecord.objects.filter(event="ra.change_materials", outcome="refused").count() == 1
    assert (desk.added(), left_in_quarantine()) == ([], [])


def test_a_file_waits_while_the_scanner_is_down_and_is_checked_later(desk: Desk, scanner: Scanner) -> None:
    scanner.is_down = True
    assert "没有丢失" in desk.send(("a.png", scans.photo(form="PNG"))).content.decode()
    held = HeldFile.objects.get(request=desk.request)
    browser, retry = desk.browser(), f"/requests/{desk.request.pk}/held/{held.pk}/retry"
    assert retry in browser.get(f"/desk/intake/{desk.request.pk}").content.decode()
    browser.post(retry)
    assert desk.added() == []
    assert HeldFile.objects.filter(pk=held.pk).exists(), "it waits on"
    scanner.is_down = False
    browser.post(retry)
    assert [one.scan for one in desk.added()] == [Material.Scan.CLEAN]
    assert not HeldFile.objects.exists()
    scanner.is_down = True
    desk.send(("b.png", scans.photo((90, 90), "PNG")))
    drop = f"/requests/{desk.request.pk}/held/{HeldFile.objects.get().pk}/drop"
    assert browser.post(drop).status_code == 302
    assert left_in_quarantine() == []
