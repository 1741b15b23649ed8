"""Chains: real ones of the national hierarchy hold, and every way to be wrong has a name of its own (A12)."""

from datetime import UTC, datetime, timedelta

import pytest

from banyan.pki import anchors, oids
from banyan.pki import strict_der as der
from banyan.pki.chain import ChainInvalid, ChainResult, Fault, validate_chain
from banyan.pki.crl import Reason
from banyan.pki.errors import Malformed
from support.small_pki import (
    BEGIN,
    END,
    NOON,
    Authority,
    P256Key,
    RsaKey,
    Sm2Key,
    basic_constraints,
    ca_extensions,
    encryption_extensions,
    extension,
    key_usage,
    signing_extensions,
)

IN_2022 = datetime(2022, 5, 20, tzinfo=UTC)
IN_2026 = datetime(2026, 3, 1, tzinfo=UTC)
ROOT = Authority("测试根")
ISSUING = ROOT.subordinate("测试签发CA")
LEAF_KEY = Sm2Key()
LEAF = ISSUING.issue("持有人", LEAF_KEY, signing_extensions(), serial=0x77)


def judge(leaf: bytes = LEAF, **options: object) -> ChainResult:
    settings: dict[str, object] = {
        "intermediates": [ISSUING.certificate],
        "anchors": [ROOT.certificate],
        "at": NOON,
    } | options
    return validate_chain(leaf, **settings)  # type: ignore[arg-type]


# ---- the national hierarchy


@pytest.mark.parametrize("root", anchors.national_roots())
def test_each_national_root_signs_itself(root: bytes) -> None:
    result = validate_chain(root, [], [root], IN_2026)
    assert result.is_valid
    untrusted = validate_chain(root, [], [], IN_2026)
    assert untrusted.codes == {Fault.ROOT_UNTRUSTED.code}
    spoiled = root[:-1] + bytes((root[-1] ^ 1,))
    assert Fault.SIGNATURE_INVALID.code in validate_chain(spoiled, [], [], IN_2026).codes


def test_a_real_government_ca_hangs_below_civil_servant_root() -> None:
    (authority,) = anchors.national_intermediates()
    result = validate_chain(authority, [], anchors.national_roots(), IN_2026)
    assert result.is_valid
    assert result.path == (authority, anchors.national_roots()[1])
    assert result.codes == {Fault.REVOCATION_UNKNOWN.code}
    spoiled = authority[:-1] + bytes((authority[-1] ^ 1,))
    assert not validate_chain(spoiled, [], anchors.national_roots(), IN_2026).is_valid


def test_the_real_revocation_list_is_judged_by_its_period() -> None:
    (authority,) = anchors.national_intermediates()
    roots, arl = anchors.national_roots(), anchors.civil_servant_arl()
    fresh = validate_chain(authority, [], roots, IN_2022, [arl], require_revocation=True)
    assert fresh.is_valid
    assert not fresh.findings
    stale = validate_chain(authority, [], roots, IN_2026, [arl])
    assert stale.codes == {Fault.CRL_EXPIRED.code}
    early = validate_chain(authority, [], roots, datetime(2020, 1, 1, tzinfo=UTC), [arl])
    assert early.codes == {Fault.CRL_NOT_YET_VALID.code}
    spoiled = arl[:-1] + bytes((arl[-1] ^ 1,))
    forged = validate_chain(authority, [], roots, IN_2022, [spoiled])
    assert forged.codes == {Fault.CRL_SIGNATURE_INVALID.code}


def test_a_national_ca_may_not_stand_below_another_root() -> None:
    (authority,) = anchors.national_intermediates()
    result = validate_chain(authority, [], [anchors.national_roots()[0]], IN_2026)
    assert result.codes == {Fault.ISSUER_UNKNOWN.code}


# ---- building


def test_a_chain_is_found_among_many_certificates_in_any_order() -> None:
    others = [Authority(f"旁人{number}").certificate for number in range(5)]
    result = judge(intermediates=[*others, ISSUING.certificate, b"noise", ROOT.certificate])
    assert result.is_valid
    assert result.path == (LEAF, ISSUING.certificate, ROOT.certificate)
    result.require()


