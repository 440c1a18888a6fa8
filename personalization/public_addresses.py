"""Which addresses of the network are everybody's: the only ones that calls named by others may be made to. Pure."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# What `is_global` takes for everybody's, or took in some versions of Python, and is not: IETF's own blocks, relays of
# 6to4, benchmarks, the servers of clouds that tell a machine its secrets (Azure's has a public address).
_NOT_PUBLIC: tuple[Network, ...] = tuple(
    ip_network(each)
    for each in (
        *("100.64.0.0/10", "168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4"),
        *("::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10"),
    )
)
_NAT64 = ip_network("64:ff9b::/96")
_EVERYBODYS = ip_network("2000::/3")  # all that is given out of IPv6


def read_address(text: str) -> Address:
    """The address that a connection to `text` would be made to: one that is wrapped in an IPv6 address is taken out.

    Raises ValueError.
    """
    address = ip_address(text.partition("%")[0])  # without the name of an interface
    return address if isinstance(address, IPv4Address) else _unwrap(address)


def is_public(address: Address) -> bool:
    """Whether it is a single machine's on the public network; never this machine's, a neighbour's or a cloud's own."""
    if isinstance(address, IPv6Address) and address not in _EVERYBODYS:
        return False
    return address.is_global and not address.is_multicast and not is_in(address, _NOT_PUBLIC)


def is_in(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks if network.version == address.version)


def _unwrap(address: IPv6Address) -> Address:
    """Mapped IPv4, 6to4, Teredo and NAT64 lead to the IPv4 address inside."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
