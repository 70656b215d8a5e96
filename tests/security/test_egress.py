"""Which addresses pass the guard, in every spelling that has fooled another one."""

from __future__ import annotations

import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.domain.errors import AddressForbidden
from api.security.egress import Egress, canonical_host, parse_allowed
from tests import hypothesis_profiles  # noqa: F401

FORBIDDEN = """
    127.0.0.1 127.255.255.254 0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1
    192.168.255.255 100.64.0.1 100.127.255.255 169.254.0.1 169.254.169.254 169.254.170.2 100.100.100.200
    192.0.0.8 192.0.0.192 192.0.0.170 192.0.2.1 192.88.99.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1
    239.255.255.255 240.0.0.1 255.255.255.255 168.63.129.16 :: ::1 ::2 ::7f00:1 ::127.0.0.1 ::ffff:127.0.0.1
    ::ffff:7f00:1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1 64:ff9b::127.0.0.1
    64:ff9b::a9fe:a9fe 64:ff9b:1::1 2002:7f00:1:: 2002:a00:1::1 2002:a9fe:a9fe:: 2001:0:7f00:1::1
    2001:0:4136:e378:8000:63bf:80ff:fffe 2001:db8::1 2001:2::1 2001:10::1 3fff::1 100::1 fc00::1 fd00::1
    fd00:ec2::254 fd20:ce::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1 ff0e::1 5f00::1 4000::1
    2606:4700::5efe:7f00:1 2606:4700::200:5efe:a00:1
"""
PUBLIC = """
    1.1.1.1 8.8.8.8 93.184.216.34 172.15.0.1 172.32.0.1 100.63.255.255 100.128.0.1 192.0.1.1 223.255.255.254
    169.253.0.1 2606:4700::1111 2001:4860:4860::8888 2a00:1450:4001::200e ::ffff:8.8.8.8 64:ff9b::8.8.8.8
    2002:808:808::1
"""
METADATA = """
    169.254.169.254 169.254.170.2 100.100.100.200 192.0.0.192 168.63.129.16 fd00:ec2::254 fd20:ce::254
    ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe:: ::169.254.169.254
"""


@pytest.mark.parametrize("ip", FORBIDDEN.split())
def test_forbidden(ip: str) -> None:
    assert not Egress().permitted(ip, "host.example", 443)


@pytest.mark.parametrize("ip", PUBLIC.split())
def test_public(ip: str) -> None:
    assert Egress().permitted(ip, "host.example", 443)


@pytest.mark.parametrize("ip", METADATA.split())
def test_metadata_never_passes(ip: str) -> None:
    allowed = Egress(frozenset({(ip, 80), ("metadata.example", 80)}))
    assert not allowed.permitted(ip, ip, 80)
    assert not allowed.permitted(ip, "metadata.example", 80)


@pytest.mark.parametrize(
    "spelling",
    ["127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "0"],
)
def test_what_the_resolver_makes_of_a_literal_is_what_is_judged(spelling: str) -> None:
    for *_, address in socket.getaddrinfo(spelling, 80, type=socket.SOCK_STREAM):
        assert not Egress().permitted(str(address[0]), spelling, 80)


@pytest.mark.parametrize(
    "ip", ["", "localhost", "1.2.3", "1.2.3.4.5", "0x7f.1", "nonsense", "[::1]", "１.1.1.1", "1.1.1.1 "]
)
def test_what_is_no_address_does_not_pass(ip: str) -> None:
    assert not Egress().permitted(ip, "host.example", 443)


def test_an_allowed_pair_is_exact() -> None:
    egress = Egress(parse_allowed("ollama.lan:11434, 10.0.0.5:8000, [fd00::5]:8000"))
    assert egress.permitted("192.168.1.9", "ollama.lan", 11434)
    assert egress.permitted("192.168.1.9", "OLLAMA.lan.", 11434)
    assert egress.permitted("10.0.0.5", "10.0.0.5", 8000)
    assert egress.permitted("fd00::5", "fd00:0::5", 8000)
    for ip, host, port in [
        ("192.168.1.9", "ollama.lan", 11435),
        ("192.168.1.9", "192.168.1.9", 11434),
        ("192.168.1.9", "x.ollama.lan", 11434),
        ("192.168.1.9", "ollama.lan.evil.example", 11434),
        ("10.0.0.5", "evil.example", 8000),
        ("10.0.0.5", "", 0),
    ]:
        assert not egress.permitted(ip, host, port)


def test_one_bad_address_refuses_the_name() -> None:
    egress = Egress()
    egress.check(["1.1.1.1", "2606:4700::1111"], "good.example", 443)
    with pytest.raises(AddressForbidden, match="ALLOWED_PRIVATE_HOSTS=mixed.example:443"):
        egress.check(["1.1.1.1", "10.0.0.1"], "mixed.example", 443)


@given(st.ip_addresses())
def test_every_address_has_an_answer(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    permitted = Egress().permitted(str(ip), "host.example", 443)
    if permitted:
        assert ip.is_global
        assert not ip.is_multicast
        assert not ip.is_loopback


@pytest.mark.parametrize(
    "text",
    [
        "host",
        "host:",
        ":80",
        "host:0",
        "host:65536",
        "host:8o",
        "http://host:80",
        "fd00::5:80",
        "*:80",
        "u@h:80",
        "h:٣",
    ],
)
def test_a_bad_list_is_explained(text: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        parse_allowed(text)


def test_an_empty_list_allows_nothing() -> None:
    assert parse_allowed(" , ") == frozenset()


def test_canonical_hosts() -> None:
    assert canonical_host("[FD00:0:0::5]") == "fd00::5"
    assert canonical_host(" Host.Example. ") == "host.example"
