#include "http/request_parser.h"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/status.hpp>

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
    if (rest.size() >= scheme.size() && equal_ignoring_case(rest.substr(0, scheme.size()), scheme)) {
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

// Beast's parser as a source of events: it stops after each of them because it is not eager.
class Parser final : public beast::http::basic_parser<true> {
 public:
  explicit Parser(std::size_t header_bytes_max) {
    header_limit(static_cast<std::uint32_t>(
        std::min<std::size_t>(header_bytes_max, std::numeric_limits<std::uint32_t>::max())));
    body_limit(boost::none);  // the connection counts
    eager(false);
  }

  ServerRequest request;
  View piece;
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
    if (is_header_done()) return;  // a trailer: nothing here has a use for one
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
    expects_continue = version >= 11 &&
                       equal_ignoring_case(headers.get("Expect").value_or(""), "100-continue");
    if (!ec) split_target(request);
  }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(View body, error_code&) override {
    piece = body;
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, View, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, View body, error_code&) override {
    piece = body;
    return body.size();
  }
  void on_finish_impl(error_code&) override {}
  void on_response_impl(int, View, int, error_code&) override {}

};

}  // namespace

struct RequestParser::Impl {
  explicit Impl(std::size_t bytes_max) : header_bytes_max(bytes_max) { parser.emplace(bytes_max); }

  std::size_t header_bytes_max;
  std::size_t header_bytes = 0;
  std::optional<Parser> parser;
};

RequestParser::RequestParser(std::size_t header_bytes_max)
    : impl_(std::make_unique<Impl>(header_bytes_max)) {}
RequestParser::~RequestParser() = default;

void RequestParser::reset() {
  impl_->parser.emplace(impl_->header_bytes_max);
  impl_->header_bytes = 0;
}

RequestParser::Step RequestParser::parse(std::span<const std::byte> bytes) {
  Parser& parser = *impl_->parser;
  std::size_t taken = 0;
  while (true) {
    const bool had_header = parser.is_header_done();
    if (had_header && parser.is_done()) return {Event::end, taken, {}};
    if (taken == bytes.size()) return {Event::need_more, taken, {}};
    const auto rest = bytes.subspan(taken);
    error_code ec;
    parser.piece = {};
    const std::size_t count = parser.put({rest.data(), rest.size()}, ec);
    taken += count;
    if (!had_header) {
      impl_->header_bytes += count;
      // Beast counts the request line and each field apart; together is what costs memory.
      const bool open = ec == beast::http::error::need_more;
      const std::size_t held = open ? rest.size() - count : 0;
      if (ec == beast::http::error::header_limit ||
          ((open || !ec) && impl_->header_bytes + held > impl_->header_bytes_max)) {
        return {Event::header_too_large, taken, {}};
      }
    }
    if (ec == beast::http::error::need_more) return {Event::need_more, taken, {}};
    if (ec) return {Event::malformed, taken, {}};
    if (!had_header && parser.is_header_done()) return {Event::header, taken, {}};
    if (!parser.piece.empty()) {
      return {Event::piece, taken, std::as_bytes(std::span(parser.piece.data(), parser.piece.size()))};
    }
  }
}

ServerRequest RequestParser::take_request() { return std::move(impl_->parser->request); }
bool RequestParser::keep_alive() const { return impl_->parser->keep_alive(); }
bool RequestParser::done() const { return impl_->parser->is_done(); }

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
  return known == http::status::unknown ? std::string_view() : std_view(http::obsolete_reason(known));
}

}  // namespace quarry::http
