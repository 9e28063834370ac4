#pragma once
// How far a batch is, on stderr: a bar redrawn in place on a terminal, a line a change in a pipe.
// The renderers are pure; Progress writes what they make.

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace quarry::cli {

struct ProgressState {
  std::string status;  // "uploading", "in_progress", …
  std::uint64_t done = 0;
  std::uint64_t total = 0;  // 0 = not known yet
  bool bytes = false;       // done and total are bytes, not requests
  std::chrono::milliseconds elapsed{0};
};

// One line without its end, at most `columns` wide (at least 20):
// "[##########----------] 250/500  in_progress  12 s"
std::string render_bar(const ProgressState& state, std::size_t columns);
// "in_progress 250/500"
std::string render_plain(const ProgressState& state);

class Progress {
 public:
  using Write = std::function<void(std::string_view)>;

  // terminal: bar; else lines. columns: asked before each drawing, as windows change.
  Progress(bool terminal, std::function<std::size_t()> columns, Write write);
  // Of this process's stderr.
  static Progress of_stderr();

  void show(const ProgressState& state);
  // A line above the bar.
  void say(std::string_view line);
  // Leaves the line under the cursor empty, so that other output can follow.
  void clear();

 private:
  bool terminal_;
  std::function<std::size_t()> columns_;
  Write write_;
  bool drawn_ = false;
  std::string last_;
};

}  // namespace quarry::cli
