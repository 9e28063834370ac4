#include "obs/process_stats.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>

namespace quarry::obs {
namespace {

// "btime 1700000000" of /proc/stat: when the machine started.
double boot_seconds() {
  std::ifstream stat("/proc/stat");
  std::string word;
  double value = 0;
  while (stat >> word) {
    if (word == "btime" && stat >> value) return value;
    stat.ignore(1 << 20, '\n');
  }
  return 0;
}

std::uint64_t open_fds() {
  std::error_code failed;
  std::filesystem::directory_iterator entries("/proc/self/fd", failed);
  if (failed) return 0;
  std::uint64_t found = 0;
  for (const auto end = std::filesystem::directory_iterator(); entries != end && !failed;
       entries.increment(failed)) {
    ++found;
  }
  return found > 0 ? found - 1 : 0;  // one of them is this look's own
}

}  // namespace

std::optional<ProcessStats> process_stats() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  // The second field is the program's name in parentheses, which may hold anything.
  const std::size_t name_end = line.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(name_end + 1));
  std::string skipped;
  double user = 0, system = 0, started = 0, virtual_bytes = 0, resident_pages = 0;
  for (int i = 3; i < 14; ++i) fields >> skipped;
  fields >> user >> system;
  for (int i = 16; i < 22; ++i) fields >> skipped;
  fields >> started >> virtual_bytes >> resident_pages;
  if (!fields) return std::nullopt;

  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  ProcessStats stats;
  stats.cpu_seconds = (user + system) / ticks;
  stats.start_seconds = boot_seconds() + started / ticks;
  stats.virtual_bytes = static_cast<std::uint64_t>(virtual_bytes);
  stats.resident_bytes = static_cast<std::uint64_t>(resident_pages) *
                         static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  stats.open_fds = open_fds();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) stats.max_fds = limit.rlim_cur;
  return stats;
}

}  // namespace quarry::obs
