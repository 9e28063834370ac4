#include "aws/s3_checksum.h"

#include "base/bytes.h"

#include <gtest/gtest.h>

#include <random>

namespace quarry::aws {
namespace {

std::string random_bytes(std::size_t count) {
  std::mt19937 engine(7);
  std::string bytes(count, '\0');
  for (char& c : bytes) c = static_cast<char>(engine());
  return bytes;
}

// The catalogue of CRC algorithms' "check" values, and facts of zlib.
TEST(Checksum, GivesThePublishedCheckValues) {
  EXPECT_EQ(crc32(as_bytes("123456789")), 0xcbf43926U);
  EXPECT_EQ(crc64nvme(as_bytes("123456789")), 0xae8b14860a799888ULL);
  EXPECT_EQ(crc32(as_bytes("")), 0U);
  EXPECT_EQ(crc64nvme(as_bytes("")), 0U);
  EXPECT_EQ(crc32(as_bytes(std::string(4096, '\0'))), 0xc71c0011U);  // python: zlib.crc32
}

TEST(Checksum, IsWrittenAsS3WritesIt) {
  EXPECT_EQ(crc32_text(as_bytes("hello")), "NhCmhg==");  // as boto3 sends it
  EXPECT_EQ(crc32_text(as_bytes("")), "AAAAAA==");
  EXPECT_EQ(crc64nvme_text(as_bytes("123456789")), "rosUhgp5mIg=");
}

TEST(Checksum, TheFastWayIsThePlainOneAtEveryLength) {
  const std::string bytes = random_bytes(1100);
  for (std::size_t length = 0; length <= 1000; ++length) {
    // Off by some bytes, so that nothing relies on alignment.
    const auto part = as_bytes(bytes).subspan(length % 17, length);
    ASSERT_EQ(crc32(part), crc32_portable(part)) << length;
    ASSERT_EQ(crc64nvme(part), crc64nvme_portable(part)) << length;
  }
}

TEST(Checksum, OneChangedBitChangesIt) {
  std::string bytes = random_bytes(8192);
  const auto before32 = crc32(as_bytes(bytes));
  const auto before64 = crc64nvme(as_bytes(bytes));
  for (const std::size_t at : {0UL, 63UL, 64UL, 4096UL, 8191UL}) {
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    EXPECT_NE(crc32(as_bytes(bytes)), before32) << at;
    EXPECT_NE(crc64nvme(as_bytes(bytes)), before64) << at;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
  }
}

TEST(Checksum, OfPartsIsThatOfTheirChecksums) {
  // python: base64.b64encode(zlib.crc32(zlib.crc32(b"a").to_bytes(4, "big") +
  // zlib.crc32(b"b").to_bytes(4, "big")).to_bytes(4, "big"))
  EXPECT_EQ(
      composite_crc32({{1, "e", crc32_text(as_bytes("a"))}, {2, "f", crc32_text(as_bytes("b"))}}),
      "7pJxdw==-2");
  EXPECT_EQ(composite_crc32({{1, "e", crc32_text(as_bytes("a"))}, {2, "f", ""}}), "");
}

}  // namespace
}  // namespace quarry::aws
