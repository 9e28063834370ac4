#include "batch/deployment_health.h"

#include <algorithm>

namespace quarry::batch {
namespace {

constexpr std::int64_t kMostMs = 300'000;
constexpr int kDoublingsMax = 5;

}  // namespace

std::int64_t DeploymentHealth::refused(const std::string& deployment_id,
                                       std::int64_t first_ms,
                                       std::int64_t now_ms,
                                       double jitter) {
  Busy& busy = busy_[deployment_id];
  // Several calls may have been on their way at once: they are one refusal.
  if (busy.until_ms > now_ms) return busy.until_ms;
  const std::int64_t most = std::min(kMostMs, first_ms << std::min(busy.refusals, kDoublingsMax));
  ++busy.refusals;
  busy.until_ms =
      now_ms + most / 2 + static_cast<std::int64_t>(static_cast<double>(most / 2) * jitter);
  return busy.until_ms;
}

bool DeploymentHealth::busy(const std::string& deployment_id, std::int64_t now_ms) const {
  const auto found = busy_.find(deployment_id);
  return found != busy_.end() && found->second.until_ms > now_ms;
}

std::int64_t DeploymentHealth::next_ms(std::int64_t now_ms) const {
  std::int64_t next = 0;
  for (const auto& [id, busy] : busy_) {
    if (busy.until_ms > now_ms && (next == 0 || busy.until_ms < next)) next = busy.until_ms;
  }
  return next;
}

}  // namespace quarry::batch
