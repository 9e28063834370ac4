#pragma once
// The reader of S3's aws-chunked bodies: signed chunks (STREAMING-AWS4-HMAC-SHA256-PAYLOAD), signed
// with a trailer (…-PAYLOAD-TRAILER), and unsigned with a trailer
// (STREAMING-UNSIGNED-PAYLOAD-TRAILER). Pure. Source: S3, "Signature calculations … transferring
// payload in multiple chunks".

#include "sandbox/digest.h"
#include "sandbox/signature.h"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace quarry::sandbox {

class AwsChunkedReader {
 public:
  using Sink = std::function<void(std::span<const std::byte>)>;

  AwsChunkedReader(Caller caller, bool signed_chunks, bool has_trailer);

  // Any split of the body. Gives the sink the decoded bytes as they come: a chunk's signature is
  // checked at its end, so what the sink got counts only once finish() has said yes.
  Answer<void> feed(std::span<const std::byte> bytes, const Sink& sink);
  // The body has ended. Faults: IncompleteBody, or SignatureDoesNotMatch of the trailer.
  Answer<void> finish();
  // The trailer's fields, names in lower case. After finish().
  const std::vector<std::pair<std::string, std::string>>& trailer() const { return trailer_; }

 private:
  enum class State { chunk_line, data, data_end, trailer, done };

  Answer<void> take_line(std::string_view line);
  Answer<void> begin_chunk(std::string_view line);
  Answer<void> end_chunk();
  Answer<void> end_trailer();

  Caller caller_;
  bool signed_chunks_;
  bool has_trailer_;
  State state_ = State::chunk_line;
  std::string line_;
  std::uint64_t chunk_left_ = 0;
  bool last_chunk_ = false;
  std::string chunk_signature_;
  std::string previous_signature_;
  std::unique_ptr<Digest> chunk_hash_;
  std::vector<std::pair<std::string, std::string>> trailer_;
  std::string trailer_signature_;
};

}  // namespace quarry::sandbox
