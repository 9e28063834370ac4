#include "sandbox/row_faults.h"

#include <cmath>

namespace quarry::sandbox {
namespace {

constexpr std::uint64_t kHugeBytes = 30 << 20;  // above what a record may have, by far

RecordError record_error(const FaultRule& rule) {
  return {.code = static_cast<int>(rule.whole("code", 500)),
          .message = rule.text("message", "a fault of the script"),
          .retryable = rule.flag("retryable")};
}

std::uint64_t share_before(std::uint64_t index, double fraction) {
  return static_cast<std::uint64_t>(std::floor(static_cast<double>(index) * fraction));
}

}  // namespace

RowFaults::RowFaults(std::span<const FaultRule> faults, std::uint64_t record_count) {
  for (const FaultRule& rule : faults) {
    const std::uint64_t rows = rule.whole("rows", 1);
    switch (rule.kind) {
      case FaultKind::all_records_error:
        errors_.push_back({.range = {0, record_count}, .error = record_error(rule)});
        break;
      case FaultKind::record_errors:
        if (rule.source.contains("fraction")) {
          errors_.push_back({.fraction = rule.number("fraction", 0), .error = record_error(rule)});
        } else {
          errors_.push_back({.range = take(rows), .error = record_error(rule)});
        }
        break;
      case FaultKind::missing_rows:
        fates_.push_back({take(rows), RowFate::missing});
        break;
      case FaultKind::duplicate_rows:
        fates_.push_back({take(rows), RowFate::duplicate});
        break;
      case FaultKind::unreadable_rows:
        fates_.push_back({take(rows), RowFate::unreadable});
        break;
      case FaultKind::huge_row:
        fates_.push_back({take(1), RowFate::huge});
        huge_bytes_ = rule.whole("bytes", kHugeBytes);
        break;
      case FaultKind::unknown_rows:
        unknown_rows_ += rows;
        break;
      default:
        break;
    }
  }
}

RowFaults::Range RowFaults::take(std::uint64_t rows) {
  const Range range{.begin = next_, .end = next_ + rows};
  next_ = range.end;
  return range;
}

const RecordError* RowFaults::error_of(std::uint64_t index) const {
  for (const ErrorRule& rule : errors_) {
    const bool in_range = index >= rule.range.begin && index < rule.range.end;
    if (in_range || share_before(index + 1, rule.fraction) > share_before(index, rule.fraction))
      return &rule.error;
  }
  return nullptr;
}

RowFate RowFaults::fate_of(std::uint64_t index) const {
  for (const FateRule& rule : fates_) {
    if (index >= rule.range.begin && index < rule.range.end) return rule.fate;
  }
  return RowFate::normal;
}

}  // namespace quarry::sandbox
