#pragma once
// What the faults of a job do to its rows: which record fails with what, and which row of the
// output is left out, written twice, or spoilt. Which ones is decided by their place in the input,
// so that it is the same at every run. Pure.

#include "sandbox/fault_script.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace quarry::sandbox {

enum class RowFate { normal, missing, duplicate, unreadable, huge };

struct RecordError {
  int code = 500;
  std::string message;
  bool retryable = false;
};

class RowFaults {
 public:
  RowFaults(std::span<const FaultRule> faults, std::uint64_t record_count);

  // `index` counts the job's records from 0 in the order of its input. nullptr: the model answers.
  const RecordError* error_of(std::uint64_t index) const;
  RowFate fate_of(std::uint64_t index) const;
  std::uint64_t huge_bytes() const { return huge_bytes_; }
  std::uint64_t unknown_rows() const { return unknown_rows_; }

 private:
  // Each range begins where the one before ended, so that no row is meant by two of them.
  struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };
  struct ErrorRule {
    Range range;
    double fraction = 0;  // instead of the range: that share of all records, spread evenly
    RecordError error;
  };
  struct FateRule {
    Range range;
    RowFate fate = RowFate::normal;
  };

  Range take(std::uint64_t rows);

  std::vector<ErrorRule> errors_;
  std::vector<FateRule> fates_;
  std::uint64_t next_ = 0;
  std::uint64_t huge_bytes_ = 0;
  std::uint64_t unknown_rows_ = 0;
};

}  // namespace quarry::sandbox
