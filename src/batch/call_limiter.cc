#include "batch/call_limiter.h"

#include <algorithm>

namespace quarry::batch {

using std::chrono::milliseconds;

milliseconds CallLimit::pause(SysTime now) const {
  const milliseconds left = paused_until_ - now;
  // More than there can be: the clock was set back.
  if (left > kPauseMost) return milliseconds(0);
  return std::max(left, milliseconds(0));
}

void CallLimit::throttled(SysTime now, double jitter) {
  if (now - halved_at_ >= kHalveEvery || now < halved_at_) {
    limit_ = std::max(1, limit_ / 2);
    succeeded_ = 0;
    halved_at_ = now;
  }
  // What comes back during a pause was sent before it, and says nothing new.
  if (pause(now).count() > 0) return;
  constexpr int kDoublingsMax = 8;
  const milliseconds whole = std::min(kPauseMost, kPauseFirst * (1 << throttles_));
  throttles_ = std::min(throttles_ + 1, kDoublingsMax);
  const double part = 1 - jitter / 2;
  paused_until_ =
      now + milliseconds(static_cast<std::int64_t>(static_cast<double>(whole.count()) * part));
}

void CallLimit::ended(CallOutcome outcome, SysTime now, double jitter) {
  --running_;
  if (outcome == CallOutcome::throttled) throttled(now, jitter);
  if (outcome != CallOutcome::succeeded) return;
  throttles_ = std::max(0, throttles_ - 1);
  if (++succeeded_ < limit_ || limit_ >= most_) return;
  ++limit_;
  succeeded_ = 0;
}

CallLimiter::Turn::Turn(CallLimiter& limiter, Wakeup& wakeup) : limiter_(limiter), wakeup_(wakeup) {
  limiter_.row_.push_back(&wakeup_);
}

CallLimiter::Turn::~Turn() {
  std::erase(limiter_.row_, &wakeup_);
  limiter_.wake_first();
}

bool CallLimiter::Turn::take(SysTime now) {
  if (limiter_.row_.front() != &wakeup_ || !limiter_.limit_.may_start(now)) return false;
  limiter_.limit_.started();
  return true;
}

void CallLimiter::ended(CallOutcome outcome, SysTime now, double jitter) {
  limit_.ended(outcome, now, jitter);
  wake_first();
}

void CallLimiter::wake_first() {
  if (!row_.empty()) row_.front()->set();
}

std::shared_ptr<CallLimiter> CallLimiters::of(const std::string& deployment_id, int most) {
  std::shared_ptr<CallLimiter>& limiter = by_id_[deployment_id];
  if (!limiter) limiter = std::make_shared<CallLimiter>(most);
  return limiter;
}

void CallLimiters::forget(const store::BatchStore::Lease& job) {
  for (const auto& [id, limiter] : by_id_) limiter->tries().forget(job);
}

}  // namespace quarry::batch
