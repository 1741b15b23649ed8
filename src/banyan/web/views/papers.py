"""Printed papers: what is printed for requests, and the templates, changed by two administrators."""

from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST, require_safe

from banyan.adapters.paper_maker.maker import TrialMaker, printing_maker
from banyan.domain.iam import rights
from banyan.domain.papers import access, changing, letters, pictures, printing
from banyan.domain.papers.errors import PapersError
from banyan.domain.papers.models import PaperVersion, VersionKind
from banyan.domain.papers.registry import paper as paper_of
from banyan.kernel import clock
from banyan.web import errors, once
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs
from banyan.web.reading import papers

# Nothing may be loaded into what is shown and nothing may show it in a frame.
_SANDBOX = "sandbox; default-src 'none'; frame-ancestors 'none'"
# A PDF goes without the sandbox: older Chromium (86 is our floor) does not start its viewer in one and shows an empty page.
_POLICY = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'; form-action 'none'"
_LONGEST_NOTE = 200
_MOST_LABELS = printing.MOST_AT_ONCE


# what is printed for requests


# Each paper asks for its own right besides.
@needs(one_of=("requests.create", "requests.precheck", "requests.hand_over"))
@require_GET
def request_paper(request: StaffRequest, request_id: int, code: str) -> HttpResponse:
    """One paper of one request."""
    return _print(request, [request_id], code)


@needs("requests.personalize")
@require_GET
def request_label(request: StaffRequest, request_id: int) -> HttpResponse:
    """The label of a request's token; ``size`` is 36 or 24 (mm of tape) or 50x30."""
    return _print(request, [request_id], printing.label_of(request.GET.get("size", "36")))


@needs("requests.personalize")
@require_GET
def labels(request: StaffRequest) -> HttpResponse:
    """The labels of many requests (``id`` again and again) in one document."""
    ids = request.GET.getlist("id")
    if not 0 < len(ids) <= _MOST_LABELS or not all(one.isdecimal() and len(one) < 19 for one in ids):
        raise BadRequest("which requests")
    return _print(request, [int(one) for one in ids], printing.label_of(request.GET.get("size", "36")))


@needs("tokens.print_pin_letter")
@require_POST
def pin_letter(request: StaffRequest, request_id: int) -> HttpResponse:
    """The letter with the initial PIN of a request's token; it is printed once."""
    made = letters.print_letter(actor=request.actor, request_id=request_id, maker=printing_maker(), now=clock.now())
    return _pdf(made.pdf, made.name)


@needs("requests.create")
@require_safe
def blank_forms(request: StaffRequest) -> HttpResponse:
    """Application forms to be filled in by hand."""
    return render(request, "web/blank_forms.html", {"families": papers.blank_forms()})


@needs("requests.create")
@require_GET
def blank_form(request: StaffRequest, business: str, system: str, kind: str) -> HttpResponse:
    """One of them."""
    made = printing.print_blank(
        actor=request.actor, business=business, system=system, kind=kind, maker=printing_maker()
    )
    return _pdf(made.pdf, made.name)


def _print(request: StaffRequest, request_ids: list[int], code: str) -> HttpResponse:
    made = printing.print_for_requests(
        actor=request.actor, request_ids=request_ids, code=code, maker=printing_maker(), now=clock.now()
    )
    return _pdf(made.pdf, made.name)


def _pdf(content: bytes, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = content_disposition_header(as_attachment=False, filename=name) or "inline"
    return _closed(response, _POLICY)


def _closed(response: HttpResponse, policy: str = _SANDBOX) -> HttpResponse:
    response["Cache-Control"] = "no-store, private"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = policy
    return response


# templates and pictures


@needs(one_of=("papers.manage", "papers.confirm"))
@require_safe
def listing(request: StaffRequest) -> HttpResponse:
    """Every paper with its version, every picture, what waits."""
    return _listing(request)


def _listing(request: StaffRequest, *, status: int = 200, **more: object) -> HttpResponse:
    rows, known = papers.listing(request.actor)
    may_change = rights.has(request.actor, "papers.manage")
    context = {"rows": rows, "pictures": known, "may_change": may_change, **more}
    return render(request, "web/papers.html", context, status=status)


@needs(one_of=("papers.manage", "papers.confirm"))
@require_safe
def detail(request: StaffRequest, code: str) -> HttpResponse:
    """One paper: its versions, what a template may use, the form to upload another."""
    return _detail(request, code)


def _detail(request: StaffRequest, code: str, *, status: int = 200, **more: object) -> HttpResponse:
    paper = paper_of(code)
    changes = papers.history(request.actor, VersionKind.TEMPLATE, paper.code)
    context = {
        "paper": paper,
        "changes": changes,
        "is_shipped": not any(one.row.state == "IN_FORCE" and not one.row.is_shipped for one in changes),
        "is_waiting": any(one.row.state == "WAITING" for one in changes),
        "names": papers.names_allowed(paper),
        "may_change": rights.has(request.actor, "papers.manage"),
        "largest": changing.LARGEST_TEMPLATE // 1024,
        **more,
    }
    return render(request, "web/paper.html", context, status=status)


@needs(one_of=("papers.manage", "papers.confirm"))
@require_safe
def picture(request: StaffRequest, name: str) -> HttpResponse:
    """One picture and its versions."""
    changes = papers.history(request.actor, VersionKind.ASSET, name)
    if not changes:
        return errors.not_found(request)
    may_change = rights.has(request.actor, "papers.manage")
    return render(request, "web/paper_picture.html", {"name": name, "changes": changes, "may_change": may_change})


@needs(one_of=("papers.manage", "papers.confirm"))
@require_GET
def preview(request: StaffRequest, code: str, number: int) -> HttpResponse:
    """A version with sample values; 0 is the shipped one."""
    paper = paper_of(code)
    text = paper.template
    if number:
        text = access.text_of(paper, access.version(request.actor, VersionKind.TEMPLATE, paper.code, number))
    pdf = printing.print_sample(actor=request.actor, paper=paper, template=text, maker=TrialMaker())
    return _pdf(pdf, f"{paper.code}-{number}.pdf")


@needs(one_of=("papers.manage", "papers.confirm"))
@require_GET
def source(request: StaffRequest, code: str, number: int) -> HttpResponse:
    """The text of a version, to be changed and uploaded again; 0 is the shipped one."""
    access.ensure_may_look(request.actor)
    paper = paper_of(code)
    text = paper.template
    if number:
        text = access.text_of(paper, access.version(request.actor, VersionKind.TEMPLATE, paper.code, number))
    return _attached(text.encode(), "text/plain; charset=utf-8", f"{paper.code}-{number}.html")


@needs(one_of=("papers.manage", "papers.confirm"))
@require_GET
def picture_file(request: StaffRequest, name: str, number: int) -> HttpResponse:
    """A version of a picture."""
    row = access.version(request.actor, VersionKind.ASSET, name, number).verify_row()
    if row.is_shipped:
        return errors.not_found(request)
    response = HttpResponse(bytes(row.content), content_type="image/png")
    return _closed(response)


def _attached(content: bytes, kind: str, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type=kind)
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name) or "attachment"
    return _closed(response)


