#include "http/transfer.h"

#include "base/bytes.h"
#include "http/public_address.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <netinet/in.h>
#include <sys/socket.h>
#include <system_error>

namespace quarry::http {

namespace {

// libcurl's largest; its 16 and 64 KiB cost a turn of its state machine each.
constexpr long kReceiveBufferBytes = 512 * 1024;
constexpr long kUploadBufferBytes = 512 * 1024;
constexpr long kSmallBufferBytes = 16 * 1024;  // of requests whose answer's body nobody wants
// An error's body is small; a bound of its own keeps it whole where the caller expects only a few
// bytes.
constexpr std::size_t kErrorBodyBytesMax = std::size_t{1} << 20;

bool is_client_field(std::string_view field_name) {
  constexpr std::array<std::string_view, 4> kOurs = {"Host", "Content-Length", "Transfer-Encoding",
                                                     "Expect"};
  return std::ranges::any_of(
      kOurs, [&](std::string_view ours) { return equal_ignoring_case(ours, field_name); });
}

bool has_body(const ClientRequest& request) {
  return !request.body.empty() || request.body_source || request.method == "PUT" ||
         request.method == "POST" || request.method == "PATCH";
}

bool is_public(const curl_sockaddr& address) {
  if (address.family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address.addr, sizeof v4);
    Ipv4Bytes bytes{};
    std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
    return is_public_address(bytes);
  }
  if (address.family == AF_INET6 && address.addrlen >= sizeof(sockaddr_in6)) {
    sockaddr_in6 v6{};
    // libcurl's struct ends in a sockaddr, behind which there is room for any address.
    std::memcpy(&v6, static_cast<const void*>(&address.addr), sizeof v6);
    Ipv6Bytes bytes{};
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return is_public_address(bytes);
  }
  return false;
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace

std::string_view host_of(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme != std::string_view::npos) url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  const std::size_t user = url.rfind('@');
  if (user != std::string_view::npos) url.remove_prefix(user + 1);
  return url;
}

Transfer::Transfer(ClientRequest request, Deadline deadline)
    : request_(std::move(request)), deadline_(deadline) {}

Result<void> Transfer::prepare(CurlHandle easy, const ClientOptions& options) {
  easy_ = std::move(easy);
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_.remaining());
  if (left.count() <= 0) return fail(error_of(CURLE_OPERATION_TIMEDOUT));
  const auto connect = std::chrono::milliseconds(options.connect_timeout);
  CURLcode code = CURLE_OK;
  const auto set = [&](CURLoption option, auto value) {
    if (code == CURLE_OK) code = curl_easy_setopt(easy_.get(), option, value);
  };
  set(CURLOPT_PRIVATE, this);
  set(CURLOPT_URL, request_.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_NOSIGNAL, 1L);
  // A name server that does not answer would else hold up every transfer of this thread.
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_NOPROGRESS, 1L);
  set(CURLOPT_TCP_NODELAY, 1L);
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(left.count()));
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(connect.count()));
  set(CURLOPT_BUFFERSIZE, request_.discard_body ? kSmallBufferBytes : kReceiveBufferBytes);
  set(CURLOPT_ERRORBUFFER, curl_message_.data());
  // The second of each two is of a proxy that is spoken to by TLS.
  const char* const bundle = options.ca_bundle.c_str();
  if (std::error_code no; std::filesystem::is_directory(options.ca_bundle, no)) {
    const char* const no_file = nullptr;  // libcurl's own would be trusted beside the directory
    set(CURLOPT_CAINFO, no_file);
    set(CURLOPT_PROXY_CAINFO, no_file);
    set(CURLOPT_CAPATH, bundle);
    set(CURLOPT_PROXY_CAPATH, bundle);
  } else if (!options.ca_bundle.empty()) {
    set(CURLOPT_CAINFO, bundle);
    set(CURLOPT_PROXY_CAINFO, bundle);
  }
  if (request_.direct || request_.public_addresses_only) set(CURLOPT_NOPROXY, "*");
  if (request_.public_addresses_only) {
    set(CURLOPT_OPENSOCKETFUNCTION, &Transfer::on_open_socket);
    set(CURLOPT_OPENSOCKETDATA, this);
    // One that another request made was not looked at.
    set(CURLOPT_FRESH_CONNECT, 1L);
    set(CURLOPT_FORBID_REUSE, 1L);
  }
  set(CURLOPT_WRITEFUNCTION, &Transfer::on_write);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(CURLOPT_HEADERDATA, this);
  if (code != CURLE_OK) {
    return fail(Errc::internal, fmt::format("libcurl: {}", curl_easy_strerror(code)));
  }
  set_body();
  return set_headers(options);
}