def test_an_issuing_ca_may_be_the_anchor_itself() -> None:
    result = judge(intermediates=[], anchors=[ISSUING.certificate])
    assert result.is_valid
    assert result.path == (LEAF, ISSUING.certificate)


def test_rolled_over_cas_of_one_name_are_told_apart_by_signature() -> None:
    """Two CAs of the same name and without key identifiers: only the one that signed leads on (A11)."""
    old, new = ROOT.subordinate("同名CA"), ROOT.subordinate("同名CA")
    for with_key_ids in (True, False):
        leaf = new.issue("持有人", LEAF_KEY, signing_extensions(), with_key_ids=with_key_ids)
        result = judge(leaf, intermediates=[old.certificate, new.certificate])
        assert result.is_valid
        assert result.path[1] == new.certificate


def test_of_two_paths_the_valid_one_is_taken() -> None:
    key = Sm2Key()
    expired = ROOT.issue("双证CA", key, ca_extensions(), not_after=BEGIN + timedelta(days=1))
    current = ROOT.issue("双证CA", key, ca_extensions())
    leaf = Authority("双证CA", key, current).issue("持有人", LEAF_KEY, signing_extensions())
    assert judge(leaf, intermediates=[expired, current]).path[1] == current
    assert judge(leaf, intermediates=[expired]).codes >= {Fault.EXPIRED.code}


def test_mixed_algorithms_in_one_chain() -> None:
    for root_key, ca_key in ((P256Key(), P256Key()), (RsaKey(), P256Key()), (Sm2Key(), RsaKey())):
        root = Authority("混合根", root_key)
        issuing = root.subordinate("混合CA", ca_key)
        leaf = issuing.issue("设备", P256Key(), signing_extensions())
        assert judge(leaf, intermediates=[issuing.certificate], anchors=[root.certificate]).is_valid
        spoiled = leaf[:-1] + bytes((leaf[-1] ^ 1,))
        assert not judge(spoiled, intermediates=[issuing.certificate], anchors=[root.certificate]).is_valid


def test_loops_of_cross_certificates_end() -> None:
    first, second = Authority("甲"), Authority("乙")
    crossed = [first.issue("乙", second.key, ca_extensions()), second.issue("甲", first.key, ca_extensions())]
    leaf = second.issue("持有人", LEAF_KEY, signing_extensions())
    result = judge(leaf, intermediates=crossed, anchors=[ROOT.certificate])
    assert not result.is_valid


def test_a_path_without_end_is_given_up() -> None:
    authority = ROOT
    chain = []
    for level in range(12):
        authority = authority.subordinate(f"第{level}级")
        chain.append(authority.certificate)
    leaf = authority.issue("持有人", LEAF_KEY, signing_extensions())
    assert not judge(leaf, intermediates=chain).is_valid


# ---- each fault by its name


def faults(leaf: bytes = LEAF, **options: object) -> set[Fault]:
    result = judge(leaf, **options)
    return {finding.fault for finding in result.findings if finding.is_error}


def test_missing_issuer_and_untrusted_root() -> None:
    assert faults(intermediates=[]) == {Fault.ISSUER_UNKNOWN}
    assert faults(intermediates=[ISSUING.certificate, ROOT.certificate], anchors=[]) == {Fault.ROOT_UNTRUSTED}
    result = judge(intermediates=[ISSUING.certificate, ROOT.certificate], anchors=[])
    assert not result.is_anchored
    with pytest.raises(ChainInvalid, match="不在信任列表"):
        result.require()


def test_a_forged_signature_leads_nowhere() -> None:
    assert faults(LEAF[:-1] + bytes((LEAF[-1] ^ 1,))) == {Fault.SIGNATURE_INVALID}
    impostor = Authority("测试签发CA")
    forged = impostor.issue("持有人", LEAF_KEY, signing_extensions(), with_key_ids=False)
    assert faults(forged) == {Fault.SIGNATURE_INVALID}


