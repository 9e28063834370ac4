#pragma once
// What the kernel says of this process (proc(5)). Reads four small files of /proc.

#include <cstdint>
#include <optional>

namespace quarry::obs {

struct ProcessStats {
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  double cpu_seconds = 0;    // user and system
  double start_seconds = 0;  // Unix time
  std::uint64_t open_fds = 0;
  std::uint64_t max_fds = 0;
};

// nullopt where there is no /proc.
std::optional<ProcessStats> process_stats();

}  // namespace quarry::obs
