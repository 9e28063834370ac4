#pragma once
// Digests and checksums that grow with the bytes: what ETag, x-amz-content-sha256 and
// x-amz-checksum-* need.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::sandbox {

enum class DigestKind { md5, sha1, sha256, crc32, crc32c, crc64nvme };

// "CRC32" or "x-amz-checksum-crc32" (any case) -> crc32. nullopt for algorithms that the sandbox
// has not.
std::optional<DigestKind> checksum_kind(std::string_view name);
// "x-amz-checksum-crc32"
std::string checksum_header(DigestKind kind);
// "CRC32"
std::string checksum_name(DigestKind kind);

class Digest {
 public:
  virtual ~Digest() = default;
  virtual void update(std::span<const std::byte> bytes) = 0;
  // The raw bytes, big-endian for checksums. Once, last.
  virtual std::string finish() = 0;
};

std::unique_ptr<Digest> make_digest(DigestKind kind);
// True for the CRCs: of bytes one after the other, they can be had from the pieces' own.
bool is_crc(DigestKind kind);
// The CRC of A then B from the raw CRCs of both and the size of B.
std::string joined_crc(DigestKind kind,
                       const std::string& crc_a,
                       const std::string& crc_b,
                       std::uint64_t size_b);
std::string digest_of(DigestKind kind, std::span<const std::byte> bytes);

}  // namespace quarry::sandbox
