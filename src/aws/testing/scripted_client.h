#pragma once
// An http::Client that answers what the test wrote down, in order, and keeps what it was sent.

#include "base/bytes.h"
#include "base/clock.h"
#include "http/client.h"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <deque>
#include <string>
#include <utility>
#include <vector>

namespace quarry::testing {

class ScriptedClient final : public http::Client {
 public:
  struct Sent {
    std::string method;
    std::string url;
    http::Headers headers;
    std::string body;
    Deadline deadline;
  };

  void answer(int status, std::string body = {}, http::Headers headers = {}) {
    http::ClientResponse response;
    response.status = status;
    response.headers = std::move(headers);
    response.body = std::move(body);
    script_.push_back(std::move(response));
  }
  void answer(Error error) { script_.push_back(fail(std::move(error))); }
  // The answer begins so, and then the connection breaks.
  void answer_cut(int status, std::string body_so_far, http::Headers headers = {}) {
    answer(status, std::move(body_so_far), std::move(headers));
    cut_.push_back(script_.size() - 1 + answered_);
  }

  const std::vector<Sent>& sent() const { return sent_; }
  std::size_t unanswered() const { return script_.size(); }

  Task<http::ClientResponse> send(http::ClientRequest request, Deadline deadline) override {
    sent_.push_back({request.method, request.url, request.headers,
                     std::string(as_text(request.body)), deadline});
    co_await boost::asio::post(co_await boost::asio::this_coro::executor,
                               boost::asio::use_awaitable);
    if (script_.empty()) co_return fail(Errc::internal, "a request too many: " + request.url);
    auto response = std::move(script_.front());
    script_.pop_front();
    const bool cut = std::ranges::find(cut_, answered_++) != cut_.end();
    const bool to_buffer =
        response && response->status / 100 == 2 && !request.response_buffer.empty();
    if (to_buffer) {
      std::ranges::copy(as_bytes(response->body), request.response_buffer.begin());
      response->buffer_bytes = std::exchange(response->body, {}).size();
    }
    if (cut) {
      if (request.partial != nullptr) *request.partial = std::move(*response);
      co_return fail(Errc::unavailable, "connection reset");
    }
    co_return response;
  }

 private:
  std::deque<Result<http::ClientResponse>> script_;
  std::vector<std::size_t> cut_;  // which answers break off, counted from the first of all
  std::size_t answered_ = 0;
  std::vector<Sent> sent_;
};

// Stands still, and counts how often it was asked.
class StandingClock final : public Clock {
 public:
  explicit StandingClock(SysTime at) : at_(at) {}
  SysTime now() const override {
    ++asked;
    return at_;
  }
  mutable int asked = 0;

 private:
  SysTime at_;
};

}  // namespace quarry::testing
