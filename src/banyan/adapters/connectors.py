"""The connectors of an installation by name: one line a superior CA."""

from collections.abc import Callable
from functools import lru_cache

from banyan.adapters.embedded_ca import EmbeddedConnector
from banyan.adapters.superior_ca import SuperiorConnector
from banyan.domain.ca.ports import Connector
from banyan.kernel.errors import N_, BanyanError
from banyan.kernel.home import Home

EMBEDDED = "embedded"
SIMULATED_SUPERIOR = "simulated-superior"

CONNECTORS: dict[str, Callable[[Home], Connector]] = {
    EMBEDDED: EmbeddedConnector,
    SIMULATED_SUPERIOR: lambda home: SuperiorConnector(home.socket(SIMULATED_SUPERIOR), code=SIMULATED_SUPERIOR),
}


class ConnectorUnknown(BanyanError):
    """No connector has this name."""

    code = "adapters.connector_unknown"
    message = N_("没有名为 {name} 的接口。可用的有：{known}。")


def open_connector(name: str, home: Home) -> Connector:
    """A connector of the caller's own, who closes it. Raises ConnectorUnknown."""
    if name not in CONNECTORS:
        raise ConnectorUnknown(name=name, known="、".join(CONNECTORS))
    return CONNECTORS[name](home)


# The connector that a process keeps as long as it lives, with its connections and its work under way; nobody closes it.
connector = lru_cache(open_connector)
