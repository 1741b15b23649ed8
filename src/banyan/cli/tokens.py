"""What stands behind ``banyan token``: the platform's record of a token, and the device when it is plugged in here."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from banyan.cli import shown, views
from banyan.cli.desk import Desk, typed
from banyan.cli.messages import translate
from banyan.cli.personalizing import make_tokens, register_agent
from banyan.cli.pin_input import pin_of, ready, secret, write_letter
from banyan.cli.soft_tokens import Place, drawer
from banyan.config.settings import load
from banyan.domain.inventory import access, actions
from banyan.domain.inventory.errors import InventoryError
from banyan.domain.inventory.rules import token_serial
from banyan.domain.inventory.sealed_tasks import task_key
from banyan.domain.parties import access as parties
from banyan.domain.systems import rules as system_rules
from banyan.domain.systems.errors import SoftTokenRefused
from banyan.kernel import clock
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_, BanyanError
from banyan.kernel.home import Home
from banyan_token.agent import PluggedToken, agent_origin, agent_profiles, agent_program
from banyan_token.errors import TokenExists

_ORIGIN = re.compile(r"(https?://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::\d{1,5})?)/?")
_MADE = ("token", "user_pin", "file")
_PLUGGED = ("token", "vendor", "label", "device_state_name", "tries_left", "containers", "fault")


class OriginMalformed(BanyanError):
    """What was named is no origin: the agent compares exactly, so it would never serve that page."""

    code = "cli.origin_malformed"
    message = N_("{origin} 不是网站的来源。请写成 https://主机 或 https://主机:端口，不带路径。")


def make(
    home: Home,
    actor: Actor,
    serials: Sequence[str],
    region: str,
    letters: Path | None,
    iterations: int | None,
    as_json: bool,
) -> None:
    """Make soft tokens. Raises SoftTokenRefused where the installation allows none."""
    if not load().soft_tokens:
        raise SoftTokenRefused
    code = parties.region_tree().read(region).code
    named = [token_serial(serial) for serial in serials]
    for serial in named:
        if drawer(home).has(serial):
            raise TokenExists(serial=serial)
    if letters is not None:
        ready(letters)  # before any token: its PIN must have a place to go
    rows = []
    for made in make_tokens(home, actor, named, code, clock.now(), iterations=iterations or 0):
        if letters is not None:
            rows.append({"token": made.serial, "file": str(write_letter(letters, made.serial, made.user_pin))})
        else:
            rows.append({"token": made.serial, "user_pin": made.user_pin})
    shown.show_rows(rows, _MADE, as_json=as_json)


def take_into_stock(actor: Actor, serials: Sequence[str], medium: str, region: str, batch: str, as_json: bool) -> None:
    """Put tokens made elsewhere on record. Raises what refuses the first one."""
    code = parties.region_tree().read(region).code
    kind = system_rules.medium_kind(medium)
    entries = [actions.TokenEntry(serial) for serial in serials]
    found = actions.receive_tokens(
        actor, entries, medium=kind.value if kind else medium, region_code=code, batch=batch, now=clock.now()
    )
    for outcome in found:
        if isinstance(outcome, InventoryError):
            raise outcome
    _show(actor, [token_serial(serial) for serial in serials], as_json)


def list_all(home: Home, actor: Actor, state: str, limit: int, as_json: bool) -> None:
    """Tokens in sight, newest first."""
    found = access.tokens(actor).select_related("medium")
    if state:
        found = found.filter(state=state)
    plugged = _plugged_in(home)
    rows = [views.token_view(one, plugged.get(one.serial)) for one in found.order_by("-pk")[:limit]]
    shown.show_rows(rows, views.TOKEN_COLUMNS, as_json=as_json)


def show_one(home: Home, actor: Actor, serial: str, as_json: bool) -> None:
    """One token and its containers."""
    found = access.token_by_serial(actor, serial)
    device = _plugged_in(home).get(found.serial)
    if device is None:
        shown.show_card(views.token_view(found), as_json=as_json)
        return
    containers = views.containers_view(device)
    shown.show_card(views.token_view(found, device) | {"in_containers": containers}, as_json=as_json)
    if not as_json and containers:
        shown.heading(N_("容器"))
        shown.show_rows(containers, ("container", "signing", "encryption"), as_json=False)


def _plugged_in(home: Home) -> dict[str, PluggedToken]:
    """What is plugged in here; without a single device no agent is started to say so."""
    tokens = Place.of(home).tokens
    if not tokens.is_dir() or not any(tokens.iterdir()):
        return {}
    with Desk(home) as desk:
        return desk.tokens()


def change(home: Home, serial: str, pin_file: Path | None, letters: Path | None, new_pin_file: Path | None) -> None:
    """Replace a device's PIN."""
    number = token_serial(serial)
    answers = typed(
        lambda: pin_of(number, pin_file, letters),
        lambda: secret(new_pin_file, translate(N_("新口令")), twice=True),
        by_hand=pin_file is None and letters is None and new_pin_file is None,
    )
    with Desk(home) as desk:
        token = desk.token(number)
        with desk.answering(answers):
            desk.agent.change_pin(token)
    shown.say(N_("介质 {token} 的口令已更换。"), token=number)


