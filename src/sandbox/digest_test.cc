// The checksum of a whole from those of its pieces.

#include "sandbox/digest.h"

#include "base/bytes.h"

#include <gtest/gtest.h>

namespace quarry::sandbox {
namespace {

class JoinedCrc : public ::testing::TestWithParam<DigestKind> {};

TEST_P(JoinedCrc, IsTheCrcOfBothPiecesWhereverTheCutIs) {
  std::string whole;
  for (int i = 0; i < 5000; ++i) whole.push_back(static_cast<char>(i * i >> 3));
  const auto crc = [](std::string_view text) { return digest_of(GetParam(), as_bytes(text)); };
  for (const std::size_t cut : {0U, 1U, 7U, 8U, 255U, 4096U, 4999U, 5000U}) {
    const std::string_view text = whole;
    EXPECT_EQ(
        joined_crc(GetParam(), crc(text.substr(0, cut)), crc(text.substr(cut)), whole.size() - cut),
        crc(whole))
        << cut;
  }
  EXPECT_NE(joined_crc(GetParam(), crc("ab"), crc("cd"), 1), crc("abcd"));
}

INSTANTIATE_TEST_SUITE_P(Kinds,
                         JoinedCrc,
                         ::testing::Values(DigestKind::crc32,
                                           DigestKind::crc32c,
                                           DigestKind::crc64nvme),
                         [](const auto& row) { return checksum_name(row.param); });

TEST(IsCrc, HoldsForThoseThatCanBeJoined) {
  EXPECT_TRUE(is_crc(DigestKind::crc32c));
  EXPECT_FALSE(is_crc(DigestKind::sha256));
}

}  // namespace
}  // namespace quarry::sandbox
