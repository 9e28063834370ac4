#include "sandbox/digest.h"

#include "base/bytes.h"
#include "http/message.h"

#include <openssl/evp.h>

#include <array>
#include <stdexcept>
#include <zlib.h>

namespace quarry::sandbox {
namespace {

class OpensslDigest final : public Digest {
 public:
  explicit OpensslDigest(const EVP_MD* kind) : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    if (!context_ || EVP_DigestInit_ex(context_.get(), kind, nullptr) != 1) {
      throw std::runtime_error("OpenSSL refused a digest");
    }
  }

  void update(std::span<const std::byte> bytes) override {
    if (EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1) {
      throw std::runtime_error("OpenSSL refused a digest");
    }
  }

  std::string finish() override {
    std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
    unsigned int size = 0;
    if (EVP_DigestFinal_ex(context_.get(), out.data(), &size) != 1) {
      throw std::runtime_error("OpenSSL refused a digest");
    }
    return {reinterpret_cast<const char*>(out.data()), size};
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

template <class Word>
std::string big_endian(Word value) {
  std::string out(sizeof(Word), '\0');
  for (std::size_t i = 0; i < sizeof(Word); ++i) {
    out[sizeof(Word) - 1 - i] = static_cast<char>((value >> (8 * i)) & 0xff);
  }
  return out;
}

class Crc32 final : public Digest {
 public:
  void update(std::span<const std::byte> bytes) override {
    value_ = crc32_z(value_, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  }
  std::string finish() override { return big_endian(static_cast<std::uint32_t>(value_)); }

 private:
  uLong value_ = crc32_z(0, nullptr, 0);
};

// Eight tables, so that eight bytes take one step ("slicing by 8").
template <class Word, Word kReflectedPolynomial>
class TableCrc final : public Digest {
 public:
  void update(std::span<const std::byte> bytes) override {
    const auto& table = tables();
    std::size_t at = 0;
    for (; at + 8 <= bytes.size(); at += 8) {
      std::uint64_t block = 0;
      for (std::size_t k = 0; k < 8; ++k) {
        block |= std::to_integer<std::uint64_t>(bytes[at + k]) << (8 * k);
      }
      block ^= value_;
      Word next = 0;
      for (std::size_t k = 0; k < 8; ++k) next ^= table[7 - k][(block >> (8 * k)) & 0xff];
      value_ = next;
    }
    for (; at < bytes.size(); ++at) {
      value_ = table[0][(value_ ^ std::to_integer<Word>(bytes[at])) & 0xff] ^ (value_ >> 8);
    }
  }
  std::string finish() override { return big_endian(static_cast<Word>(~value_)); }

 private:
  using Tables = std::array<std::array<Word, 256>, 8>;

  static const Tables& tables() {
    static const Tables made = [] {
      Tables table{};
      for (unsigned byte = 0; byte < 256; ++byte) {
        Word value = byte;
        for (int bit = 0; bit < 8; ++bit) {
          value = (value & 1) != 0 ? (value >> 1) ^ kReflectedPolynomial : value >> 1;
        }
        table[0][byte] = value;
      }
      for (std::size_t k = 1; k < 8; ++k) {
        for (std::size_t byte = 0; byte < 256; ++byte) {
          const Word previous = table[k - 1][byte];
          table[k][byte] = table[0][previous & 0xff] ^ (previous >> 8);
        }
      }
      return table;
    }();
    return made;
  }

  Word value_ = static_cast<Word>(~Word{0});
};

constexpr std::uint64_t kCrc32Polynomial = 0xEDB88320U;
constexpr std::uint32_t kCrc32cPolynomial = 0x82F63B78U;
constexpr std::uint64_t kCrc64NvmePolynomial = 0x9A6C9329AC4BC9B5ULL;

// A linear map of CRCs: what appending zero bits does to one (zlib's crc32_combine, for any width).
using BitMatrix = std::array<std::uint64_t, 64>;

std::uint64_t times(const BitMatrix& matrix, std::uint64_t vector) {
  std::uint64_t sum = 0;
  for (std::size_t row = 0; vector != 0; vector >>= 1, ++row) {
    if ((vector & 1) != 0) sum ^= matrix[row];
  }
  return sum;
}

BitMatrix squared(const BitMatrix& matrix, std::size_t width) {
  BitMatrix square{};
  for (std::size_t row = 0; row < width; ++row) square[row] = times(matrix, matrix[row]);
  return square;
}

std::uint64_t number_of(const std::string& raw) {
  std::uint64_t value = 0;
  for (const char c : raw) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

constexpr std::string_view kHeaderPrefix = "x-amz-checksum-";

struct Name {
  std::string_view lower;
  std::string_view upper;
  DigestKind kind;
};
constexpr std::array<Name, 5> kNames{{{"crc32", "CRC32", DigestKind::crc32},
                                      {"crc32c", "CRC32C", DigestKind::crc32c},
                                      {"sha1", "SHA1", DigestKind::sha1},
                                      {"sha256", "SHA256", DigestKind::sha256},
                                      {"crc64nvme", "CRC64NVME", DigestKind::crc64nvme}}};

const Name& name_of(DigestKind kind) {
  for (const Name& name : kNames) {
    if (name.kind == kind) return name;
  }
  throw std::logic_error("MD5 is no x-amz-checksum of the sandbox");
}

}  // namespace

std::optional<DigestKind> checksum_kind(std::string_view name) {
  if (name.size() > kHeaderPrefix.size() &&
      http::equal_ignoring_case(name.substr(0, kHeaderPrefix.size()), kHeaderPrefix)) {
    name.remove_prefix(kHeaderPrefix.size());
  }
  for (const Name& known : kNames) {
    if (http::equal_ignoring_case(name, known.lower)) return known.kind;
  }
  return std::nullopt;
}

std::string checksum_header(DigestKind kind) {
  return std::string(kHeaderPrefix) + std::string(name_of(kind).lower);
}

std::string checksum_name(DigestKind kind) { return std::string(name_of(kind).upper); }

std::unique_ptr<Digest> make_digest(DigestKind kind) {
  switch (kind) {
    case DigestKind::md5:
      return std::make_unique<OpensslDigest>(EVP_md5());
    case DigestKind::sha1:
      return std::make_unique<OpensslDigest>(EVP_sha1());
    case DigestKind::sha256:
      return std::make_unique<OpensslDigest>(EVP_sha256());
    case DigestKind::crc32:
      return std::make_unique<Crc32>();
    case DigestKind::crc32c:
      return std::make_unique<TableCrc<std::uint32_t, kCrc32cPolynomial>>();
    case DigestKind::crc64nvme:
      return std::make_unique<TableCrc<std::uint64_t, kCrc64NvmePolynomial>>();
  }
  throw std::logic_error("no such digest");
}

bool is_crc(DigestKind kind) {
  return kind == DigestKind::crc32 || kind == DigestKind::crc32c || kind == DigestKind::crc64nvme;
}

std::string joined_crc(DigestKind kind,
                       const std::string& crc_a,
                       const std::string& crc_b,
                       std::uint64_t size_b) {
  const std::size_t width = kind == DigestKind::crc64nvme ? 64 : 32;
  BitMatrix power{};  // of one zero bit
  power[0] = kind == DigestKind::crc32    ? kCrc32Polynomial
             : kind == DigestKind::crc32c ? kCrc32cPolynomial
                                          : kCrc64NvmePolynomial;
  for (std::size_t bit = 1; bit < width; ++bit) power[bit] = std::uint64_t{1} << (bit - 1);
  for (int doubling = 0; doubling < 3; ++doubling) power = squared(power, width);  // of one byte
  std::uint64_t crc = number_of(crc_a);
  for (; size_b != 0; size_b >>= 1, power = squared(power, width)) {
    if ((size_b & 1) != 0) crc = times(power, crc);
  }
  crc ^= number_of(crc_b);
  return width == 64 ? big_endian(crc) : big_endian(static_cast<std::uint32_t>(crc));
}

std::string digest_of(DigestKind kind, std::span<const std::byte> bytes) {
  auto digest = make_digest(kind);
  digest->update(bytes);
  return digest->finish();
}

}  // namespace quarry::sandbox