@needs("papers.manage")
@require_POST
def ask_template(request: StaffRequest, code: str) -> HttpResponse:
    """Ask for another template; it is tried first, and one that does not work comes back with line and reason."""
    content = _upload(request, changing.LARGEST_TEMPLATE)

    def shown_again(error: PapersError) -> HttpResponse:
        return _detail(request, code, status=422, problem=_problem(error), note=_note(request))

    make = partial(changing.tried_template, actor=request.actor, code=code, content=content, maker=TrialMaker())
    return _ask(request, make, shown_again, "paper", code)


@needs("papers.manage")
@require_POST
def ask_picture(request: StaffRequest) -> HttpResponse:
    """Ask for a new or another picture."""
    name, content = request.POST.get("name", ""), _upload(request, pictures.LARGEST_FILE)

    def shown_again(error: PapersError) -> HttpResponse:
        return _listing(request, status=422, problem=_problem(error), note=_note(request), name=name)

    make = partial(changing.fresh_picture, actor=request.actor, name=name, content=content)
    return _ask(request, make, shown_again, "papers")


@needs("papers.manage")
@require_POST
def ask_return(request: StaffRequest, kind: str, name: str, number: int) -> HttpResponse:
    """Ask to go back to an older version, or to what the product brings (0)."""
    chosen = VersionKind.TEMPLATE if kind == "template" else VersionKind.ASSET
    make = partial(changing.older_version, actor=request.actor, kind=chosen, name=name, number=number)
    place = ("paper", name) if chosen == VersionKind.TEMPLATE else ("paper_picture", name)
    return _ask(request, make, partial(errors.refused, request), *place)


def _ask(
    request: StaffRequest,
    make: Callable[[], PaperVersion],
    refused: Callable[[PapersError], HttpResponse],
    *place: str,
) -> HttpResponse:
    """Make the version, ask for it once, and go where it is shown; what is wrong with it stays on the page."""
    try:
        row = make()

        def work() -> dict[str, int]:
            return {"version": changing.ask(actor=request.actor, row=row, note=_note(request), now=clock.now()).number}

        once.send(request, "papers.ask", work)
    except PapersError as error:
        return refused(error)
    messages.success(request, _("已提交，等另一位管理员确认。"))
    return redirect(*place)


@needs(one_of=("papers.manage", "papers.confirm"))
@require_POST
def settle(request: StaffRequest, version_id: int, verb: str) -> HttpResponse:
    """Confirm a waiting version as it was shown, or take it back."""
    now = clock.now()

    def work() -> dict[str, str]:
        if verb == "confirm":
            sm3 = request.POST.get("sm3", "")
            row = changing.confirm_change(actor=request.actor, version_id=version_id, sm3=sm3, now=now)
        else:
            row = changing.withdraw_change(actor=request.actor, version_id=version_id, now=now)
        return {"kind": row.kind, "name": row.name}

    done = once.send(request, f"papers.{verb}", work)
    messages.success(request, _("已启用。") if verb == "confirm" else _("已撤回。"))
    return redirect("paper" if done["kind"] == VersionKind.TEMPLATE else "paper_picture", done["name"])


def _problem(error: PapersError) -> dict[str, str]:
    """An error for the place in the page where the form is."""
    return {"text": errors.text(error), "code": error.code}


def _note(request: HttpRequest) -> str:
    return request.POST.get("note", "")[:_LONGEST_NOTE]


def _upload(request: HttpRequest, most: int) -> bytes:
    """The bytes of the file handed in, at most one more than is allowed."""
    given = request.FILES.get("file")
    return given.read(most + 1) if given is not None else b""
