"""Doing one step to many requests: found by their numbers, each one's outcome told, refusals one by one."""

from collections.abc import Callable, Sequence
from datetime import datetime

import click

from banyan.cli.shown import echo_error, echo_json, refusal, show_rows
from banyan.cli.views import request_view
from banyan.domain.ra import access
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.ra.values import Outcome, Refused
from banyan.kernel.actor import Actor
from banyan.kernel.errors import BanyanError

Work = Callable[[Actor, Sequence[int], datetime], Outcome]
_DONE = ("number", "subject_name", "state_name", "step_name")


def each(actor: Actor, request_ids: Sequence[int], work: Callable[[int], object]) -> Outcome:
    """Do ``work`` to one request after the other, each in a transaction of its own."""
    outcome = Outcome()
    for index, request_id in enumerate(request_ids):
        try:
            work(request_id)
        except BanyanError as error:
            outcome.requests.append(None)
            outcome.refusals.append(Refused(index, error))
        else:
            outcome.requests.append(access.request(actor, request_id))
    return outcome


def do_step(actor: Actor, numbers: Sequence[str], now: datetime, as_json: bool, work: Work) -> None:
    """Find requests by their numbers, do a step to all of them and tell each one's outcome.

    A single one that is refused raises its error; of several each refusal is a line, and the exit code is 1.
    """
    found = [find(actor, number) for number in numbers]
    outcome = work(actor, [one.pk for one in found], now)
    tell(actor, found, outcome, as_json)


def find(actor: Actor, number: str) -> ServiceRequest:
    """A request by its number. Raises RequestNotFound."""
    return access.request_by_number(actor, number)


def tell(actor: Actor, found: Sequence[ServiceRequest], outcome: Outcome, as_json: bool) -> None:
    """Say what became of each request. Raises the refusal of a single one."""
    if len(found) == 1 and outcome.refusals:
        raise outcome.refusals[0].error
    refused = {one.index: one.error for one in outcome.refusals}
    views = []
    for index, request in enumerate(found):
        if index in refused:
            if as_json:
                echo_json({"number": request.number, "outcome": "refused", **refusal(refused[index])})
            else:
                echo_error(request.number, refused[index])
        else:
            views.append(request_view(access.request(actor, request.pk)) | {"outcome": "ok"})
    show_rows(views, _DONE, as_json=as_json)
    if refused:
        raise click.exceptions.Exit(1)
