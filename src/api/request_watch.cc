#include "api/request_watch.h"

#include "obs/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace quarry::api {
namespace {

using Timer = std::chrono::steady_clock;

constexpr std::array<std::string_view, 8> kMethods{"GET", "POST",  "DELETE",  "HEAD",
                                                   "PUT", "PATCH", "OPTIONS", "TRACE"};

// Clients may send any word for a method, and labels are for ever.
std::string_view method_label(std::string_view method) {
  const auto* const known = std::ranges::find(kMethods, method);
  return known == kMethods.end() ? std::string_view("other") : *known;
}

double seconds_since(Timer::time_point begun) {
  return std::chrono::duration<double>(Timer::now() - begun).count();
}

// An answer's stream on its way to the client.
class WatchedStream final : public http::BodyReader {
 public:
  WatchedStream(std::unique_ptr<http::BodyReader> stream,
                std::string route,
                std::unique_ptr<InFlight> in_flight)
      : stream_(std::move(stream)), route_(std::move(route)), in_flight_(std::move(in_flight)) {}
  ~WatchedStream() override {
    if (begun_) obs::observe(obs::Histogram::http_stream_seconds, {route_}, seconds_since(*begun_));
  }

  Task<std::span<const std::byte>> read() override {
    if (!begun_) begun_ = Timer::now();
    auto piece = co_await stream_->read();
    if (piece) {
      obs::count(obs::Counter::http_sent_bytes, {}, static_cast<double>(piece->size()));
    }
    co_return piece;
  }

 private:
  std::unique_ptr<http::BodyReader> stream_;
  std::string route_;
  std::unique_ptr<InFlight> in_flight_;
  std::optional<Timer::time_point> begun_;  // unset: never read, as of a HEAD
};

}  // namespace

InFlight::InFlight() { obs::add(obs::Gauge::http_requests_in_flight, {}, 1); }
InFlight::~InFlight() { obs::add(obs::Gauge::http_requests_in_flight, {}, -1); }

class RequestWatch::CountedBody final : public http::BodyReader {
 public:
  explicit CountedBody(http::BodyReader& body) : body_(body) {}

  Task<std::span<const std::byte>> read() override {
    auto piece = co_await body_.read();
    if (piece && !piece->empty()) {
      obs::count(obs::Counter::http_received_bytes, {}, static_cast<double>(piece->size()));
    }
    co_return piece;
  }

 private:
  http::BodyReader& body_;
};

RequestWatch::RequestWatch(const http::ServerRequest& request, http::BodyReader& body)
    : method_(method_label(request.method)),
      head_(request.method == "HEAD"),
      body_(std::make_unique<CountedBody>(body)),
      in_flight_(std::make_unique<InFlight>()) {}

RequestWatch::~RequestWatch() = default;

http::BodyReader& RequestWatch::body() { return *body_; }

std::chrono::microseconds RequestWatch::took() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(Timer::now() - begun_);
}

void RequestWatch::answered(http::ServerResponse& response, std::string_view route) {
  std::array<char, 12> code{};
  const auto end = fmt::format_to_n(code.begin(), code.size(), "{}", response.status).out;
  obs::count(obs::Counter::http_requests, {method_, route, std::string_view(code.begin(), end)});
  obs::observe(obs::Histogram::http_request_seconds, {method_, route}, seconds_since(begun_));
  if (response.stream) {
    response.stream = std::make_unique<WatchedStream>(std::move(response.stream),
                                                      std::string(route), std::move(in_flight_));
  } else if (!head_) {
    obs::count(obs::Counter::http_sent_bytes, {}, static_cast<double>(response.body.size()));
  }
}

void count_refused(int status) {
  obs::count(obs::Counter::http_requests, {"other", "other", fmt::format("{}", status)});
}

}  // namespace quarry::api
