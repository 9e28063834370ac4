#pragma once
// For this room's .cc files only: what is known of a database that cannot be reached, so that
// those who need it neither storm it nor wait one after the other.

#include <chrono>
#include <mutex>
#include <optional>
#include <string>

namespace quarry::store {

class Outage {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // patience: for so long after its begin all may try to connect; then one every `interval`.
  Outage(std::chrono::milliseconds patience, std::chrono::milliseconds interval)
      : patience_(patience), interval_(interval) {}

  // Whether the caller may try to connect now. Any thread, as the others.
  bool may_try(Time now);
  // A try failed. True for the first of an outage, which is the one to log.
  bool failed(Time now);
  // A connection was made. Gives how long the outage was; nullopt when there was none.
  std::optional<std::chrono::milliseconds> ended(Time now);

 private:
  const std::chrono::milliseconds patience_;
  const std::chrono::milliseconds interval_;
  std::mutex mutex_;
  std::optional<Time> began_;
  Time next_try_{};
};

}  // namespace quarry::store
