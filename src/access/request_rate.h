#pragma once
// How many requests a minute a key and its team may make of this server; the lines of a batch are
// none. Counted in memory, by each server for itself.

#include "access/caller.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

namespace quarry::access {

// A minute begins with the first request in it. Loop thread.
class RequestRate {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::minutes kWindow{1};
  static constexpr std::size_t kWindowsMax = 20'000;

  struct Standing {
    bool admitted = true;
    std::int64_t limit = 0;
    std::int64_t remaining = 0;
    std::chrono::milliseconds until_reset{0};
    std::string whose;  // "the key sk-...1a2b", "the team 't'"
  };

  // Counts one request, if both the key and the team have one left. Gives how whoever has fewest
  // left stands now; nullopt: neither is limited.
  std::optional<Standing> admit(const Caller& caller, Time now);

 private:
  struct Window {
    Time began;
    std::int64_t requests = 0;
  };
  Window& window_of(const std::string& id, Time now);

  std::unordered_map<std::string, Window> windows_;  // "key:<hash>", "team:<id>"
};

}  // namespace quarry::access
