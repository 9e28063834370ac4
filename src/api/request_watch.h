#pragma once
// Counts and times one request, for the metrics: in flight, by route and code, its bytes both ways.

#include "http/server.h"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace quarry::api {

// One of the requests in flight, while it lives.
class InFlight {
 public:
  InFlight();
  ~InFlight();
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;
};

class RequestWatch {
 public:
  // body: outlives it.
  RequestWatch(const http::ServerRequest& request, http::BodyReader& body);
  ~RequestWatch();
  RequestWatch(const RequestWatch&) = delete;
  RequestWatch& operator=(const RequestWatch&) = delete;

  // The request's body, counted.
  http::BodyReader& body();
  // Once. route: the pattern, "other" for none. Takes over the answer's stream, so that its bytes
  // and its time are counted when it ends; the request is in flight until then.
  void answered(http::ServerResponse& response, std::string_view route);
  std::chrono::microseconds took() const;

 private:
  class CountedBody;
  std::string_view method_;  // a word of a closed list
  bool head_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  std::unique_ptr<CountedBody> body_;
  std::unique_ptr<InFlight> in_flight_;
};

// What never became a request, or what its handler failed on.
void count_refused(int status);

}  // namespace quarry::api
