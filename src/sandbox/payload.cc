#include "sandbox/payload.h"

#include <charconv>

namespace quarry::sandbox {
namespace {

constexpr std::uint64_t kPutBytesMax = std::uint64_t{5} << 30;  // a single PUT or part: 5 GiB

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || at != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_sha256_hex(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

Answer<Payload> Payload::expect(const http::Headers& headers, const Caller& caller) {
  Payload payload;
  payload.md5_ = make_digest(DigestKind::md5);
  const std::string_view declared =
      headers.get("x-amz-content-sha256").value_or("UNSIGNED-PAYLOAD");
  const bool streaming = declared.starts_with("STREAMING-");
  if (streaming) {
    const bool trailer = declared.ends_with("-TRAILER");
    const bool is_signed = declared.starts_with("STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    if (!is_signed && declared != "STREAMING-UNSIGNED-PAYLOAD-TRAILER") {
      return refuse(501, "NotImplemented",
                    "A header you provided implies functionality that is not implemented");
    }
    payload.chunked_ = std::make_unique<AwsChunkedReader>(caller, is_signed, trailer);
  } else if (is_sha256_hex(declared)) {
    payload.declared_sha256_ = declared;
    payload.sha256_ = make_digest(DigestKind::sha256);
  } else if (declared != "UNSIGNED-PAYLOAD") {
    return refuse(400, "InvalidArgument",
                  "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, "
                  "STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, "
                  "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, or a valid sha256 value.");
  }
  const auto length = headers.get(streaming ? "x-amz-decoded-content-length" : "content-length");
  if (!length) {
    return refuse(411, "MissingContentLength", "You must provide the Content-Length HTTP header.");
  }
  payload.expected_size_ = number_of(*length);
  if (!payload.expected_size_) {
    return refuse(400, "InvalidArgument", "The length of the body is not a number.");
  }
  if (*payload.expected_size_ > kPutBytesMax) {
    return refuse(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size");
  }
  if (auto right = payload.expect_integrity(headers); !right) {
    return std::unexpected(std::move(right.error()));
  }
  return payload;
}

Answer<void> Payload::expect_integrity(const http::Headers& headers) {
  if (const auto md5 = headers.get("content-md5")) {
    const auto raw = base64_decode(*md5);
    if (!raw || raw->size() != 16) {
      return refuse(400, "InvalidDigest", "The Content-MD5 you specified was invalid.");
    }
    content_md5_ = *raw;
  }
  const auto begin = [this](DigestKind kind) {
    if (checksum_) return false;
    checksum_kind_ = kind;
    checksum_ = make_digest(kind);
    return true;
  };
  for (const auto& [name, value] : headers.fields()) {
    const auto kind =
        name.size() > 15 && http::equal_ignoring_case(name.substr(0, 15), "x-amz-checksum-")
            ? checksum_kind(name)
            : std::nullopt;
    if (!kind) continue;
    if (!begin(*kind)) {
      return refuse(
          400, "InvalidRequest",
          "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.");
    }
    const auto raw = base64_decode(value);
    if (!raw || raw->size() != make_digest(*kind)->finish().size()) {
      return refuse(400, "InvalidRequest",
                    "Value for " + checksum_header(*kind) + " header is invalid.");
    }
    checksum_value_ = value;
  }
  if (const auto trailer = headers.get("x-amz-trailer"); trailer && chunked_ && !checksum_) {
    if (const auto kind = checksum_kind(*trailer)) {
      begin(*kind);
      checksum_in_trailer_ = true;
    }
  }
  return {};
}

void Payload::compute(DigestKind kind) {
  if (checksum_) return;
  checksum_kind_ = kind;
  checksum_ = make_digest(kind);
  checksum_only_computed_ = true;
}

Answer<void> Payload::consume(std::span<const std::byte> bytes, const Sink& sink) {
  const auto take = [&](std::span<const std::byte> piece) {
    size_ += piece.size();
    md5_->update(piece);
    if (checksum_) checksum_->update(piece);
    sink(piece);
  };
  if (chunked_) {
    if (auto fed = chunked_->feed(bytes, take); !fed) return fed;
  } else {
    if (sha256_) sha256_->update(bytes);
    take(bytes);
  }
  if (size_ > *expected_size_) {
    return refuse(
        400, "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header");
  }
  return {};
}

Answer<PayloadSummary> Payload::finish() {
  if (chunked_) {
    if (auto ended = chunked_->finish(); !ended) return std::unexpected(std::move(ended.error()));
    if (checksum_in_trailer_) {
      for (const auto& [name, value] : chunked_->trailer()) {
        if (name == checksum_header(checksum_kind_)) checksum_value_ = value;
      }
    }
  }
  if (size_ != *expected_size_) {
    return refuse(
        400, "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header");
  }
  PayloadSummary summary{.size = size_, .md5 = md5_->finish(), .checksum = {}};
  if (sha256_) {
    const std::string computed = hex(as_bytes(sha256_->finish()));
    if (computed != declared_sha256_) {
      auto fault =
          refuse(400, "XAmzContentSHA256Mismatch",
                 "The provided 'x-amz-content-sha256' header does not match what was computed.");
      fault.error().details = {{"ClientComputedContentSHA256", declared_sha256_},
                               {"S3ComputedContentSHA256", computed}};
      return fault;
    }
  }
  if (!content_md5_.empty() && content_md5_ != summary.md5) {
    return refuse(400, "BadDigest",
                  "The Content-MD5 you specified did not match what we received.");
  }
  if (auto right = check_checksum(summary); !right)
    return std::unexpected(std::move(right.error()));
  return summary;
}

Answer<void> Payload::check_checksum(PayloadSummary& summary) {
  if (!checksum_) return {};
  std::string computed = base64(as_bytes(checksum_->finish()));
  if (checksum_only_computed_) checksum_value_ = computed;
  if (checksum_value_.empty()) {
    return refuse(400, "InvalidRequest", "The trailer that x-amz-trailer names is missing.");
  }
  if (computed != checksum_value_) {
    return refuse(400, "BadDigest",
                  "The " + checksum_name(checksum_kind_) +
                      " you specified did not match the calculated checksum.");
  }
  summary.checksum = Checksum{.kind = checksum_kind_, .value = std::move(computed)};
  return {};
}

}  // namespace quarry::sandbox
