#include "aws/s3_checksum.h"

#include "base/bytes.h"

#include <array>
#include <cstring>
#include <limits>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace quarry::aws {

namespace {

// Both are "reflected": bit i of a register of width W stands for x^(W-1-i), the first bit of a
// message for its highest power. Both begin with all ones and end inverted.
template <class Word>
struct Crc {
  static constexpr int kWidth = std::numeric_limits<Word>::digits;
  static constexpr Word kPolynomial =
      kWidth == 32 ? Word{0xedb88320U} : static_cast<Word>(0x9a6c9329ac4bc9b5ULL);

  static constexpr Word times_x(Word word) {
    return static_cast<Word>((word >> 1) ^ ((word & 1) != 0 ? kPolynomial : Word{0}));
  }

  // kTables[k][b]: what byte b does to the register when k more bytes follow.
  static constexpr std::array<std::array<Word, 256>, 8> make_tables() {
    std::array<std::array<Word, 256>, 8> tables{};
    for (std::size_t b = 0; b < 256; ++b) {
      Word word = static_cast<Word>(b);
      for (int bit = 0; bit < 8; ++bit) word = times_x(word);
      tables[0][b] = word;
    }
    for (std::size_t k = 1; k < 8; ++k) {
      for (std::size_t b = 0; b < 256; ++b) {
        const Word before = tables[k - 1][b];
        tables[k][b] = static_cast<Word>((before >> 8) ^ tables[0][before & 0xff]);
      }
    }
    return tables;
  }
  static constexpr std::array<std::array<Word, 256>, 8> kTables = make_tables();

  // The register after these bytes, eight at a time.
  static Word update(Word word, std::span<const std::byte> bytes) {
    while (bytes.size() >= 8) {
      std::uint64_t eight = 0;
      std::memcpy(&eight, bytes.data(), 8);
      eight ^= word;
      word = 0;
      for (std::size_t k = 0; k < 8; ++k) word ^= kTables[7 - k][(eight >> (8 * k)) & 0xff];
      bytes = bytes.subspan(8);
    }
    for (const std::byte byte : bytes) {
      const auto index = (word ^ std::to_integer<Word>(byte)) & 0xff;
      word = static_cast<Word>((word >> 8) ^ kTables[0][index]);
    }
    return word;
  }

  // x^power modulo the polynomial, in a register of 64 bits.
  static constexpr std::uint64_t power_of_x(int power) {
    Word word = Word{1} << (kWidth - 1);
    for (int i = 0; i < power; ++i) word = times_x(word);
    return static_cast<std::uint64_t>(word) << (64 - kWidth);
  }
};

#if defined(__x86_64__)

constexpr std::size_t kLaneBytes = 16;
constexpr std::size_t kStripeBytes = 4 * kLaneBytes;

// A lane, moved on by the distance that `factors` are for, plus what lies there. Polynomials of
// equal remainder are as good as each other until the end, so 128 bits stand for all before them.
__attribute__((target("pclmul,sse2"))) inline __m128i fold(__m128i lane,
                                                           __m128i factors,
                                                           __m128i next) {
  const __m128i first = _mm_clmulepi64_si128(lane, factors, 0x00);
  const __m128i second = _mm_clmulepi64_si128(lane, factors, 0x11);
  return _mm_xor_si128(_mm_xor_si128(first, second), next);
}

__attribute__((target("pclmul,sse2"))) inline __m128i lane_at(const std::byte* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

// Carry-less multiplication, four lanes side by side. At least one stripe.
template <class Word>
__attribute__((target("pclmul,sse2"))) Word update_fast(Word word,
                                                        std::span<const std::byte> bytes) {
  // To move a lane by D bits: its first half times x^(D+64), its second times x^D; a product of
  // two reflected halves already stands one power too high.
  constexpr int kDistance = 8 * static_cast<int>(kStripeBytes);
  const __m128i factors =
      _mm_set_epi64x(static_cast<long long>(Crc<Word>::power_of_x(kDistance - 1)),
                     static_cast<long long>(Crc<Word>::power_of_x(kDistance + 63)));
  const std::byte* at = bytes.data();
  __m128i lanes[4];
  for (std::size_t i = 0; i < 4; ++i) lanes[i] = lane_at(at + i * kLaneBytes);
  // What the register holds is one more term of the first bits.
  lanes[0] = _mm_xor_si128(lanes[0], _mm_set_epi64x(0, static_cast<long long>(word)));
  bytes = bytes.subspan(kStripeBytes);
  while (bytes.size() >= kStripeBytes) {
    at = bytes.data();
    for (std::size_t i = 0; i < 4; ++i) {
      lanes[i] = fold(lanes[i], factors, lane_at(at + i * kLaneBytes));
    }
    bytes = bytes.subspan(kStripeBytes);
  }
  std::array<std::byte, kStripeBytes> stripe{};
  std::memcpy(stripe.data(), lanes, kStripeBytes);
  return Crc<Word>::update(Crc<Word>::update(0, stripe), bytes);
}

bool has_fast_way() {
  static const bool has = __builtin_cpu_supports("pclmul") != 0;
  return has;
}

template <class Word>
Word update(Word word, std::span<const std::byte> bytes) {
  if (bytes.size() < 2 * kStripeBytes || !has_fast_way()) return Crc<Word>::update(word, bytes);
  return update_fast(word, bytes);
}

#else

template <class Word>
Word update(Word word, std::span<const std::byte> bytes) {
  return Crc<Word>::update(word, bytes);
}

#endif

template <class Word>
std::string text_of(Word word) {
  std::array<std::byte, sizeof(Word)> bytes{};
  for (std::size_t i = 0; i < sizeof(Word); ++i) {
    bytes[sizeof(Word) - 1 - i] = static_cast<std::byte>(word >> (8 * i));
  }
  return base64(bytes);
}

}  // namespace

std::uint32_t crc32(std::span<const std::byte> bytes) { return ~update(~std::uint32_t{0}, bytes); }
std::uint64_t crc64nvme(std::span<const std::byte> bytes) {
  return ~update(~std::uint64_t{0}, bytes);
}
std::uint32_t crc32_portable(std::span<const std::byte> bytes) {
  return ~Crc<std::uint32_t>::update(~std::uint32_t{0}, bytes);
}
std::uint64_t crc64nvme_portable(std::span<const std::byte> bytes) {
  return ~Crc<std::uint64_t>::update(~std::uint64_t{0}, bytes);
}

std::string crc32_text(std::span<const std::byte> bytes) { return text_of(crc32(bytes)); }
std::string crc64nvme_text(std::span<const std::byte> bytes) { return text_of(crc64nvme(bytes)); }

std::string composite_crc32(const std::vector<PartTag>& parts) {
  std::string numbers;
  for (const PartTag& part : parts) {
    const auto number = base64_decode(part.checksum);
    if (!number || number->size() != sizeof(std::uint32_t)) return {};
    numbers += *number;
  }
  return crc32_text(as_bytes(numbers)) + "-" + std::to_string(parts.size());
}

}  // namespace quarry::aws
