#include "aws/s3_range.h"

#include "aws/s3_checksum.h"
#include "aws/s3_xml.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

namespace quarry::aws {

namespace {

using http::ClientResponse;

// How often one call begins anew because the object changed under it, or because its bytes were not
// those of its checksum. More than that is no accident.
constexpr int kRestartsMax = 1;

std::optional<std::uint64_t> number(std::string_view digits) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

// "bytes 0-9/100" -> {0, 9, 100}; "bytes */100" -> {nullopt, nullopt, 100}.
struct ContentRange {
  std::optional<std::uint64_t> first, last, total;
};
ContentRange content_range(const ClientResponse& response) {
  ContentRange out;
  std::string_view text = response.headers.get("Content-Range").value_or("");
  if (!text.starts_with("bytes ")) return out;
  text.remove_prefix(6);
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return out;
  out.total = number(text.substr(slash + 1));
  const std::size_t dash = std::min(text.find('-'), slash);
  out.first = number(text.substr(0, dash));
  if (dash < slash) out.last = number(text.substr(dash + 1, slash - dash - 1));
  return out;
}

std::string etag_of(const ClientResponse& response) {
  return strip_etag(response.headers.get("ETag").value_or(""));
}

// What has come of one range so far.
class Window {
 public:
  Window(std::uint64_t offset, std::span<std::byte> buffer, std::string if_match)
      : offset_(offset), buffer_(buffer), if_match_(std::move(if_match)) {}

  // Asks for what is left.
  void aim(AwsRequest& get) const {
    get.headers.set("Range",
                    fmt::format("bytes={}-{}", offset_ + filled_, offset_ + buffer_.size() - 1));
    // What comes must go on where the same object stopped.
    const std::string& etag = filled_ > 0 ? etag_ : if_match_;
    if (!etag.empty()) get.headers.set("If-Match", "\"" + etag + "\"");
    get.response_buffer = buffer_.subspan(filled_);
  }

  // Keeps the bytes of an answer that was cut, if it is sure what they are. False: nothing was won.
  bool keep(const ClientResponse& partial) {
    const ContentRange range = content_range(partial);
    const std::string etag = etag_of(partial);
    if (partial.status != 206 || range.first != offset_ + filled_ || etag.empty()) return false;
    if (filled_ > 0 && etag != etag_) return false;
    // A byte is left to ask for, so that there is an answer that ends as it should.
    const std::size_t room = buffer_.size() - filled_;
    const std::size_t bytes = std::min(partial.buffer_bytes, room - 1);
    if (bytes == 0) return false;
    note_first(partial, etag);
    filled_ += bytes;
    return true;
  }

  // The whole range, of which this is the last answer. nullopt: it is shorter than it says, and
  // what came is kept. Errors: upstream, corrupt.
  Result<std::optional<RangeRead>> finish(const ClientResponse& response) {
    const std::string etag = etag_of(response);
    if (response.status != 206) {
      // The whole object: an empty one, or a server that knows no ranges.
      if (offset_ + filled_ != 0) return fail(Errc::upstream, "the server ignored Range");
      note_first(response, etag);
      filled_ = response.buffer_bytes;
      return RangeRead{.bytes = filled_, .object_bytes = filled_, .etag = etag};
    }
    const ContentRange range = content_range(response);
    const std::uint64_t begin = offset_ + filled_;
    const bool fits = range.first == begin && range.last && range.total && *range.last >= begin &&
                      (filled_ == 0 || etag == etag_);
    if (fits && *range.last - begin + 1 == response.buffer_bytes) {
      note_first(response, etag);
      filled_ += response.buffer_bytes;
      return RangeRead{.bytes = filled_, .object_bytes = *range.total, .etag = etag};
    }
    if (fits && response.buffer_bytes < *range.last - begin + 1 && keep(response)) {
      return std::nullopt;
    }
    return fail(Errc::corrupt, "Content-Range does not match the bytes asked for and sent");
  }

  // Forgets what came.
  void restart() {
    filled_ = 0;
    etag_.clear();
    crc32_.clear();
    crc64nvme_.clear();
  }

  bool empty() const { return filled_ == 0; }
  // Whether an etag is asked for that the caller did not name.
  bool holds_own_etag() const { return filled_ > 0 && if_match_.empty(); }
  bool has_checksum() const { return !crc32_.empty() || !crc64nvme_.empty(); }
  // Of the whole object, which lies in the buffer. Any thread.
  bool checksum_fits(std::size_t bytes) const {
    const auto object = std::span<const std::byte>(buffer_).first(bytes);
    if (!crc64nvme_.empty()) return crc64nvme_text(object) == crc64nvme_;
    return crc32_text(object) == crc32_;
  }

