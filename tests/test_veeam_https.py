"""The Veeam reader over HTTPS as met in the field: a certificate of its own, trusted by CA file, by pin, or not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta

import pytest

from exporters.http import Secret, Tls
from exporters.keeper import utc_now
from exporters.veeam import connect
from exporters.veeam.simulator import VeeamSimulator
from exporters.vendor import SystemSettings
from lastgood.errors import Untrusted
from lastgood.model import Snapshot
from tests.faulty_server import Authority, Issued
from tests.worlds import BRANCH, patient, recent, today

PASSWORD = Secret("canary-over-tls", "test")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def issued(authority: Authority) -> Issued:
    return authority.issue("backup", "IP:127.0.0.1", "DNS:localhost")


@pytest.fixture(scope="module")
def simulator(issued: Issued, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VeeamSimulator]:
    both = tmp_path_factory.mktemp("server") / "both.pem"
    both.write_bytes(issued.certificate.read_bytes() + issued.key.read_bytes())
    with VeeamSimulator(recent(today(), BRANCH), clock=utc_now, password=PASSWORD.reveal(), certificate=both) as made:
        yield made


def poll(simulator: VeeamSimulator, tls: Tls) -> Snapshot:
    settings = SystemSettings(
        name="branch", vendor="veeam", url=simulator.url, tls=tls, username="monitor", password=PASSWORD
    )
    source = connect(settings, None)
    try:
        return source.poll(utc_now(), patient())
    finally:
        source.close()


def fingerprint(issued: Issued) -> str:
    return hashlib.sha256(issued.der()).hexdigest()


def test_a_ca_file_is_enough(simulator: VeeamSimulator, authority: Authority) -> None:
    seen = poll(simulator, Tls(ca_file=authority.root.certificate))
    assert len(seen.workloads) >= 6
    assert seen.system.tls_verified is True
    assert seen.system.certificate_expires is not None
    assert seen.system.certificate_expires - utc_now() > timedelta(days=1)


def test_a_pin_is_enough(simulator: VeeamSimulator, issued: Issued) -> None:
    seen = poll(simulator, Tls(pin_sha256=fingerprint(issued)))
    assert seen.system.tls_verified is True


def test_without_either_no_credential_is_sent_and_the_fingerprint_is_told(
    simulator: VeeamSimulator, issued: Issued
) -> None:
    simulator.log.clear()
    with pytest.raises(Untrusted) as refused:
        poll(simulator, Tls())
    assert fingerprint(issued) in str(refused.value).replace(":", "").lower()
    assert "canary" not in str(refused.value)
    assert simulator.log.entries == ()


def test_insecure_works_and_shows(simulator: VeeamSimulator) -> None:
    assert poll(simulator, Tls(insecure=True)).system.tls_verified is False
