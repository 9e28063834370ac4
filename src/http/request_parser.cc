#include "http/request_parser.h"

#include "http/chunk_decoder.h"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <limits>

namespace quarry::http {

namespace {

namespace beast = boost::beast;
using beast::error_code;
using View = beast::string_view;

std::string_view std_view(View view) { return {view.data(), view.size()}; }

// The path and the query of a request target in origin or absolute form (RFC 9112 3.2).
void split_target(ServerRequest& request) {
  std::string_view rest = request.target;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (rest.size() >= scheme.size() &&
        equal_ignoring_case(rest.substr(0, scheme.size()), scheme)) {
      rest.remove_prefix(scheme.size());
      rest.remove_prefix(std::min(rest.find_first_of("/?"), rest.size()));
      break;
    }
  }
  const std::size_t mark = rest.find('?');
  request.path = rest.substr(0, mark);
  if (mark != std::string_view::npos) request.query = rest.substr(mark + 1);
  if (request.path.empty()) request.path = "/";
}

// Beast's parser, for header sections only: the body after one is read here.
class Parser final : public beast::http::basic_parser<true> {
 public:
  explicit Parser(std::size_t header_bytes_max) {
    header_limit(static_cast<std::uint32_t>(
        std::min<std::size_t>(header_bytes_max, std::numeric_limits<std::uint32_t>::max())));
    body_limit(boost::none);  // the connection counts
    skip(true);
  }

  ServerRequest request;
  int version = 0;
  bool expects_continue = false;

 private:
  void on_request_impl(
      beast::http::verb, View method, View target, int number, error_code&) override {
    request.method = std_view(method);
    request.target = std_view(target);
    version = number;
  }
  void on_field_impl(beast::http::field, View field_name, View value, error_code& ec) override {
    if (value.find('\0') != View::npos) ec = beast::http::error::bad_value;
    request.headers.add(std::string(std_view(field_name)), std::string(std_view(value)));
  }
  // What Beast lets through and RFC 9112 forbids: ways to make two readers see different requests.
  void on_header_impl(error_code& ec) override {
    const auto& headers = request.headers;
    if (const auto encoding = headers.get("Transfer-Encoding")) {
      const bool plain = equal_ignoring_case(*encoding, "chunked");  // 6.1: chunked, and only that
      if (!plain || headers.count("Transfer-Encoding") != 1 || version < 11 ||
          headers.count("Content-Length") != 0) {
        ec = beast::http::error::bad_transfer_encoding;
      }
    }
    const std::size_t hosts = headers.count("Host");
    if (hosts > 1 || (hosts == 0 && version >= 11)) ec = beast::http::error::bad_field;  // 3.2
    expects_continue =
        version >= 11 && equal_ignoring_case(headers.get("Expect").value_or(""), "100-continue");
    if (!ec) split_target(request);
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(View, error_code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, View, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, View, error_code&) override { return 0; }
  void on_finish_impl(error_code&) override {}
  void on_response_impl(int, View, int, error_code&) override {}
};

}  // namespace

struct RequestParser::Impl {
  explicit Impl(std::size_t bytes_max) : header_bytes_max(bytes_max) { parser.emplace(bytes_max); }

  std::size_t header_bytes_max;
  std::size_t header_bytes = 0;
  std::optional<Parser> parser;
  std::uint64_t left = 0;  // of a sized body
  ChunkDecoder chunks;
  bool done = false;

  Step parse_header(std::span<const std::byte> bytes);
  Step parse_body(std::span<const std::byte> bytes);
  Step parse_chunks(std::span<const std::byte> bytes);
};

RequestParser::RequestParser(std::size_t header_bytes_max)
    : impl_(std::make_unique<Impl>(header_bytes_max)) {}
RequestParser::~RequestParser() = default;

void RequestParser::reset() {
  impl_->parser.emplace(impl_->header_bytes_max);
  impl_->header_bytes = 0;
  impl_->left = 0;
  impl_->chunks = {};
  impl_->done = false;
}

RequestParser::Step RequestParser::parse(std::span<const std::byte> bytes) {
  if (impl_->done) return {Event::end, 0, {}};
  if (bytes.empty()) return {Event::need_more, 0, {}};
  if (!impl_->parser->is_header_done()) return impl_->parse_header(bytes);
  return impl_->parser->chunked() ? impl_->parse_chunks(bytes) : impl_->parse_body(bytes);
}

RequestParser::Step RequestParser::Impl::parse_header(std::span<const std::byte> bytes) {
  error_code ec;
  const std::size_t taken = parser->put({bytes.data(), bytes.size()}, ec);
  header_bytes += taken;
  const bool open = ec == beast::http::error::need_more;
  // Beast bounds the request line and the fields each for itself; together is what costs memory.
  const std::size_t held = open ? bytes.size() - taken : 0;
  if (ec == beast::http::error::header_limit ||
      ((open || !ec) && header_bytes + held > header_bytes_max)) {
    return {Event::header_too_large, taken, {}};
  }
  if (open) return {Event::need_more, taken, {}};
  if (ec) return {Event::malformed, taken, {}};
  left = parser->chunked() ? 0 : parser->content_length().value_or(0);
  done = !parser->chunked() && left == 0;
  return {Event::header, taken, {}};
}

RequestParser::Step RequestParser::Impl::parse_body(std::span<const std::byte> bytes) {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left, bytes.size()));
  left -= count;
  done = left == 0;
  return {Event::piece, count, bytes.first(count)};
}

RequestParser::Step RequestParser::Impl::parse_chunks(std::span<const std::byte> bytes) {
  const auto step = chunks.decode(bytes);
  switch (step.event) {
    case ChunkDecoder::Event::need_more:
      return {Event::need_more, step.taken, {}};
    case ChunkDecoder::Event::piece:
      return {Event::piece, step.taken, step.piece};
    case ChunkDecoder::Event::malformed:
      return {Event::malformed, step.taken, {}};
    case ChunkDecoder::Event::end:
      break;
  }
  done = true;
  return {Event::end, step.taken, {}};
}

ServerRequest RequestParser::take_request() { return std::move(impl_->parser->request); }
bool RequestParser::keep_alive() const { return impl_->parser->keep_alive(); }
bool RequestParser::done() const { return impl_->done; }

bool RequestParser::http11() const { return impl_->parser->version >= 11; }
bool RequestParser::expects_continue() const { return impl_->parser->expects_continue; }

std::optional<std::uint64_t> RequestParser::content_length() const {
  const auto length = impl_->parser->content_length();
  if (!length) return std::nullopt;
  return *length;
}

std::string_view reason_phrase(int status) {
  namespace http = beast::http;
  const http::status known = http::int_to_status(static_cast<unsigned>(status));
  return known == http::status::unknown ? std::string_view()
                                        : std_view(http::obsolete_reason(known));
}

}  // namespace quarry::http
