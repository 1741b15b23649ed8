"""Which pages ``banyan bench pages`` asks for, with which inputs: every address of ``web.urls`` that a person opens."""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from urllib.parse import urlencode

from django.urls import URLPattern, reverse

from banyan.cli.bench.pages_filling import SYSTEMS, Filled
from banyan.cli.bench.pages_parties import body_code, person_number, phone
from banyan.domain.audit.models import AuditHead
from banyan.domain.ca.models import Certificate, CertificatePair
from banyan.domain.parties.access import newest_on_record
from banyan.domain.parties.models import Organization, Person
from banyan.domain.parties.names import pinyin_forms
from banyan.domain.ra.models import Business, RequestState, ServiceRequest
from banyan.domain.ra.processes import Verb
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_, BanyanError
from banyan.web.reading import searching
from banyan.web.reading.certificates import STATES
from banyan.web.urls import urlpatterns

# No page of its own: answers posts, redirects, or opens only with a secret that is used up.
NOT_A_PAGE = frozenset(
    {
        "login_challenge", "login_certificate", "logout", "first_password", "first_login", "set_language", "draft", "here",
        "issuing_token", "issuing_receive", "issuing_begin", "issuing_order", "issuing_state", "issuing_written",
        "issuing_file", "issuing_files_given", "issuing_void", "files_reveal", "agent_end", "stop_call_off",
    }
)  # fmt: skip
# No equipment is filled in: its page is the one of people and bodies, its files are those of one request. What is
# published are files, sent without a look at the database.
NOT_FILLED = frozenset({"files_device", "issuing_files", "published_crl", "published_authority"})
_WHY = "a bench looks for inputs"
_COMMON = ("陈", "林", "黄", "张", "吴")
_PARTS = ("卫生健康", "教育局", "中心", "服务站", "执法大队", "住房建设", "福州", "厦门", "龙岩", "测试")


class PageNotMeasured(BanyanError):
    """The address table has a page that the bench does not know."""

    code = "bench.page_not_measured"
    message = N_("这些页面没有列入 bench pages：{pages}。请在 pages_cases 里给出它们的输入。")


@dataclass(frozen=True)
class Ask:
    """One page asked for: its label, its address, words its answer must hold; ``status`` where it is not 200."""

    label: str
    path: str
    words: tuple[str, ...] = ()
    status: tuple[int, ...] = (200,)


