"""Notices through a gateway's own protocol, against the simulated platform (D3): sent, late, busy, wrong, refused."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from banyan.adapters import sms
from banyan.adapters.simulated_sms import Mood, Platform, serve
from banyan.adapters.sms.json_over_http import KEY_FILE, JsonOverHttp, KeyMissing
from banyan.domain.ra.delivery_errors import GatewayError, GatewayLate, GatewayRefused, NumberUnknown
from banyan.kernel.home import Home

KEY = bytes(range(32))
MOBILE = "13800000023"


@pytest.fixture
def platform() -> Platform:
    return Platform(KEY)


@pytest.fixture
def gateway(platform: Platform) -> Iterator[JsonOverHttp]:
    with serve(platform) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield JsonOverHttp(f"http://127.0.0.1:{server.server_address[1]}/messages", KEY, patience_s=0.3)
        server.shutdown()
        thread.join()


def send(gateway: JsonOverHttp, reference: str = "notice-1-1", mobile: str = MOBILE) -> str:
    return gateway.send(mobile=mobile, text="【数字证书】可以领取", reference=reference)


def test_a_message_is_taken_and_numbered(gateway: JsonOverHttp, platform: Platform) -> None:
    assert send(gateway) == "SIM00000001"
    assert send(gateway, "notice-2-2") == "SIM00000002"
    assert platform.messages["notice-1-1"] == (MOBILE, "【数字证书】可以领取")


def test_a_late_answer_costs_no_second_message(gateway: JsonOverHttp, platform: Platform) -> None:
    platform.mood, platform.late_by_s = Mood.LATE, 0.6
    with pytest.raises(GatewayLate):
        send(gateway)
    platform.mood = Mood.WELL
    assert send(gateway) == "SIM00000001"
    assert (len(platform.messages), platform.calls) == (1, 2)


@pytest.mark.parametrize(
    ("mood", "error"), [(Mood.BUSY, GatewayError), (Mood.BROKEN, GatewayError), (Mood.REFUSING, GatewayRefused)]
)
def test_every_mood_is_told_apart(
    gateway: JsonOverHttp, platform: Platform, mood: Mood, error: type[GatewayError]
) -> None:
    platform.mood = mood
    with pytest.raises(GatewayError) as raised:
        send(gateway)
    assert type(raised.value) is error
    assert platform.messages == {}


def test_a_number_that_does_not_exist_is_said_to_be_so(gateway: JsonOverHttp) -> None:
    with pytest.raises(NumberUnknown):
        send(gateway, mobile="13800000000")


def test_a_wrong_key_is_refused_and_a_dead_port_is_no_fault_of_the_message(
    gateway: JsonOverHttp, platform: Platform
) -> None:
    with pytest.raises(GatewayRefused):
        send(replace(gateway, key=bytes(32)))
    assert platform.messages == {}
    with pytest.raises(GatewayError) as raised:
        send(replace(gateway, url="http://127.0.0.1:9/"))
    assert type(raised.value) is GatewayError


def test_the_setting_names_the_gateway_and_the_key_lies_in_its_file(home: Home) -> None:
    place = home.keys / KEY_FILE
    with pytest.raises(KeyMissing):
        sms.gateway(home, "json", "http://127.0.0.1:9/")
    place.write_text(KEY.hex())
    try:
        found = sms.gateway(home, "json", "http://127.0.0.1:9/")
        assert isinstance(found, JsonOverHttp)
        assert KEY.hex() not in repr(found)
    finally:
        place.unlink()
    with pytest.raises(sms.GatewayUnknown):
        sms.gateway(home, "pigeon", "")
