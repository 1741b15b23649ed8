"""SMS gateways by the code that the setting ``sms_gateway`` names. A new gateway is one module and one line here."""

from collections.abc import Callable

from banyan.adapters.sms import json_over_http
from banyan.domain.ra.ports import SmsGateway
from banyan.kernel.errors import N_, BanyanError
from banyan.kernel.home import Home

GATEWAYS: dict[str, Callable[[Home, str], SmsGateway]] = {"json": json_over_http.gateway}


class GatewayUnknown(BanyanError):
    """The setting names a gateway that there is no adapter for."""

    code = "sms.gateway_unknown"
    message = N_("设置 sms_gateway 的值 {name} 没有对应的短信接口。可用的值：{known}。")


def gateway(home: Home, name: str, url: str) -> SmsGateway:
    """The gateway of that code. Raises GatewayUnknown."""
    if name not in GATEWAYS:
        raise GatewayUnknown(name=name, known="、".join(GATEWAYS))
    return GATEWAYS[name](home, url)
