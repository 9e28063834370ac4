#pragma once
// How many on-demand calls a deployment is asked at once: as many as it bears, found out by what
// AWS says to them. One limiter for all runs on the deployment, so that they share what there is
// and take turns. An outage is waited out like throttling.

#include "base/clock.h"
#include "base/wakeup.h"
#include "batch/direct_tries.h"

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <string>

namespace quarry::batch {

enum class CallOutcome { succeeded, throttled, failed };

// The numbers alone. Pure: time is passed in, and is the engine's clock's.
class CallLimit {
 public:
  static constexpr std::chrono::milliseconds kPauseFirst{200};
  static constexpr std::chrono::milliseconds kPauseMost{30'000};
  static constexpr std::chrono::milliseconds kHalveEvery{1'000};

  // most: calls at once, at least 1; where it begins, and what it never exceeds.
  explicit CallLimit(int most) : most_(most), limit_(most) {}

  bool may_start(SysTime now) const { return running_ < limit_ && pause(now).count() == 0; }
  // How long no call is to start; at most kPauseMost.
  std::chrono::milliseconds pause(SysTime now) const;
  void started() { ++running_; }
  // Throttled: halves the limit, at most once in kHalveEvery, and pauses: each time in a row twice
  // as long, less up to half of it by jitter, in [0, 1). Succeeded: one more call after as many
  // successes as the limit is.
  void ended(CallOutcome outcome, SysTime now, double jitter);

  int limit() const { return limit_; }
  int running() const { return running_; }

 private:
  void throttled(SysTime now, double jitter);

  int most_;
  int limit_;
  int running_ = 0;
  int succeeded_ = 0;  // since the limit changed
  int throttles_ = 0;  // pauses in a row; a success takes one away
  SysTime halved_at_{};
  SysTime paused_until_{};
};

// Loop thread.
class CallLimiter {
 public:
  explicit CallLimiter(int most) : limit_(most) {}

  const CallLimit& limit() const { return limit_; }
  DirectTries& tries() { return tries_; }

  // A place in the row of those who want to start a call. `wakeup` is set when it is the first's
  // turn to look again.
  class Turn {
   public:
    Turn(CallLimiter& limiter, Wakeup& wakeup);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    // True, and the call counts as running, if it may start now.
    bool take(SysTime now);

   private:
    CallLimiter& limiter_;
    Wakeup& wakeup_;
  };

  void ended(CallOutcome outcome, SysTime now, double jitter);

 private:
  void wake_first();

  CallLimit limit_;
  DirectTries tries_;
  std::deque<Wakeup*> row_;
};

// By the deployment's id. Loop thread.
class CallLimiters {
 public:
  // most: heeded when it is first asked for.
  std::shared_ptr<CallLimiter> of(const std::string& deployment_id, int most);
  // The job has ended.
  void forget(const store::BatchStore::Lease& job);

  // Inputs in memory, of all runs.
  std::size_t held_bytes = 0;

 private:
  std::map<std::string, std::shared_ptr<CallLimiter>> by_id_;
};

}  // namespace quarry::batch