 private:
  void note_first(const ClientResponse& response, const std::string& etag) {
    if (filled_ > 0) return;
    etag_ = etag;
    crc32_ = whole_checksum(response, "x-amz-checksum-crc32");
    crc64nvme_ = whole_checksum(response, "x-amz-checksum-crc64nvme");
  }

  // "" where there is none, or one made of the parts' ("…-N"), which cannot be told from the bytes.
  static std::string whole_checksum(const ClientResponse& response, const char* field) {
    const auto type = response.headers.get("x-amz-checksum-type");
    const std::string text(response.headers.get(field).value_or(""));
    const bool composite = (type && *type != "FULL_OBJECT") || text.contains('-');
    return composite ? std::string() : text;
  }

  std::uint64_t offset_;
  std::span<std::byte> buffer_;
  std::string if_match_;
  std::size_t filled_ = 0;
  std::string etag_;  // of the bytes that came
  std::string crc32_, crc64nvme_;
};

// Nothing lies at `offset`: right at the end, and so in every empty object, that is no error.
Task<RangeRead> past_the_end(
    S3Caller& caller, S3Uri object, AwsReply reply, std::uint64_t offset, Deadline deadline) {
  auto total = content_range(reply.response).total;
  if (const auto body = parse_s3_error(reply.response.body); !total && body) {
    total = number(body->actual_object_size);
  }
  // Some servers say no size. Where not even the first byte is, there is none.
  if (!total && offset == 0) total = 0;
  if (!total) {
    auto head =
        co_await caller.call(caller.request("HeadObject", "HEAD", object), object.bucket, deadline);
    if (!head) co_return fail(std::move(head.error()));
    total = number(head->headers.get("Content-Length").value_or(""));
  }
  if (total == offset) {
    co_return RangeRead{.bytes = 0, .object_bytes = offset, .etag = etag_of(reply.response)};
  }
  co_return fail(to_error(Errc::invalid_request, *reply.failure, "GetObject", to_string(object)));
}

// True where there is nothing to hold the bytes to.
Awaitable<bool> checked(S3Caller& caller, const Window& window, const RangeRead& read) {
  if (!window.has_checksum() || read.bytes != read.object_bytes) co_return true;
  const std::size_t bytes = read.bytes;
  if (bytes <= kInlineBytesMax) co_return window.checksum_fits(bytes);
  co_return co_await run_blocking(caller.pool(),
                                  [&window, bytes] { return window.checksum_fits(bytes); });
}

}  // namespace

Task<RangeRead> read_range(S3Caller& caller,
                           S3Uri object,
                           std::uint64_t offset,
                           std::span<std::byte> buffer,
                           std::string if_match,
                           Deadline deadline) {
  if (buffer.empty()) co_return fail(Errc::internal, "get_range into an empty buffer");
  Window window(offset, buffer, std::move(if_match));
  for (int restarts = 0;;) {
    AwsRequest get = caller.request("GetObject", "GET", object);
    if (offset == 0 && caller.options().verify_checksums) {
      get.headers.set("x-amz-checksum-mode", "ENABLED");
    }
    window.aim(get);
    get.resume = [&window](AwsRequest& again, const ClientResponse& partial) {
      if (!window.keep(partial)) return false;
      window.aim(again);
      return true;
    };
    const S3Label label = label_of(get, object.bucket);
    auto reply = co_await caller.send(std::move(get), deadline);
    if (!reply) co_return fail(std::move(reply.error()));
    if (reply->failure) {
      const int status = reply->failure->status;
      if (status == 416 && window.empty()) {
        co_return co_await past_the_end(caller, std::move(object), std::move(*reply), offset,
                                        deadline);
      }
      // Another object lies there by now, which a caller without an etag takes as well. 416: it is
      // shorter than what came of the first, and the server knows no If-Match.
      const bool changed = status == 412 || status == 416;
      if (!changed || !window.holds_own_etag() || restarts++ == kRestartsMax) {
        Error refusal = s3_refusal(*std::move(reply->failure), label, caller.options());
        if (status != 416) co_return fail(std::move(refusal));
        co_return fail(Errc::conflict, "the object became shorter while it was read: " +
                                           std::move(refusal).message());
      }
      window.restart();
      continue;
    }
    auto read = window.finish(reply->response);
    if (!read) co_return fail(std::move(read.error()).within("GetObject " + label.subject));
    if (!*read) continue;
    if (co_await checked(caller, window, **read)) co_return std::move(**read);
    if (restarts++ == kRestartsMax) {
      co_return fail(Error(Errc::corrupt, "GetObject " + label.subject +
                                              ": the bytes are not those of S3's checksum")
                         .reason(kChecksumMismatch));
    }
    window.restart();
  }
}

}  // namespace quarry::aws
