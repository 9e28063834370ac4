#pragma once
// Bytes as text and back, and the digests that S3 and SigV4 name. Pure.

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace quarry {

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Lower-case hex.
std::string hex(std::span<const std::byte> bytes);
std::string base64(std::span<const std::byte> bytes);
// Standard alphabet with padding (RFC 4648 4); nullopt if it is not that.
std::optional<std::string> base64_decode(std::string_view text);

using Sha256 = std::array<std::byte, 32>;
using Md5 = std::array<std::byte, 16>;
Sha256 sha256(std::span<const std::byte> bytes);
Sha256 hmac_sha256(std::span<const std::byte> key, std::span<const std::byte> bytes);
Md5 md5(std::span<const std::byte> bytes);
inline std::string sha256_hex(std::string_view text) { return hex(sha256(as_bytes(text))); }

// Equal in time that depends on the lengths only.
bool equal_constant_time(std::string_view a, std::string_view b);

// RFC 3986: everything but A-Z a-z 0-9 - . _ ~ becomes %XX; `/` stays where keep_slash.
std::string percent_encode(std::string_view text, bool keep_slash);
// %XX decoded; '+' stays '+'; nullopt on a broken escape.
std::optional<std::string> percent_decode(std::string_view text);

}  // namespace quarry