def list_plugged_in(home: Home, as_json: bool) -> None:
    """What is plugged in here, by any vendor."""
    with Desk(home) as desk:
        rows = [
            {
                "token": one.serial, "vendor": one.profile, "label": one.label, "device_state": one.state,
                "device_state_name": views.device_state_name(one.state), "tries_left": one.tries_left,
                "containers": len(one.containers), "fault": one.fault,
            }
            for one in desk.agent.tokens()
        ]  # fmt: skip
    shown.show_rows(rows, _PLUGGED, as_json=as_json)


def run_agent(home: Home) -> None:
    """Become the agent, with settings written anew."""
    here = load()
    desk = Place.of(home)
    desk.tokens.mkdir(mode=0o700, exist_ok=True)
    settings = desk.path / "agent-settings"
    _write_settings(home, settings, [here.origin], port=here.agent_port, state=str(desk.agent))
    shown.say(
        N_("介质助手为 {origin} 服务，Ctrl-C 停止。浏览器还不信任它的，另开一个终端运行：{command}"),
        origin=here.origin, command=f"{agent_program().parents[1]}/agent/desktop/banyan-agent-trust {desk.agent}",
    )  # fmt: skip
    program = str(agent_program())
    os.execve(program, [program, "--settings", str(settings / "agent.json")], os.environ | desk.environment)  # noqa: S606


def write_agent_settings(home: Home, place: Path, origins: Sequence[str]) -> None:
    """The files that a user's machine needs beside the program: ``agent.json`` and ``profiles.json``."""
    _write_settings(home, place, [_origin(one) for one in origins], port=load().agent_port)
    shown.say(N_("已写入 {place}。请放到用户机器的 ~/.config/banyan 里。"), place=place)


def _origin(text: str) -> str:
    """A page's origin as browsers write it, or an address of nothing but one. Raises OriginMalformed."""
    found = _ORIGIN.fullmatch(text.lower())
    if found is None:
        raise OriginMalformed(origin=text[:200])
    return found[1]


def _write_settings(home: Home, place: Path, origins: Sequence[str], **more: Any) -> None:
    keys = [task_key()]
    place.mkdir(parents=True, exist_ok=True)
    files = {
        "agent.json": {"origins": [agent_origin(one, keys) for one in origins], **more},
        "profiles.json": agent_profiles(Place.of(home).profiles),
    }
    for name, content in files.items():
        (place / name).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def put_agent_on_list(home: Home, actor: Actor, region: str, name: str, as_json: bool) -> None:
    """Register this machine's token agent, so that sealed PINs can be sent to it."""
    code = parties.region_tree().read(region).code
    with Desk(home) as desk:
        key_id = register_agent(desk, actor, code, name, clock.now())
    shown.show_card({"agent": key_id, "name": name, "region": code}, as_json=as_json)


def list_agents(actor: Actor, as_json: bool) -> None:
    """The token agents on the list."""
    rows = [
        {"agent": one.key_id, "name": one.name, "region": one.region_code, "registered_at": one.registered_at}
        for one in access.agents(actor)
    ]
    shown.show_rows(rows, ("agent", "name", "region", "registered_at"), as_json=as_json)


def take_agent_off_list(actor: Actor, key_id: str, reason: str) -> None:
    """Nothing is sealed to this agent any more."""
    actions.end_agent(actor, key_id, reason=reason, now=clock.now())
    shown.say(N_("介质助手 {agent} 已停用。"), agent=key_id)


def move(actor: Actor, verb: str, serials: Sequence[str], said: Mapping[str, str], as_json: bool) -> None:
    """Put tokens through a transition of their life, all or none."""
    found = [access.token_by_serial(actor, serial) for serial in serials]
    getattr(actions, verb)(actor, [one.pk for one in found], now=clock.now(), **said)
    _show(actor, [one.serial for one in found], as_json)


def _show(actor: Actor, serials: Sequence[str], as_json: bool) -> None:
    rows = [views.token_view(access.token_by_serial(actor, serial)) for serial in serials]
    shown.show_rows(rows, views.TOKEN_COLUMNS, as_json=as_json)