Result<void> Transfer::set_headers(const ClientOptions& options) {
  const auto append = [this](const std::string& line) {
    curl_slist* longer = curl_slist_append(header_list_.get(), line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    header_list_.release();  // NOLINT: the longer list holds it
    header_list_.reset(longer);
  };
  bool own_agent = false;
  for (const auto& [field_name, value] : request_.headers.fields()) {
    if (is_client_field(field_name)) continue;
    constexpr std::string_view kBreaks{"\r\n\0", 3};
    if (field_name.empty() || field_name.find_first_of(":;\r\n ") != std::string::npos ||
        value.find_first_of(kBreaks) != std::string::npos) {
      return fail(Errc::invalid_request,
                  fmt::format("{}: a header field cannot be sent", host_of(request_.url)));
    }
    own_agent = own_agent || equal_ignoring_case(field_name, "User-Agent");
    // libcurl takes "Name:" as "leave it out", and "Name;" as an empty value.
    append(value.empty() ? field_name + ";" : field_name + ": " + value);
  }
  if (!own_agent) append("User-Agent: " + options.user_agent);
  append("Expect:");
  curl_easy_setopt(easy_.get(), CURLOPT_HTTPHEADER, header_list_.get());
  return {};
}

void Transfer::set_body() {
  CURL* easy = easy_.get();
  if (request_.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    return;
  }
  if (has_body(request_)) {
    const auto size = request_.body_source ? request_.body_size
                                           : std::optional<std::uint64_t>(request_.body.size());
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE,
                     request_.discard_body ? kSmallBufferBytes : kUploadBufferBytes);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE,
                     size ? static_cast<curl_off_t>(*size) : static_cast<curl_off_t>(-1));
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, &Transfer::on_read);
    curl_easy_setopt(easy, CURLOPT_READDATA, this);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, &Transfer::on_seek);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, this);
  }
  if (request_.method != "GET" || has_body(request_)) {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  }
}

std::size_t Transfer::on_read(char* into, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::span room(reinterpret_cast<std::byte*>(into), size * count);
  if (transfer.request_.body_source) return transfer.request_.body_source(room);
  const auto rest = transfer.request_.body.subspan(transfer.body_sent_);
  const std::size_t part = std::min(room.size(), rest.size());
  if (part > 0) std::memcpy(room.data(), rest.data(), part);
  transfer.body_sent_ += part;
  return part;
}

// libcurl asks to start again when a pooled connection turns out to be dead before the first byte
// came.
int Transfer::on_seek(void* self, curl_off_t offset, int origin) {
  auto& transfer = *static_cast<Transfer*>(self);
  if (origin != SEEK_SET || offset < 0 || transfer.request_.body_source) return CURL_SEEKFUNC_FAIL;
  if (static_cast<std::uint64_t>(offset) > transfer.request_.body.size()) return CURL_SEEKFUNC_FAIL;
  // The server may have acted on a whole POST, an answer of a model's that is paid for: whether it
  // is sent again is for the caller to say, who counts its attempts.
  if (transfer.request_.method == "POST" && !transfer.request_.body.empty() &&
      transfer.body_sent_ == transfer.request_.body.size()) {
    return CURL_SEEKFUNC_FAIL;
  }
  transfer.body_sent_ = static_cast<std::size_t>(offset);
  return CURL_SEEKFUNC_OK;
}

std::size_t Transfer::on_write(char* bytes, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::string_view piece(bytes, size * count);
  return transfer.take_body(as_bytes(piece)) ? piece.size() : CURL_WRITEFUNC_ERROR;
}

