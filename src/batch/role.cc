#include "batch/role.h"

#include "obs/log.h"
#include "obs/metrics.h"

#include <algorithm>
#include <utility>

namespace quarry::batch {
namespace {

// So often who has not got the role asks for it: of a server that gave it up it is had so soon.
constexpr std::chrono::milliseconds kAskEvery{1'000};

}  // namespace

Role::Role(boost::asio::io_context& io, Context& context, std::string name, Changes changes)
    : context_(context),
      name_(std::move(name)),
      changes_(std::move(changes)),
      tasks_(io, obs::log_task_failure) {}

void Role::start() { tasks_.spawn("role " + name_, loop()); }

bool Role::held() const { return held_ && steady::now() < until_; }

Awaitable<void> Role::stop(Deadline deadline) {
  tasks_.cancel();
  co_await tasks_.join(deadline);
  held_ = false;
  const auto released = co_await context_.leases.release(name_);
  if (!released) {
    obs::warn("a role was not given up",
              {{"role", name_}, {"message", released.error().message()}});
  }
}

Awaitable<void> Role::loop() {
  while (true) {
    co_await ask();
    const auto third = context_.settings.lease / 3;
    co_await sleep_for(held_ ? third : std::min<std::chrono::milliseconds>(third, kAskEvery));
  }
}

Awaitable<void> Role::ask() {
  const auto asked = steady::now();
  const std::int64_t now_ms = context_.now_ms();
  const auto taken = co_await context_.leases.take(name_, now_ms, now_ms + context_.lease_ms());
  if (!taken) {
    obs::warn("a role could not be asked for",
              {{"role", name_}, {"message", taken.error().message()}});
    has(held());
    co_return;
  }
  using Taken = store::LeaseStore::Taken;
  if (*taken == Taken::from_another) {
    obs::count(obs::Counter::lease_takeovers);
    obs::info("another server's role is taken over", {{"role", name_}});
  }
  if (*taken != Taken::no) until_ = asked + context_.settings.lease;
  has(*taken != Taken::no);
}

void Role::has(bool held) {
  if (std::exchange(held_, held) == held) return;
  if (held) {
    obs::debug("this server has a role", {{"role", name_}});
    if (changes_.gained) changes_.gained();
  } else {
    obs::count(obs::Counter::leases_lost);
    obs::warn("a role was lost to another server", {{"role", name_}});
    if (changes_.lost) changes_.lost();
  }
}

}  // namespace quarry::batch
