#include "access/request_rate.h"

#include <array>

namespace quarry::access {

RequestRate::Window& RequestRate::window_of(const std::string& id, Time now) {
  const auto over = [now](const Window& window) { return now - window.began >= kWindow; };
  if (windows_.size() >= kWindowsMax && !windows_.contains(id)) {
    std::erase_if(windows_, [&](const auto& entry) { return over(entry.second); });
  }
  auto [found, fresh] = windows_.try_emplace(id, Window{now, 0});
  if (over(found->second)) found->second = Window{now, 0};
  return found->second;
}

std::optional<RequestRate::Standing> RequestRate::admit(const Caller& caller, Time now) {
  if (caller.admin()) return std::nullopt;
  const Key& key = *caller.key;
  struct Limited {
    Window* window;
    Standing standing;
  };
  std::array<std::optional<Limited>, 2> both;
  const auto look = [&](const std::optional<std::int64_t>& limit, const std::string& id,
                        std::string whose) -> std::optional<Limited> {
    if (!limit) return std::nullopt;
    Window& window = window_of(id, now);
    Standing standing;
    standing.limit = *limit;
    standing.admitted = window.requests < *limit;
    standing.remaining = *limit - window.requests;
    standing.until_reset =
        std::chrono::duration_cast<std::chrono::milliseconds>(window.began + kWindow - now);
    standing.whose = std::move(whose);
    return Limited{&window, std::move(standing)};
  };
  // References into an unordered_map stay where they are while it grows.
  both[0] = look(key.grant.limits.requests_per_minute, "key:" + key.hash, "the key " + key.name);
  if (key.team) {
    both[1] = look(key.team->grant.limits.requests_per_minute, "team:" + key.team->id,
                   "the team '" + key.team->id + "'");
  }
  std::optional<Standing> tightest;
  bool admitted = true;
  for (const auto& limited : both) {
    if (!limited) continue;
    admitted = admitted && limited->standing.admitted;
    if (!tightest || limited->standing.remaining < tightest->remaining) {
      tightest = limited->standing;
    }
  }
  if (!tightest || !admitted) return tightest;
  for (const auto& limited : both) {
    if (limited) ++limited->window->requests;
  }
  --tightest->remaining;
  return tightest;
}

}  // namespace quarry::access
