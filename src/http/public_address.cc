#include "http/public_address.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cstddef>
#include <span>
#include <string>
#include <sys/socket.h>

namespace quarry::http {
namespace {

template <class Bytes>
struct Block {
  Bytes prefix;
  int bits;
};

constexpr auto kNotPublic4 = std::to_array<Block<Ipv4Bytes>>({
    {{0, 0, 0, 0}, 8},         // this network
    {{10, 0, 0, 0}, 8},        // private
    {{100, 64, 0, 0}, 10},     // carriers' shared space
    {{127, 0, 0, 0}, 8},       // loopback
    {{168, 63, 129, 16}, 32},  // Azure's own service for its machines
    {{169, 254, 0, 0}, 16},    // link-local, and the clouds' metadata
    {{172, 16, 0, 0}, 12},     // private
    {{192, 0, 0, 0}, 24},      // IETF's protocols
    {{192, 0, 2, 0}, 24},      // documentation
    {{192, 88, 99, 0}, 24},    // 6to4 relays, given up
    {{192, 168, 0, 0}, 16},    // private
    {{198, 18, 0, 0}, 15},     // benchmarks
    {{198, 51, 100, 0}, 24},   // documentation
    {{203, 0, 113, 0}, 24},    // documentation
    {{224, 0, 0, 0}, 4},       // multicast
    {{240, 0, 0, 0}, 4},       // reserved, and broadcast
});

constexpr Block<Ipv6Bytes> kGlobalUnicast{{0x20}, 3};
constexpr Block<Ipv6Bytes> kNat64{{0x00, 0x64, 0xff, 0x9b}, 96};

// Of what is global unicast.
constexpr auto kNotPublic6 = std::to_array<Block<Ipv6Bytes>>({
    {{0x20, 0x01, 0x00, 0x00}, 23},  // IETF's protocols: Teredo, benchmarks, ORCHID
    {{0x20, 0x01, 0x0d, 0xb8}, 32},  // documentation
    {{0x20, 0x02}, 16},              // 6to4: a v4 address within
    {{0x3f, 0xff, 0x00}, 20},        // documentation
});

template <class Bytes>
bool is_within(const Bytes& address, const Block<Bytes>& block) {
  const auto whole = static_cast<std::size_t>(block.bits / 8);
  if (!std::ranges::equal(std::span(address).first(whole), std::span(block.prefix).first(whole))) {
    return false;
  }
  const int rest = block.bits % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
  return (address[whole] & mask) == (block.prefix[whole] & mask);
}

template <class Bytes, std::size_t n>
bool is_within_any(const Bytes& address, const std::array<Block<Bytes>, n>& blocks) {
  return std::ranges::any_of(blocks,
                             [&](const Block<Bytes>& block) { return is_within(address, block); });
}

}  // namespace

bool is_public_address(const Ipv4Bytes& address) { return !is_within_any(address, kNotPublic4); }

bool is_public_address(const Ipv6Bytes& address) {
  if (is_within(address, kNat64)) {
    return is_public_address(Ipv4Bytes{address[12], address[13], address[14], address[15]});
  }
  return is_within(address, kGlobalUnicast) && !is_within_any(address, kNotPublic6);
}

std::optional<bool> is_public_address(std::string_view literal) {
  const std::string text(literal);
  if (text.find('\0') != std::string::npos) return std::nullopt;
  Ipv4Bytes v4{};
  if (inet_pton(AF_INET, text.c_str(), v4.data()) == 1) return is_public_address(v4);
  Ipv6Bytes v6{};
  if (inet_pton(AF_INET6, text.c_str(), v6.data()) == 1) return is_public_address(v6);
  return std::nullopt;
}

}  // namespace quarry::http