def test_periods() -> None:
    assert faults(at=BEGIN - timedelta(seconds=1)) == {Fault.NOT_YET_VALID}
    assert faults(at=BEGIN) == faults(at=END) == set()
    assert faults(at=END + timedelta(seconds=1)) == {Fault.EXPIRED}
    result = judge(at=END + timedelta(seconds=1))
    assert {finding.depth for finding in result.findings if finding.is_error} == {0, 1, 2}


@pytest.mark.parametrize(
    "extensions",
    [[], [basic_constraints(ca=False), key_usage("keyCertSign")], signing_extensions()],
)
def test_an_end_entity_cannot_issue(extensions: list[bytes]) -> None:
    key = Sm2Key()
    pretender = Authority("冒充CA", key, ISSUING.issue("冒充CA", key, extensions))
    leaf = pretender.issue("受骗者", LEAF_KEY, signing_extensions())
    found = faults(leaf, intermediates=[pretender.certificate, ISSUING.certificate])
    assert Fault.NOT_AN_AUTHORITY in found


def test_a_ca_without_the_right_to_sign_certificates() -> None:
    key = Sm2Key()
    crl_only = ROOT.issue("只签吊销列表", key, [basic_constraints(ca=True), key_usage("cRLSign")])
    leaf = Authority("只签吊销列表", key, crl_only).issue("持有人", LEAF_KEY, signing_extensions())
    assert faults(leaf, intermediates=[crl_only]) == {Fault.MAY_NOT_SIGN_CERTIFICATES}


def test_path_length() -> None:
    limited = ROOT.subordinate("受限CA", path_length=0)
    direct = limited.issue("持有人", LEAF_KEY, signing_extensions())
    assert faults(direct, intermediates=[limited.certificate]) == set()
    below = limited.subordinate("下级CA")
    leaf = below.issue("持有人", LEAF_KEY, signing_extensions())
    assert faults(leaf, intermediates=[limited.certificate, below.certificate]) == {Fault.PATH_TOO_LONG}


@pytest.mark.parametrize("oid", ["1.2.3.4", oids.NAME_CONSTRAINTS, oids.POLICY_CONSTRAINTS])
def test_critical_extensions_that_nobody_processes_stop_the_chain(oid: str) -> None:
    odd = extension(oid, der.sequence(), critical=True)
    leaf = ISSUING.issue("持有人", LEAF_KEY, [*signing_extensions(), odd])
    assert faults(leaf) == {Fault.CRITICAL_UNKNOWN}
    harmless = ISSUING.issue("持有人", LEAF_KEY, [*signing_extensions(), extension("1.2.3.4", der.sequence())])
    assert faults(harmless) == set()


def test_usage_and_purpose_of_the_leaf() -> None:
    assert faults(usage="digitalSignature") == set()
    assert faults(usage="keyEncipherment") == {Fault.USAGE}
    encryption = ISSUING.issue("持有人", LEAF_KEY, encryption_extensions())
    assert faults(encryption, usage="digitalSignature") == {Fault.USAGE}
    assert faults(purpose=oids.SERVER_AUTH) == set()
    client = extension(oids.EXTENDED_KEY_USAGE, der.sequence(der.oid(oids.CLIENT_AUTH)))
    leaf = ISSUING.issue("持有人", LEAF_KEY, [*signing_extensions(), client])
    assert faults(leaf, purpose=oids.SERVER_AUTH) == {Fault.PURPOSE}
    assert faults(leaf, purpose=oids.CLIENT_AUTH) == set()


def test_inner_and_outer_algorithm_have_to_agree() -> None:
    tbs_and_rest = der.whole(LEAF)
    tbs = tbs_and_rest.element()
    tbs_and_rest.element()
    signature = tbs_and_rest.element()
    with_null = der.sequence(tbs, der.algorithm(oids.SM2_WITH_SM3, der.NULL_DER), signature)
    assert faults(with_null) == {Fault.ALGORITHM_DIFFERS}


