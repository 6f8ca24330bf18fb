"""What kind of address one is."""

from __future__ import annotations

import ipaddress

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_GIVEN_OUT = ipaddress.ip_network("2000::/3")  # of IPv6, for the open internet; RFC 4291, 2.4


def is_loopback(host: str) -> bool:
    """Whether a host, by name or in numbers, is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_open_internet(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether everybody could ask there; what an IPv6 address wraps counts, too."""
    if isinstance(address, ipaddress.IPv6Address):
        wrapped = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if address in _NAT64:
            wrapped = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if wrapped:
            return is_open_internet(wrapped)
        if address not in _GIVEN_OUT:
            return False
    return address.is_global and not address.is_multicast
