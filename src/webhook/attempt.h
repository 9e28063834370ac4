#pragma once
// What an attempt to deliver came to, and when the next one is due. Pure.

#include "base/clock.h"
#include "base/result.h"
#include "http/client.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace quarry::webhook {

// From the event on; then the attempt that fails is the last.
inline constexpr std::chrono::hours kTryFor{24};
inline constexpr std::chrono::hours kLongestWait{3};

struct Verdict {
  enum class Kind { delivered, again, gone };
  Kind kind = Kind::again;
  std::string why;       // of a failure; without the url
  bool refused = false;  // by us: no address of the receiver is public
  std::optional<std::chrono::milliseconds> asked_for;  // Retry-After of a 429 or a 503
};

// 2xx: delivered. 410: the receiver is gone. All else comes again, redirects too, which are never
// followed. now: for a Retry-After that is a date.
Verdict judge(const Result<http::ClientResponse>& answer, SysTime now);

// When to try again after the attempt at now_ms, `attempts` of which have failed by now: 5 s, 20 s,
// 1 min … 3 h later, a quarter more or less by chance, or when the receiver asked for it, though no
// later than 3 h. nullopt: it has been tried for a day.
// jitter: [0, 1).
std::optional<std::int64_t> next_attempt_ms(std::int64_t created_ms,
                                            std::int64_t now_ms,
                                            int attempts,
                                            double jitter,
                                            std::optional<std::chrono::milliseconds> asked_for);

}  // namespace quarry::webhook