def test_outdated_algorithms() -> None:
    reader = der.whole(LEAF)
    tbs, _, signature = reader.element(), reader.element(), reader.element()
    sha1 = der.sequence(tbs, der.algorithm(oids.SHA1_WITH_RSA, der.NULL_DER), signature)
    assert Fault.ALGORITHM_UNSUPPORTED in faults(sha1)


def test_a_spoiled_extension_is_a_finding_not_a_crash() -> None:
    broken = extension(oids.KEY_USAGE, b"\x04\x01\x00", critical=True)
    leaf = ISSUING.issue("持有人", LEAF_KEY, [broken])
    assert faults(leaf, usage="digitalSignature") == {Fault.MALFORMED}
    with pytest.raises(Malformed):
        judge(LEAF[:-1])


# ---- revocation


def lists(*crls: bytes) -> list[bytes]:
    return [ROOT.crl(), *crls]


def test_a_good_certificate_with_all_lists() -> None:
    result = judge(crls=lists(ISSUING.crl({0x1: 1})), require_revocation=True)
    assert result.is_valid
    assert not result.findings


def test_no_list_is_a_warning_or_an_error_as_asked() -> None:
    assert judge().is_valid
    assert judge().codes == {Fault.REVOCATION_UNKNOWN.code}
    assert faults(require_revocation=True) == {Fault.REVOCATION_UNKNOWN}
    assert faults(crls=[b"noise"], require_revocation=True) == {Fault.CRL_UNUSABLE, Fault.REVOCATION_UNKNOWN}


@pytest.mark.parametrize("reason", [None, 1, 4, 5])
def test_revoked(reason: int | None) -> None:
    result = judge(crls=lists(ISSUING.crl({0x77: reason})))
    assert {finding.fault for finding in result.findings} == {Fault.REVOKED}
    assert result.findings[0].fields["reason"] == (reason or 0)
    assert "已于 2026-01-01" in result.findings[0].text


def test_hold_and_release() -> None:
    held = ISSUING.crl({0x77: int(Reason.CERTIFICATE_HOLD)}, number=1)
    released = ISSUING.crl({}, number=2, this_update=BEGIN + timedelta(days=1))
    assert faults(crls=lists(held)) == {Fault.ON_HOLD}
    assert faults(crls=lists(held, released)) == faults(crls=lists(released, held)) == set()


def test_a_revoked_ca_takes_its_certificates_along() -> None:
    number = ROOT.next_serial
    authority = ROOT.subordinate("将吊销的CA")
    assert ROOT.next_serial == number + 1
    leaf = authority.issue("持有人", LEAF_KEY, signing_extensions())
    crls = [ROOT.crl({number + 1: 2}), authority.crl()]
    result = judge(leaf, intermediates=[authority.certificate], crls=crls)
    assert [(finding.fault, finding.depth) for finding in result.findings] == [(Fault.REVOKED, 1)]


def test_stale_lists_are_refused_but_what_they_revoke_stays_revoked() -> None:
    old = BEGIN + timedelta(days=30)
    assert faults(crls=lists(ISSUING.crl(next_update=old))) == {Fault.CRL_EXPIRED}
    assert faults(crls=lists(ISSUING.crl({0x77: 1}, next_update=old))) == {Fault.CRL_EXPIRED, Fault.REVOKED}
    assert faults(crls=lists(ISSUING.crl(next_update=None))) == {Fault.CRL_UNUSABLE}
    early = ISSUING.crl(this_update=NOON + timedelta(days=1))
    assert faults(crls=lists(early)) == {Fault.CRL_NOT_YET_VALID}


def test_a_list_signed_by_somebody_else_is_not_believed() -> None:
    impostor = Authority("测试签发CA")
    impostor.key.spki = ISSUING.key.spki  # the same key identifier, another signature
    assert faults(crls=lists(impostor.crl({0x77: 1}))) == {Fault.CRL_SIGNATURE_INVALID}
    stranger = Authority("测试签发CA")
    assert judge(crls=lists(stranger.crl({0x77: 1}))).codes == {Fault.REVOCATION_UNKNOWN.code}


