#include "batch/direct_tries.h"

#include <algorithm>

namespace quarry::batch {

using std::chrono::milliseconds;

void DirectTries::answered(const Record& record) {
  ++answers_;
  failing_.clear();
  records_.erase(record);
}

DirectTries::Verdict DirectTries::failed(
    const Record& record, std::int64_t answers_before, bool last, SysTime now, double jitter) {
  const auto [at, first] = records_.try_emplace(record);
  Tries& tries = at->second;
  if (first) {
    tries.first = now;
    tries.answers = answers_before;
  }
  ++tries.all;
  if (answers_ > tries.answers) ++tries.counted;
  tries.answers = answers_;
  failing_.insert(record);
  if (tries.counted >= kCountedMax || hopeless(tries, last, now)) return Verdict::give_up;

  constexpr int kDoublingsMax = 8;
  const milliseconds whole =
      std::min(kWaitMost, kWaitFirst * (1 << std::min(tries.all - 1, kDoublingsMax)));
  const double part = 1 - jitter / 2;
  tries.due =
      now + milliseconds(static_cast<std::int64_t>(static_cast<double>(whole.count()) * part));
  return failing_.size() > 1 ? Verdict::outage : Verdict::later;
}

bool DirectTries::hopeless(const Tries& tries, bool last, SysTime now) const {
  return last && tries.all >= kAloneMax && failing_.size() <= kTogetherMax &&
         now - tries.first >= kAloneFor * static_cast<std::int64_t>(failing_.size());
}

SysTime DirectTries::due(const Record& record) const {
  const auto found = records_.find(record);
  return found == records_.end() ? SysTime{} : found->second.due;
}

void DirectTries::forget(const Record& record) {
  records_.erase(record);
  failing_.erase(record);
}

void DirectTries::forget(const store::BatchStore::Lease& job) {
  const auto is_of_job = [&job](const Record& record) { return record.job == job; };
  std::erase_if(records_, [&](const auto& entry) { return is_of_job(entry.first); });
  std::erase_if(failing_, is_of_job);
}

}  // namespace quarry::batch