class Inputs:
    """Distinct inputs, the same for everybody who asks in the same sight."""

    def __init__(self, filled: Filled, actor: Actor, count: int) -> None:
        self.filled, self.actor, self.count = filled, actor, count
        self._drawn = random.Random(count)  # noqa: S311  (which rows are looked at)
        self.newest_pair, self.newest_request = filled.pairs[-1], max(filled.requests)
        wanted = self._drawn.sample(list(filled.pairs), min(len(filled.pairs), count * 40))
        self.pairs = list(CertificatePair.objects.visible_to(actor).filter(pk__in=wanted)[:count])
        wanted = self._drawn.sample(list(filled.requests), min(len(filled.requests), count * 40))
        self.requests = list(ServiceRequest.objects.visible_to(actor).filter(pk__in=wanted)[:count])

    def asks(self) -> Iterator[Ask]:
        """Everything that people of this sight ask for."""
        for _ in range(self.count):
            yield Ask("dashboard", reverse("dashboard"), ("</html>",))
            yield Ask("figures", reverse("figures"), ("</table>",))
            yield Ask("search", reverse("search"), ("</html>",))
            yield Ask("home", reverse("home"), status=(200, 302))
            yield Ask("today", reverse("today"), ("</html>",))
            yield Ask("services", reverse("services"), ("</html>",))
        yield from self._certificates()
        yield from self._requests()
        yield from self._issuing()
        yield from self._files()
        yield from self._searches()

    def _deep(self, newest: int) -> list[dict[str, int]]:
        steps = [{"before": 1 + newest * place // self.count} for place in range(self.count, 0, -2)]
        return [*steps, *({"after": newest * place // self.count} for place in range(0, self.count, 2))]

    def _lists(self, name: str, label: str, filters: Iterable[Mapping[str, str]], newest: int) -> Iterator[Ask]:
        """Filters, each on the first page and at places all down the list."""
        places = self._deep(newest)
        chosen = list(filters)
        for turn in range(max(self.count, len(chosen))):
            wanted: dict[str, object] = dict(chosen[turn % len(chosen)])
            if turn >= len(chosen):
                wanted |= places[turn % len(places)]
            yield Ask(label, f"{reverse(name)}?{urlencode(wanted)}", ("</html>",))

    def _certificates(self) -> Iterator[Ask]:
        yield from self._lists("certificates", "certificates", [{}], self.newest_pair)
        for state in STATES:
            every = [{"state": state}, *({"state": state, "system": one} for one in SYSTEMS)]
            yield from self._lists("certificates", f"certificates state={state}", every, self.newest_pair)
        both = [{"kind": kind, "system": one} for kind, one in product(("PERSONAL", "ORGANIZATION", "DEVICE"), SYSTEMS)]
        yield from self._lists("certificates", "certificates kind, system", both, self.newest_pair)
        for pair in self.pairs:
            yield Ask("certificate", reverse("certificate", args=[pair.pk]), (pair.subject_name,))
            for use in ("signing", "encryption"):
                yield Ask("certificate_export", reverse("certificate_export", args=[pair.pk, use]), ("BEGIN CERT",))

    def _requests(self) -> Iterator[Ask]:
        yield from self._lists("requests", "requests", [{}], self.newest_request)
        steps = [{"step": verb.value} for verb in Verb]
        yield from self._lists("requests", "requests step", steps, self.newest_request)
        for state in RequestState.values:
            every = [{"state": state}, *({"state": state, "system": one} for one in SYSTEMS)]
            yield from self._lists("requests", f"requests state={state}", every, self.newest_request)
        every = [{"business": one, "system": system} for one, system in product(Business.values, SYSTEMS)]
        yield from self._lists("requests", "requests business, system", every, self.newest_request)
        late = [{"late": "1"}, *({"late": "1", "step": verb.value} for verb in Verb)]
        yield from self._lists("requests", "requests late", late, self.newest_request)
        for one in self.requests:
            yield Ask("request", reverse("request", args=[one.pk]), (one.number,))

    def _issuing(self) -> Iterator[Ask]:
        """The issuing screen's list, turned page by page, and its requests."""
        waiting = ServiceRequest.objects.visible_to(self.actor).filter(state="OPEN", step__in=("issue", "personalize"))
        own = list(waiting.order_by("due_on", "pk")[: self.count])
        every = [{}, {"list": "write"}, *({"system": system} for system in SYSTEMS)]
        for turn in range(self.count):
            yield Ask("issuing", f"{reverse('issuing')}?{urlencode(every[turn % len(every)])}", status=(200, 302))
        for one in own:
            query = "?list=write" if one.step == "personalize" else ""
            yield Ask("issuing_request", reverse("issuing_request", args=[one.pk]) + query, (one.number,))

    def _files(self) -> Iterator[Ask]:
        """Files of people and bodies."""
        for kind, model in (("person", Person), ("organization", Organization)):
            newest = newest_on_record(model.objects.visible_to(self.actor))
            yield from self._lists("files", f"files kind={kind}", [{"kind": kind}], newest)
            wanted = self._drawn.sample(range(2, newest), min(newest - 2, self.count * 40))
            for one in model.objects.visible_to(self.actor).filter(pk__in=wanted)[: self.count]:
                yield Ask(f"files_{kind}", reverse(f"files_{kind}", args=[one.pk]), (one.name,))

    def _searches(self) -> Iterator[Ask]:
        found = (200, 302)
        places = range(0, len(self.filled.parties.people), max(len(self.filled.parties.people) // self.count, 1))
        names = [self.filled.parties.names[place] for place in places][: self.count]
        texts: dict[str, Sequence[str]] = {
            "name": names,
            "common name": [surname + one[-1] for surname in _COMMON for one in names[: self.count // 5 + 1]],
            "given name": [one[1:] for one in names if len(one) > 2],
            "part of a body's name": [*_PARTS, *(one[2:9] for one in self.filled.parties.body_names[: self.count])],
            "pinyin": sorted({min(pinyin_forms(one, is_person=True)[0]) for one in names}),
            "pinyin of a surname": ["chen", "lin", "huang", "zhang", "wu", "li", "zheng", "wang"],
            "initials": sorted({min(pinyin_forms(one, is_person=True)[1]) for one in names}),
            "ID number": [person_number(place) for place in places][: self.count],
            "phone": [phone(place) for place in places][: self.count],
            "credit code": [body_code(place) for place in range(len(self.filled.parties.bodies))][: self.count],
            "serial": self._serials(),
            "token": [pair.token_serial for pair in self.pairs],
            "request number": [one.number for one in self.requests],
            "beginning of a request number": sorted({one.number[:8] for one in self.requests}),
        }
        for kind, many in texts.items():
            for text in many:
                path = reverse("search_results", args=[searching.seal(self.actor, text)])
                yield Ask(f"search by {kind}", path, status=found)

    def _serials(self) -> list[str]:
        pairs = [pair.pk for pair in self.pairs]
        return list(Certificate.objects.filter(pair__in=pairs, use="SIGNING").values_list("serial", flat=True))


def administrators(filled: Filled, count: int) -> Iterator[Ask]:
    """What administrators ask for."""
    newest = AuditHead.objects.get().sequence
    for _ in range(count):
        yield Ask("dashboard of administrators", reverse("dashboard"), ("</html>",))
        yield Ask("staff", reverse("staff"), ("</html>",))
    filters: dict[str, list[dict[str, str]]] = {
        "audit": [{}],
        "audit who": [{"who": str(number)} for number in range(895, 910)],
        "audit event": [{"event": one} for one in ("ca.pair_issued", "ra.request_opened", "iam.", "ca.", "ra.none")],
        "audit outcome": [{"outcome": one} for one in ("ok", "refused", "alarm")],
        "audit thing": [{"thing": f"ca.certificatepair:{pair}"} for pair in filled.pairs[: count * 2 : 2]],
        "audit days": [{"since": f"2025-{month:02}-01", "until": f"2026-{month:02}-20"} for month in range(1, 13)],
    }
    for label, many in filters.items():
        for turn in range(max(count, len(many))):
            wanted: dict[str, object] = dict(many[turn % len(many)])
            if turn >= len(many):
                wanted["before"] = 1 + newest * (turn + 1) // (count + 1)
            yield Ask(label, f"{reverse('audit')}?{urlencode(wanted)}", ("</html>",))
    for place in range(1, count + 1):
        yield Ask("audit_record", reverse("audit_record", args=[newest * place // count]), ("</html>",))


def system_administrators(count: int) -> Iterator[Ask]:
    """What those who run the platform ask for."""
    for _ in range(count):
        for name in ("stops", "agents"):
            yield Ask(name, reverse(name), ("</html>",))


def public() -> Iterator[Ask]:
    """What anybody may ask for."""
    yield Ask("login", reverse("login"), ("</html>",))
    yield Ask("notices", reverse("notices"), ("</html>",))


def ensure_complete(labels: Iterable[str]) -> None:
    """Every page of the address table was asked for. Raises PageNotMeasured."""
    known = {label.split()[0] for label in labels} | NOT_A_PAGE | NOT_FILLED | {"search_results"}
    names = {one.name for one in urlpatterns if isinstance(one, URLPattern)}
    missing = sorted(str(name) for name in names - known)
    if missing:
        raise PageNotMeasured(pages="、".join(missing))
