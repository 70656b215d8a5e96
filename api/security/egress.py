"""Which addresses may be dialled for a URL that a user gave. Pure policy; asked with the address dialled.

Public addresses pass. Private, loopback, link-local, reserved and multicast ones pass only where the operator
listed the exact host, as it stands in the URL, with its port. The metadata services of clouds never pass.
A refusal reads the same whether something listens there or not.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from api.domain.errors import AddressForbidden

_METADATA_V4: Final = (
    IPv4Network("169.254.0.0/16"),  # AWS, GCP, Azure, OpenStack, ECS, EKS; nothing else useful lives there
    IPv4Network("100.100.100.200/32"),  # Alibaba
    IPv4Network("192.0.0.192/32"),  # Oracle
    IPv4Network("168.63.129.16/32"),  # Azure's wire server, which is formally a public address
)
_METADATA_V6: Final = (
    IPv6Network("fd00:ec2::/32"),  # AWS
    IPv6Network("fd20:ce::254/128"),  # GCP
)
# What `is_global` passes on some of the supported Pythons, although it is not the public internet.
_ODD_V4: Final = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))
_ODD_V6: Final = (IPv6Network("2001::/23"), IPv6Network("2001:db8::/32"), IPv6Network("3fff::/20"))
_PUBLIC_V6: Final = IPv6Network("2000::/3")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = IPv6Network("::/96")
_ISATAP: Final = (0x00005EFE, 0x02005EFE)


class Egress:
    """`allowed_private`: the pairs of host and port that the operator listed (see `parse_allowed`)."""

    def __init__(self, allowed_private: frozenset[tuple[str, int]] = frozenset()) -> None:
        self._allowed = frozenset((canonical_host(host), port) for host, port in allowed_private)

    def permitted(self, ip: str, host: str, port: int) -> bool:
        """May `ip` be dialled on `port` for a URL whose host is `host`? What is no IP address may not."""
        try:
            address = ip_address(ip.partition("%")[0])
        except ValueError:
            return False
        faces = list(_faces(address))
        if any(map(_is_metadata, faces)):
            return False
        return (canonical_host(host), port) in self._allowed or all(map(_is_public, faces))

    def check(self, ips: Iterable[str], host: str, port: int) -> None:
        """Raises AddressForbidden where any of a name's addresses may not be dialled: none is, by chance."""
        if not all(self.permitted(ip, host, port) for ip in ips):
            raise refusal(host, port)


def refusal(host: str, port: int) -> AddressForbidden:
    """One text for every refusal; it depends on nothing but the URL."""
    pair = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return AddressForbidden(
        f"{pair} is not on the public internet, and this server calls private addresses only where its "
        f"operator allows them: ALLOWED_PRIVATE_HOSTS={pair} (a cloud's metadata service is never called)."
    )


def parse_allowed(text: str) -> frozenset[tuple[str, int]]:
    """Pairs from `ALLOWED_PRIVATE_HOSTS`: `host:port,host:port`, IPv6 in brackets. Raises ValueError."""
    pairs = set()
    for item in filter(None, (part.strip() for part in text.split(","))):
        host, colon, port = item.rpartition(":")
        bracketed = host.startswith("[") and host.endswith("]")
        digits = port.isascii() and port.isdigit() and len(port) <= 5
        bad_host = not host or any(c in host for c in "/@*? ") or (":" in host and not bracketed)
        if not colon or not digits or not 0 < int(port) < 65536 or bad_host:
            raise ValueError(f"{item!r} is not host:port, such as ollama.lan:11434 or [fd00::5]:8000")
        pairs.add((canonical_host(host), int(port)))
    return frozenset(pairs)


def canonical_host(host: str) -> str:
    """A host as pairs are compared: lower case, no brackets, no final dot, IP addresses in short form."""
    bare = host.strip().lower().removeprefix("[").removesuffix("]").removesuffix(".")
    try:
        return str(ip_address(bare))
    except ValueError:
        return bare


def _faces(address: IPv4Address | IPv6Address) -> Iterable[IPv4Address | IPv6Address]:
    """The address and every IPv4 address that a network may unpack from it."""
    if isinstance(address, IPv4Address):
        yield address
        return
    inner: list[IPv4Address] = [v4 for v4 in (address.ipv4_mapped, address.sixtofour) if v4 is not None]
    inner.extend(address.teredo or ())
    low = int(address) & 0xFFFFFFFF
    if address in _NAT64 or (address in _COMPATIBLE and low > 1):
        inner.append(IPv4Address(low))
    isatap = (int(address) >> 32) & 0xFFFFFFFF in _ISATAP
    if isatap:
        inner.append(IPv4Address(low))
    yield from inner
    if not inner or isatap:
        yield address


def _is_metadata(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv4Address):
        return any(address in network for network in _METADATA_V4)
    return any(address in network for network in _METADATA_V6)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _ODD_V4)
    return address in _PUBLIC_V6 and not any(address in network for network in _ODD_V6)
