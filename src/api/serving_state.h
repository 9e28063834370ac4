#pragma once
// Whether this server still wants requests. Set by whoever stops it, read when somebody asks for
// its readiness. Loop thread.

namespace quarry::api {

struct ServingState {
  bool draining = false;  // it stops: load balancers are to send no more
};

}  // namespace quarry::api
