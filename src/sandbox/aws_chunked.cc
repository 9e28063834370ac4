#include "sandbox/aws_chunked.h"

#include <algorithm>
#include <charconv>

namespace quarry::sandbox {
namespace {

constexpr std::size_t kLineBytesMax = 16 * 1024;
constexpr std::size_t kTrailerFieldsMax = 16;
constexpr std::string_view kSignatureMark = ";chunk-signature=";

std::unexpected<Fault> broken() {
  return refuse(400, "IncompleteBody", "The request body terminated unexpectedly");
}

std::unexpected<Fault> mismatch() {
  return refuse(403, "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. "
                "Check your key and signing method.");
}

}  // namespace

AwsChunkedReader::AwsChunkedReader(Caller caller, bool signed_chunks, bool has_trailer)
    : caller_(std::move(caller)),
      signed_chunks_(signed_chunks),
      has_trailer_(has_trailer),
      previous_signature_(caller_.signature) {}

Answer<void> AwsChunkedReader::feed(std::span<const std::byte> bytes, const Sink& sink) {
  while (!bytes.empty()) {
    if (state_ == State::done) return broken();
    if (state_ == State::data) {
      const auto count =
          static_cast<std::size_t>(std::min<std::uint64_t>(chunk_left_, bytes.size()));
      const auto piece = bytes.first(count);
      if (chunk_hash_) chunk_hash_->update(piece);
      sink(piece);
      bytes = bytes.subspan(count);
      chunk_left_ -= count;
      if (chunk_left_ == 0) state_ = State::data_end;
      continue;
    }
    const std::string_view text = as_text(bytes);
    const std::size_t end = text.find('\n');
    const std::size_t count = end == std::string_view::npos ? text.size() : end;
    if (line_.size() + count > kLineBytesMax) return broken();
    line_.append(text.substr(0, count));
    bytes = bytes.subspan(end == std::string_view::npos ? count : count + 1);
    if (end == std::string_view::npos) continue;
    if (line_.ends_with('\r')) line_.pop_back();
    const std::string line = std::exchange(line_, {});
    if (auto taken = take_line(line); !taken) return taken;
  }
  return {};
}

Answer<void> AwsChunkedReader::take_line(std::string_view line) {
  if (state_ == State::chunk_line) return begin_chunk(line);
  if (state_ == State::data_end) return line.empty() ? end_chunk() : broken();
  // The trailer, or the blank line after the last chunk of a body without one.
  if (line.empty()) return end_trailer();
  const std::size_t colon = line.find(':');
  if (!has_trailer_ || colon == std::string_view::npos || trailer_.size() == kTrailerFieldsMax) {
    return broken();
  }
  std::string name(line.substr(0, colon));
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  std::string_view value = line.substr(colon + 1);
  while (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "x-amz-trailer-signature") {
    trailer_signature_ = value;
  } else {
    trailer_.emplace_back(std::move(name), value);
  }
  return {};
}

Answer<void> AwsChunkedReader::begin_chunk(std::string_view line) {
  const std::size_t mark = line.find(';');
  const std::string_view size = line.substr(0, mark);
  const auto [at, error] = std::from_chars(size.data(), size.data() + size.size(), chunk_left_, 16);
  if (size.empty() || error != std::errc{} || at != size.data() + size.size()) return broken();
  chunk_signature_.clear();
  if (signed_chunks_) {
    if (mark == std::string_view::npos || !line.substr(mark).starts_with(kSignatureMark)) {
      return mismatch();
    }
    chunk_signature_ = line.substr(mark + kSignatureMark.size());
    chunk_hash_ = make_digest(DigestKind::sha256);
  }
  last_chunk_ = chunk_left_ == 0;
  if (last_chunk_) return end_chunk();
  state_ = State::data;
  return {};
}

Answer<void> AwsChunkedReader::end_chunk() {
  if (signed_chunks_) {
    const std::string expected =
        chunk_signature(caller_, "AWS4-HMAC-SHA256-PAYLOAD", previous_signature_,
                        hex(as_bytes(chunk_hash_->finish())));
    chunk_hash_.reset();
    if (!equal_constant_time(expected, chunk_signature_)) return mismatch();
    previous_signature_ = expected;
  }
  state_ = last_chunk_ ? State::trailer : State::chunk_line;
  return {};
}

Answer<void> AwsChunkedReader::end_trailer() {
  state_ = State::done;
  if (!signed_chunks_ || !has_trailer_) return {};
  std::string canonical;
  for (const auto& [name, value] : trailer_)
    canonical.append(name).append(":").append(value).append("\n");
  const std::string expected = chunk_signature(caller_, "AWS4-HMAC-SHA256-TRAILER",
                                               previous_signature_, sha256_hex(canonical));
  if (!equal_constant_time(expected, trailer_signature_)) return mismatch();
  return {};
}

Answer<void> AwsChunkedReader::finish() {
  // Some clients leave the last blank line out.
  if (state_ == State::trailer && line_.empty()) return end_trailer();
  if (state_ != State::done) return broken();
  return {};
}

}  // namespace quarry::sandbox
