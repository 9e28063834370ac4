#pragma once
// One request on its way through libcurl: its options, its callbacks and what came back. Private to
// client.cc. Made on the loop, used on the client's thread, read on the loop again when complete.

#include "http/client.h"

#include <curl/curl.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace quarry::http {

struct CurlHandleDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
using CurlHandle = std::unique_ptr<CURL, CurlHandleDeleter>;

class Transfer {
 public:
  Transfer(ClientRequest request, Deadline deadline);
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  // Sets every option on a fresh or reset handle, which this then holds.
  // Errors: invalid_request (a header that cannot be sent), deadline_exceeded, internal (libcurl).
  Result<void> prepare(CurlHandle easy, const ClientOptions& options);
  // libcurl is done with it. The error is what send() answers, if there is one.
  void finish(CURLcode code);
  void finish(Error error);
  // Gives the handle back and lets go of the caller's functions, so that nothing of the caller's is
  // destroyed on the client's thread after send() has completed.
  CurlHandle release();

  CURL* handle() const { return easy_.get(); }
  const Deadline& deadline() const { return deadline_; }

  // Written on the client's thread before `complete` is posted; read on the loop after.
  std::optional<Error> error;
  ClientResponse response;
  bool aborted = false;  // by cancelling the coroutine

  // Resumes the coroutine; posts itself to its executor. Called once.
  std::move_only_function<void()> complete;

 private:
  struct HeaderListDeleter {
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };

  Result<void> set_headers(const ClientOptions& options);
  void set_body();
  Error error_of(CURLcode code) const;
  bool take_body(std::span<const std::byte> bytes);
  void take_header_line(std::string_view line);

  static std::size_t on_read(char* into, std::size_t size, std::size_t count, void* self);
  static int on_seek(void* self, curl_off_t offset, int origin);
  static std::size_t on_write(char* bytes, std::size_t size, std::size_t count, void* self);
  static std::size_t on_header(char* bytes, std::size_t size, std::size_t count, void* self);
  static curl_socket_t on_open_socket(void* self, curlsocktype purpose, curl_sockaddr* address);

  ClientRequest request_;
  Deadline deadline_;
  CurlHandle easy_;
  std::unique_ptr<curl_slist, HeaderListDeleter> header_list_;
  std::array<char, CURL_ERROR_SIZE> curl_message_{};
  std::size_t body_sent_ = 0;
  std::optional<Error> callback_error_;  // why a callback of ours stopped libcurl
  bool head_complete_ = false;           // of the answer, not of a 100 Continue before it
  std::size_t discarded_bytes_ = 0;
  int sockets_opened_ = 0, sockets_refused_ = 0;  // of public_addresses_only
};

// "host:port" of a URL as text, without user and password; for messages.
std::string_view host_of(std::string_view url);

}  // namespace quarry::http
