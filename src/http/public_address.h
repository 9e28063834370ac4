#pragma once
// Which addresses are of the public Internet: what a URL of a stranger may lead to. Everything else
// is of a machine, a site or nobody: loopback, private networks, link-local with the clouds'
// metadata services, shared space of carriers, multicast, documentation, what is reserved. Pure.
//
// Source: IANA's IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and its kin). Of the
// blocks that the registries call globally reachable, those that no web server has are left out
// too.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace quarry::http {

using Ipv4Bytes = std::array<std::uint8_t, 4>;
using Ipv6Bytes = std::array<std::uint8_t, 16>;

// In network order.
bool is_public_address(const Ipv4Bytes& address);
// A v4 address within a v6 one is public nowhere but behind NAT64's well-known prefix
// (64:ff9b::/96, RFC 6052), by which a network without IPv4 reaches it: there it is judged itself.
bool is_public_address(const Ipv6Bytes& address);

// Of an address as text, "192.0.2.1" or "2001:db8::1", without brackets. nullopt: it is a name, or
// another way to write an address (inet_pton knows one each).
std::optional<bool> is_public_address(std::string_view literal);

}  // namespace quarry::http
