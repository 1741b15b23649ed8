"""``banyan outbox``: what goes outside, target by target."""

import click

from banyan.cli.shown import json_option
from banyan.kernel import clock


@click.command()
@json_option
def outbox(as_json: bool) -> None:
    """Targets outside: connected or not, paused, how many messages wait, how many were given up (right ca.read).

    Messages for a target that nothing is connected to stay and go out once something is.
    """
    from banyan.cli.session import current_actor

    actor = current_actor(now=clock.now())
    from banyan.adapters.deliverers import DELIVERERS
    from banyan.cli import shown, views
    from banyan.domain.iam import rights
    from banyan.domain.outbox import access

    rights.require(actor, "ca.read")
    rows = [views.target_view(target) for target in access.standings(DELIVERERS)]
    shown.show_rows(rows, views.TARGET_COLUMNS, as_json=as_json)
