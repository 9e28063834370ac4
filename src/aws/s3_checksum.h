#pragma once
// The checksums that S3 keeps of objects (S3 user guide, "Checking object integrity"): CRC-32 as of
// zip files, which Quarry sends, and CRC-64/NVME, which S3 makes of what came without one. Pure.

#include "aws/s3_client.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::aws {

// As S3 writes them: base64 of the number, its highest byte first.
std::string crc32_text(std::span<const std::byte> bytes);
std::string crc64nvme_text(std::span<const std::byte> bytes);

// The composite CRC-32 of an object of these parts: that of the parts' own, then "-" and how many.
// "" where a part has none.
std::string composite_crc32(const std::vector<PartTag>& parts);

// Exposed for tests, which hold the fast way to the plain one.
std::uint32_t crc32(std::span<const std::byte> bytes);
std::uint64_t crc64nvme(std::span<const std::byte> bytes);
std::uint32_t crc32_portable(std::span<const std::byte> bytes);
std::uint64_t crc64nvme_portable(std::span<const std::byte> bytes);

}  // namespace quarry::aws
