#include "store/outage.h"

namespace quarry::store {

bool Outage::may_try(Time now) {
  const std::scoped_lock lock(mutex_);
  if (!began_ || now - *began_ < patience_) return true;
  if (now < next_try_) return false;
  next_try_ = now + interval_;
  return true;
}

bool Outage::failed(Time now) {
  const std::scoped_lock lock(mutex_);
  next_try_ = now + interval_;
  if (began_) return false;
  began_ = now;
  return true;
}

std::optional<std::chrono::milliseconds> Outage::ended(Time now) {
  const std::scoped_lock lock(mutex_);
  if (!began_) return std::nullopt;
  const auto length = std::chrono::duration_cast<std::chrono::milliseconds>(now - *began_);
  began_.reset();
  return length;
}

}  // namespace quarry::store
