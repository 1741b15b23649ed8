"""Sheets of applications in the browser: the templates, an import with its progress, a report row by row."""

import time

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from banyan.adapters.sheets.reading import LARGEST_FILE
from banyan.domain.sheets import access
from banyan.domain.sheets.models import SheetImport
from banyan.kernel import clock
from banyan.kernel.errors import BanyanError
from banyan.web import errors, importing
from banyan.web.middleware import SCRIPT_HEADER, StaffRequest, takes_files
from banyan.web.needs import needs
from banyan.web.reading import sheets as reading

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ROOM = 64 << 10  # what a form needs beside its file
_REFUSED = 422


@needs("sheet.import")
@require_http_methods(["GET", "HEAD", "POST"])
@takes_files(LARGEST_FILE + _ROOM)
def listing(request: StaffRequest) -> HttpResponse:
    """My imports, the templates, and a new import."""
    error = ""
    if request.method == "POST":
        file = request.FILES.get("sheet")
        if file is None:
            error = _("没有选择文件。请选择 .xlsx、.xls 或 .csv 文件。")
        else:
            try:
                begun = importing.begin(request.actor, file.name or "", file.read(), clock.now())
            except BanyanError as refused:
                error = errors.text(refused)
            else:
                return redirect("sheet", begun.pk)
    context = {"imports": access.imports(request.actor), "templates": reading.template_names(), "error": error}
    return render(request, "desk/sheets.html", context, status=_REFUSED if error else 200)


@needs("sheet.import")
@require_safe
def detail(request: StaffRequest, import_id: int) -> HttpResponse:
    """How far an import is and what became of its rows."""
    after = request.GET.get("after", "")
    report = reading.report(request.actor, import_id, int(after) if after.isdecimal() and len(after) < 9 else 0)
    return render(request, "desk/sheet.html", {"report": report, "sheet": report.sheet})


@needs("sheet.import")
@require_POST
def go(request: StaffRequest, import_id: int) -> HttpResponse:
    """Take more rows; the page's script calls again until all is done, without script a button does."""
    is_script = bool(request.headers.get(SCRIPT_HEADER))
    until = time.monotonic() + importing.BUDGET_S
    try:
        sheet = importing.carry_on(request.actor, import_id, clock.now(), is_time_up=lambda: time.monotonic() > until)
    except BanyanError as error:
        if is_script:
            return JsonResponse({"message": errors.text(error)}, status=_REFUSED)
        messages.error(request, errors.text(error))
        return redirect("sheet", import_id)
    if not is_script:
        return redirect("sheet", import_id)
    done = sheet.state == SheetImport.State.DONE
    return JsonResponse(
        {"row": sheet.last_row, "total": sheet.row_count, "good": sheet.good, "failed": sheet.failed, "done": done}
    )


@needs("sheet.import")
@require_safe
def template(request: StaffRequest, which: str) -> HttpResponse:
    """An empty sheet with its examples."""
    content = reading.template(which)
    if content is None:
        return errors.not_found(request)
    name = dict(reading.template_names()).get(which, _("全部种类")).replace("·", "-")
    return _download(content, _("批量申请表-{name}.xlsx").format(name=name))


@needs("sheet.import")
@require_safe
def download(request: StaffRequest, import_id: int, what: str) -> HttpResponse:
    """``result``: one outcome a row; ``failed``: the rows that were not taken."""
    if what == "result":
        return _download(reading.result(request.actor, import_id), _("导入结果-{n}.xlsx").format(n=import_id))
    if what == "failed":
        content = reading.failed(request.actor, import_id, clock.now())
        return _download(content, _("未导入的行-{n}.xlsx").format(n=import_id))
    return errors.not_found(request)


def _download(content: bytes, name: str) -> HttpResponse:
    response = HttpResponse(content, content_type=_XLSX)
    response.headers["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name) or ""
    return response
