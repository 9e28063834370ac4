#include "cli/progress.h"

#include "cli/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <sys/ioctl.h>
#include <unistd.h>

namespace quarry::cli {
namespace {

constexpr std::size_t kBarCells = 30;
constexpr std::size_t kColumnsMin = 20;
constexpr std::string_view kEraseLine = "\r\x1b[2K";

std::string amount(const ProgressState& state) {
  if (state.bytes) return format_bytes(state.done) + " of " + format_bytes(state.total);
  return format_count(state.done) + "/" + format_count(state.total);
}

std::size_t stderr_columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

}  // namespace

std::string render_bar(const ProgressState& state, std::size_t columns) {
  columns = std::max(columns, kColumnsMin);
  const std::string elapsed = format_duration(state.elapsed);
  if (state.total == 0) return fmt::format("{}  {}", state.status, elapsed).substr(0, columns);

  const std::string text = fmt::format(" {}  {}  {}", amount(state), state.status, elapsed);
  const std::size_t room = columns > text.size() + 2 ? columns - text.size() - 2 : 0;
  const std::size_t cells = std::min(room, kBarCells);
  if (cells < 5) return text.substr(1, columns);  // no room for a bar worth drawing
  const std::uint64_t done = std::min(state.done, state.total);
  // In doubles: done * cells could pass 64 bits for bytes.
  const auto full = static_cast<std::size_t>(
      static_cast<double>(done) / static_cast<double>(state.total) * static_cast<double>(cells));
  return fmt::format("[{}{}]{}", std::string(full, '#'), std::string(cells - full, '-'), text);
}

std::string render_plain(const ProgressState& state) {
  // Bytes move all the time: a pipe gets the step's name once.
  if (state.bytes || state.total == 0) return state.status;
  return fmt::format("{} {}/{}", state.status, state.done, state.total);
}

Progress::Progress(bool terminal, std::function<std::size_t()> columns, Write write)
    : terminal_(terminal), columns_(std::move(columns)), write_(std::move(write)) {}

Progress Progress::of_stderr() {
  return Progress(::isatty(STDERR_FILENO) == 1, stderr_columns, [](std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fflush(stderr);
  });
}

void Progress::show(const ProgressState& state) {
  if (!terminal_) {
    std::string line = render_plain(state);
    if (line == last_) return;
    write_(line + "\n");
    last_ = std::move(line);
    return;
  }
  // One column stays free: a full line wraps on some terminals.
  write_(std::string(kEraseLine) + render_bar(state, columns_() - 1));
  drawn_ = true;
}

void Progress::say(std::string_view line) {
  clear();
  write_(std::string(line) + "\n");
}

void Progress::clear() {
  if (drawn_) write_(kEraseLine);
  drawn_ = false;
}

}  // namespace quarry::cli
