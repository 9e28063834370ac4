#pragma once
// A program run to its end, with what it wrote.

#include "base/blocking_pool.h"
#include "base/result.h"
#include "base/task.h"

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace quarry::aws {

struct ProgramOutput {
  int exit_code = 0;  // 128 + n where signal n ended it
  std::string out;    // the first output_bytes_max of each
  std::string err;
};

inline constexpr std::chrono::milliseconds kStopLatency{100};

// Blocks. Without a shell; no descriptor of ours but the three is passed on, standard input is
// empty. Its whole process group is killed at the time limit, and within kStopLatency of a request
// to stop. Errors: not_found (no such program), forbidden (it cannot be started),
// deadline_exceeded, cancelled.
Result<ProgramOutput> run_program(const std::vector<std::string>& words,
                                  std::chrono::milliseconds timeout,
                                  std::size_t output_bytes_max,
                                  const std::stop_token& stop = {});

// Threads for programs alone: one that hangs takes none from anything else. Loop thread; where it
// is destroyed, the executors of those who wait are still there.
class ProgramRunner {
 public:
  ProgramRunner();
  ~ProgramRunner();  // stops, and waits for the threads

  // As run_program(); a third one at a time waits for its turn.
  Task<ProgramOutput> run(std::vector<std::string> words,
                          std::chrono::milliseconds timeout,
                          std::size_t output_bytes_max);
  // Kills what runs, starts no more. Does not wait.
  void stop();
  void join();  // stops, and waits for the threads

 private:
  std::stop_source stop_;
  std::optional<BlockingPool> threads_;  // from the first program on
};

}  // namespace quarry::aws