def test_a_ca_without_the_right_to_sign_lists() -> None:
    key = Sm2Key()
    no_crl = ROOT.issue("不签列表", key, [basic_constraints(ca=True), key_usage("keyCertSign")])
    authority = Authority("不签列表", key, no_crl)
    leaf = authority.issue("持有人", LEAF_KEY, signing_extensions())
    assert faults(leaf, intermediates=[no_crl], crls=lists(authority.crl())) == {Fault.CRL_SIGNER}


def test_critical_extensions_of_lists() -> None:
    odd = extension("1.2.3.4", der.sequence(), critical=True)
    assert faults(crls=lists(ISSUING.crl(extensions=[odd]))) == {Fault.CRL_UNUSABLE}
    entry = ISSUING.crl({0x77: None}, entry_extensions=[odd])
    assert faults(crls=lists(entry)) == {Fault.CRL_UNUSABLE}
    only_ca = extension(oids.ISSUING_DISTRIBUTION_POINT, der.sequence(der.tlv(0x82, b"\xff")), critical=True)
    assert faults(crls=lists(ISSUING.crl(extensions=[only_ca]))) == {Fault.CRL_UNUSABLE}


def url_point(url: str) -> bytes:
    return der.tlv(0xA0, der.tlv(0xA0, der.tlv(0x86, url.encode())))


def test_a_list_of_another_part_says_nothing() -> None:
    """CRLs in parts: only the part that the certificate names counts (design §8)."""
    own, other = "http://crl.example.test/1.crl", "http://crl.example.test/2.crl"
    points = extension(oids.CRL_DISTRIBUTION_POINTS, der.sequence(der.sequence(url_point(own))))
    leaf = ISSUING.issue("持有人", LEAF_KEY, [*signing_extensions(), points], serial=0x88)

    def part(url: str, revoked: dict[int, int | None]) -> bytes:
        idp = extension(oids.ISSUING_DISTRIBUTION_POINT, der.sequence(url_point(url)), critical=True)
        return ISSUING.crl(revoked, extensions=[idp])

    assert faults(leaf, crls=lists(part(other, {})), require_revocation=True) == {Fault.REVOCATION_UNKNOWN}
    assert faults(leaf, crls=lists(part(own, {})), require_revocation=True) == set()
    assert faults(leaf, crls=lists(part(own, {0x88: 1}), part(other, {}))) == {Fault.REVOKED}


def test_delta_lists_change_the_complete_one() -> None:
    def delta(revoked: dict[int, int | None], *, number: int, base: int = 5) -> bytes:
        mark = extension(oids.DELTA_CRL_INDICATOR, der.integer(base), critical=True)
        return ISSUING.crl(revoked, number=number, extensions=[mark], this_update=BEGIN + timedelta(number))

    good, held = ISSUING.crl({}, number=5), ISSUING.crl({0x77: 6}, number=5)
    remove = int(Reason.REMOVE_FROM_CRL)
    assert faults(crls=lists(good, delta({0x77: 1}, number=6))) == {Fault.REVOKED}
    assert faults(crls=lists(held, delta({0x77: remove}, number=6))) == set()
    again = [delta({0x77: remove}, number=6), delta({0x77: 1}, number=7)]
    assert faults(crls=lists(held, *again)) == faults(crls=lists(*again, held)) == {Fault.REVOKED}
    # A delta over a later base, or one older than the list, says nothing; a delta alone is no list.
    assert faults(crls=lists(good, delta({0x77: 1}, number=9, base=8))) == set()
    assert faults(crls=lists(good, delta({0x77: 1}, number=5, base=4))) == set()
    assert faults(crls=lists(delta({0x77: 1}, number=6)), require_revocation=True) == {Fault.REVOCATION_UNKNOWN}


def test_every_finding_reads_as_a_sentence() -> None:
    for fault in Fault:
        assert fault.code.startswith("chain.")
        assert fault.message.endswith("。")
    result = judge(intermediates=[])
    assert "持有人" in result.findings[0].text
    assert "{" not in result.findings[0].text
