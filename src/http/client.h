#pragma once
// An HTTP client on libcurl's multi interface, which runs on a thread of its own. Pooled
// connections, proxies from the environment (HTTPS_PROXY, NO_PROXY; http_proxy in lower case only,
// as libcurl has it), a CA bundle (AWS_CA_BUNDLE). One try per call: retries belong to the callers,
// who know what may be repeated.

#include "http/message.h"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace quarry::http {

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;              // also the body of a non-2xx answer, whatever the sink
  std::size_t buffer_bytes = 0;  // written to response_buffer
};

struct ClientRequest {
  std::string method = "GET";
  std::string url;  // absolute, already percent-encoded; sent exactly so (no dot-segment removal)
  Headers headers;  // Host and Content-Length are the client's; Expect is never sent
  // The body. Must stay valid until send() has completed.
  std::span<const std::byte> body;
  // When set, the body is pulled from here instead: fills the span, returns how many bytes, 0 at
  // the end. Called on the client's thread. body_size is then the exact length, or nullopt for
  // chunked.
  std::function<std::size_t(std::span<std::byte>)> body_source;
  std::optional<std::uint64_t> body_size;

  // Where a 2xx response's body goes. Default: ClientResponse::body, at most response_bytes_max.
  // A buffer: bytes go there (ClientResponse::buffer_bytes counts them); more than fits is an
  // error. It must stay valid until send() has completed, cancelled or not.
  std::span<std::byte> response_buffer;
  // A sink: called on the client's thread with each piece; false aborts the transfer.
  std::function<bool(std::span<const std::byte>)> response_sink;
  std::size_t response_bytes_max = std::size_t{16} << 20;

  // True: to the host itself, whatever proxy the environment names: for what answers on this
  // machine alone (instance metadata, a container's credentials).
  bool direct = false;
  // True: to public addresses only (public_address.h), for URLs that strangers name. It is the
  // address connected to that counts, whatever its name meant a moment before; so this is `direct`,
  // because a proxy would connect in our stead, and uses no connection that another request made.
  bool public_addresses_only = false;
  // True: the status and the headers are all that is wanted. Up to kDiscardedBytesMax of the body
  // are read and thrown away; whatever becomes of the body, the answer is a success.
  bool discard_body = false;
  static constexpr std::size_t kDiscardedBytesMax = std::size_t{64} << 10;
  // Set: takes what had come of the answer when send() fails: status, headers, buffer_bytes. Must
  // stay valid until send() has completed.
  ClientResponse* partial = nullptr;
};

class Client {
 public:
  virtual ~Client() = default;
  // Any HTTP status is a success here. Loop thread only; many calls may run at once.
  // Cancelling the awaiting coroutine aborts the transfer and waits until libcurl has let go of the
  // buffers before it throws operation_aborted.
  // Errors: unavailable (connect, TLS, reset, short body: message says which), deadline_exceeded,
  // cancelled (client stopped, or the sink said false), upstream (body over the bound), forbidden
  // (no address of the host is public, and only such were to be connected to).
  virtual Task<ClientResponse> send(ClientRequest request, Deadline deadline) = 0;
};

struct ClientOptions {
  // A file of certificates, or a directory of them by their hashes (openssl rehash); "" = the
  // system's.
  std::string ca_bundle;
  std::size_t connections_max = 256;
  std::chrono::seconds connect_timeout{5};
  std::string user_agent = "quarry/" QUARRY_VERSION;
};

// ClientOptions::ca_bundle as the environment asks for it: AWS_CA_BUNDLE, else REQUESTS_CA_BUNDLE,
// as botocore has them, else SSL_CERT_FILE, as OpenSSL has it. "" = none.
std::string ca_bundle_of(
    const std::function<std::optional<std::string>(const std::string& variable)>& environment);

// Starts the thread; the destructor aborts what runs and joins it.
std::unique_ptr<Client> make_client(boost::asio::io_context& io, ClientOptions options);

}  // namespace quarry::http
