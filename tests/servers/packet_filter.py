"""What a packet filter does with mail, and where it sits: the words for nftables."""

from enum import StrEnum

TABLE = """\
table inet tests {
  chain input {
    type filter hook input priority 0; policy accept;
  }
  chain forward {
    type filter hook forward priority 0; policy accept;
  }
  chain output {
    type filter hook output priority 0; policy accept;
  }
}
"""


class Hook(StrEnum):
    """Where a filter sits: at the server, on the way (the router's), or in the client's own machine."""

    INPUT = "input"
    FORWARD = "forward"
    OUTPUT = "output"


class Filter(StrEnum):
    """What a filter does with a connection's first packet; the value is nftables' wording for IPv4."""

    DROP = "drop"
    ADMIN_PROHIBITED = "reject with icmp type admin-prohibited"
    HOST_PROHIBITED = "reject with icmp type host-prohibited"
    NET_PROHIBITED = "reject with icmp type net-prohibited"
    PORT_UNREACHABLE = "reject with icmp type port-unreachable"
    HOST_UNREACHABLE = "reject with icmp type host-unreachable"
    NET_UNREACHABLE = "reject with icmp type net-unreachable"
    TCP_RESET = "reject with tcp reset"

    @property
    def ipv6(self) -> str:
        """The same for IPv6, which has one code for all that is prohibited (RFC 4443 section 3.1)."""
        return _IPV6.get(self, self.value)


_IPV6 = {
    Filter.ADMIN_PROHIBITED: "reject with icmpv6 type admin-prohibited",
    Filter.HOST_PROHIBITED: "reject with icmpv6 type admin-prohibited",
    Filter.NET_PROHIBITED: "reject with icmpv6 type admin-prohibited",
    Filter.PORT_UNREACHABLE: "reject with icmpv6 type port-unreachable",
    Filter.HOST_UNREACHABLE: "reject with icmpv6 type addr-unreachable",
    Filter.NET_UNREACHABLE: "reject with icmpv6 type no-route",
}
