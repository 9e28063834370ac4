#pragma once
// A program run to its end, with what it wrote.

#include "base/result.h"

#include <chrono>
#include <string>
#include <vector>

namespace quarry::aws {

struct ProgramOutput {
  int exit_code = 0;  // 128 + n where signal n ended it
  std::string out;    // the first output_bytes_max of each
  std::string err;
};

// Blocks. Without a shell; no descriptor of ours but the three is passed on, standard input is
// empty. Its whole process group is killed at the time limit. Errors: not_found (no such program),
// forbidden (it cannot be started), deadline_exceeded.
Result<ProgramOutput> run_program(const std::vector<std::string>& words,
                                  std::chrono::milliseconds timeout,
                                  std::size_t output_bytes_max);

}  // namespace quarry::aws
