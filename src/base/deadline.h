#pragma once
// An absolute time by which a call must have ended. Handed down: retries, queueing and credential
// refresh all spend from the same one.

#include <algorithm>
#include <chrono>

namespace quarry {

class Deadline {
 public:
  using clock = std::chrono::steady_clock;

  static Deadline after(clock::duration span) { return Deadline(clock::now() + span); }

  clock::time_point at() const { return at_; }
  bool expired() const { return clock::now() >= at_; }
  // Never negative.
  clock::duration remaining() const {
    return std::max(clock::duration::zero(), at_ - clock::now());
  }
  // The earlier of this and `span` from now.
  Deadline sooner(clock::duration span) const {
    return Deadline(std::min(at_, clock::now() + span));
  }

 private:
  explicit Deadline(clock::time_point at) : at_(at) {}
  clock::time_point at_;
};

}  // namespace quarry