bool Transfer::take_body(std::span<const std::byte> bytes) {
  if (request_.discard_body) {
    discarded_bytes_ += bytes.size();
    return discarded_bytes_ <= ClientRequest::kDiscardedBytesMax;
  }
  const auto over = [&](std::size_t bytes_max) {
    callback_error_ =
        Error(Errc::upstream, fmt::format("{}: the response's body is larger than {} bytes",
                                          host_of(request_.url), bytes_max));
    return false;
  };
  const bool success = response.status / 100 == 2;
  if (success && request_.response_sink) {
    if (request_.response_sink(bytes)) return true;
    callback_error_ = Error(Errc::cancelled,
                            fmt::format("{}: the response was not wanted", host_of(request_.url)));
    return false;
  }
  if (success && request_.response_buffer.data() != nullptr) {
    const auto room = request_.response_buffer.subspan(response.buffer_bytes);
    if (bytes.size() > room.size()) return over(request_.response_buffer.size());
    std::memcpy(room.data(), bytes.data(), bytes.size());
    response.buffer_bytes += bytes.size();
    return true;
  }
  const std::size_t bytes_max = success ? request_.response_bytes_max
                                        : std::max(request_.response_bytes_max, kErrorBodyBytesMax);
  if (bytes.size() > bytes_max - response.body.size()) return over(bytes_max);
  response.body.append(as_text(bytes));
  return true;
}

std::size_t Transfer::on_header(char* bytes, std::size_t size, std::size_t count, void* self) {
  static_cast<Transfer*>(self)->take_header_line({bytes, size * count});
  return size * count;
}

void Transfer::take_header_line(std::string_view line) {
  line = trim(line);
  if (line.starts_with("HTTP/")) {  // a status line: of a 100 Continue, then of the answer
    response = ClientResponse();
    head_complete_ = false;
    const std::size_t space = line.find(' ');
    if (space != std::string_view::npos) {
      std::from_chars(line.data() + space + 1, line.data() + line.size(), response.status);
    }
    return;
  }
  if (line.empty()) head_complete_ = response.status >= 200;
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  response.headers.add(std::string(trim(line.substr(0, colon))),
                       std::string(trim(line.substr(colon + 1))));
}

// Of every socket that libcurl is about to make, with the address it resolved.
curl_socket_t Transfer::on_open_socket(void* self, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(self);
  if (!is_public(*address)) {
    ++transfer.sockets_refused_;
    return CURL_SOCKET_BAD;
  }
  ++transfer.sockets_opened_;
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

void Transfer::finish(CURLcode code) {
  if (code == CURLE_OK || (request_.discard_body && head_complete_)) return;
  if (sockets_refused_ > 0 && sockets_opened_ == 0) {
    callback_error_ = Error(Errc::forbidden, fmt::format("{}: its address is not a public one",
                                                         host_of(request_.url)));
  }
  error = callback_error_ ? *std::move(callback_error_) : error_of(code);
}

void Transfer::finish(Error why) { error = std::move(why); }

Error Transfer::error_of(CURLcode code) const {
  // libcurl's own words name hosts and reasons; the URL is in none of them.
  const char* said = curl_message_[0] != '\0' && code != CURLE_URL_MALFORMAT
                         ? curl_message_.data()
                         : curl_easy_strerror(code);
  std::string message = fmt::format("{}: {}", host_of(request_.url), said);
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      // libcurl's clock is its own: within a moment of the deadline it is the deadline.
      if (deadline_.remaining() < std::chrono::milliseconds(20)) {
        return {Errc::deadline_exceeded, std::move(message)};
      }
      return {Errc::unavailable, std::move(message)};
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return {Errc::invalid_request, std::move(message)};
    case CURLE_OUT_OF_MEMORY:
    case CURLE_BAD_FUNCTION_ARGUMENT:
      return {Errc::internal, std::move(message)};
    default:
      return {Errc::unavailable, std::move(message)};
  }
}

CurlHandle Transfer::release() {
  request_.body_source = nullptr;
  request_.response_sink = nullptr;
  if (easy_) curl_easy_reset(easy_.get());  // keeps nothing of this request
  return std::move(easy_);
}

}  // namespace quarry::http
