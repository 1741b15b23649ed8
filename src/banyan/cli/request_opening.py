"""What stands behind ``banyan request`` until a request is proofread: opening, looking, precheck, entry."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from banyan.cli import opening, shown, stepping, views
from banyan.cli.application_file import Application, DataFileInvalid, read_applications
from banyan.cli.messages import translate
from banyan.domain.ra import access
from banyan.domain.ra import actions as ra
from banyan.domain.ra.processes import RequiredMaterial
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_, BanyanError


def open_all(actor: Actor, data_file: Path | None, said: Mapping[str, Any], now: datetime, as_json: bool) -> None:
    """Open the applications of a file or of the options, each by itself; exit code 1 when one was refused."""
    given = read_applications(data_file) if data_file else [Application()]
    applications = [_with_options(one, said) for one in given]
    refused = 0
    opened = []
    for number, one in enumerate(applications, 1):
        if not one.business:
            raise click.UsageError("Say which business: enroll, renew, reissue, modify, unlock or revoke.")
        try:
            opened.append(opening.open_request(actor, one, now))
        except BanyanError as error:
            if len(applications) == 1:
                raise
            refused += 1
            if as_json:
                shown.echo_json({"request": number, "outcome": "refused", **shown.refusal(error)})
            else:
                shown.echo_error(f"request {number}", error)
    rows = []
    for request in opened:
        held = ra.look_up_held(actor, request, now)
        rows.append(views.request_view(request) | views.held_view(held) | {"outcome": "ok"})
        if held and held.count and not as_json:
            shown.say(N_("{number}：该持有人已有 {count} 对有效证书。"), number=request.number, count=held.count)
    shown.show_rows(rows, views.REQUEST_COLUMNS, as_json=as_json)
    if refused:
        raise click.exceptions.Exit(1)


def _with_options(application: Application, said: Mapping[str, Any]) -> Application:
    """The application with what the options say; a person's numbers are asked for, never given as options."""
    words = {name: said[name] for name in ("business", "system", "kind", "region", "channel", "pair", "reason", "key")}
    named = {"name": said["organization"], "credit_code": said["credit_code"]}
    organization = {**application.organization, **_said(named)}
    named = {"name": said["device"], "domain_name": said["domain"], "ip_address": said["ip"]}
    device = {**application.device, **_said(named)}
    person = dict(application.person)
    if said["name"]:
        person["name"] = said["name"]
        if not person.get("id_number") and (said["business"] or application.business) == "enroll":
            person["id_number"] = click.prompt(translate(N_("证件号码")), type=str, err=True)
            person["phone"] = click.prompt(translate(N_("手机号码")), type=str, default="", err=True)
    return application.filled(**words, organization=organization, device=device, person=person)


def _said(named: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in named.items() if value}


def show_story(actor: Actor, number: str, with_data: bool, now: datetime, as_json: bool) -> None:
    """Show a request's whole story, with what its holder has already, and with its data when asked."""
    found = stepping.find(actor, number)
    view = views.story_view(access.story(actor, found.pk)) | views.held_view(ra.look_up_held(actor, found, now))
    if with_data:
        data = access.data_of(actor, found.pk)
        view["data"] = views.data_view(data) if data else None
    shown.show_card(view, as_json=as_json)
    if as_json:
        return
    for title, rows, columns in (
        (N_("时间线"), view["records"], ("at", "step_name", "outcome_name", "actor", "note")),
        (N_("材料"), view["materials"], ("code", "file", "size")),
        (N_("还缺的材料"), view["missing"], ("code", "name")),
        (
            N_("重复注册提醒：该持有人已有的有效证书"),
            view["held"],
            ("count", "system", "kind_name", "state_name", "pair"),
        ),
    ):
        if rows:
            shown.heading(title)
            shown.show_rows(rows, columns, as_json=False)
    if view.get("data"):
        shown.heading(N_("录入的数据"))
        shown.echo_json(view["data"])


def precheck_all(actor: Actor, numbers: Sequence[str], note: str, now: datetime, as_json: bool) -> None:
    """Check completeness; exit code 3 when something is missing, after telling everything."""
    missing: dict[int, list[RequiredMaterial]] = {}

    def check(request_id: int) -> None:
        missing[request_id] = ra.precheck(actor, request_id, now, note=note)

    found = [stepping.find(actor, number) for number in numbers]
    outcome = stepping.each(actor, [one.pk for one in found], check)
    for request in found:
        for entry in missing.get(request.pk, ()):
            if as_json:
                shown.echo_json({"number": request.number, "missing": entry.code, "name": translate(entry.name)})
            else:
                shown.say(
                    N_("{number} 缺：{name}（{code}）"),
                    number=request.number,
                    name=translate(entry.name),
                    code=entry.code,
                )
    stepping.tell(actor, found, outcome, as_json)
    if any(missing.values()):
        raise click.exceptions.Exit(3)


def enter_all(actor: Actor, numbers: Sequence[str], data_file: Path | None, now: datetime, as_json: bool) -> None:
    """Enter data for requests; of a file with several applications each goes to the request in the same place."""
    found = [stepping.find(actor, number) for number in numbers]
    applications = read_applications(data_file) if data_file else [Application()] * len(found)
    if len(applications) != len(found):
        problem = translate(N_("里有 {count} 份申请，与给出的申请号数目不同")).format(count=len(applications))
        raise DataFileInvalid(file=data_file.name if data_file else "", place="", problem=problem)
    by_id = dict(zip([one.pk for one in found], applications, strict=True))
    requests = {one.pk: one for one in found}
    outcome = stepping.each(actor, list(by_id), lambda pk: opening.enter(actor, requests[pk], by_id[pk], now))
    stepping.tell(actor, found, outcome, as_json)
