// The splitter gives the same lines wherever its input is cut, and the ones that a plain split
// gives.
#include "base/bytes.h"
#include "json/line_splitter.h"

#include <cstdlib>
#include <string>
#include <vector>

namespace {

using quarry::json::LineSplitter;

struct Seen {
  std::string text;
  std::uint64_t number = 0;
  bool too_long = false;
  bool operator==(const Seen&) const = default;
};

std::vector<Seen> split(std::string_view input,
                        std::size_t chunk_bytes,
                        std::size_t line_bytes_max) {
  LineSplitter splitter(line_bytes_max);
  LineSplitter::Line line;
  std::vector<Seen> seen;
  const auto take = [&] { seen.push_back({std::string(line.text), line.number, line.too_long}); };
  for (std::size_t at = 0; at < input.size(); at += chunk_bytes) {
    const std::string chunk(input.substr(at, chunk_bytes));
    splitter.feed(quarry::as_bytes(chunk));
    while (splitter.next(line)) take();
  }
  while (splitter.finish(line)) take();
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t line_bytes_max = 1 + data[0] % 64;
  const std::size_t chunk_bytes = 1 + data[1] % 32;
  const std::string input(reinterpret_cast<const char*>(data + 2), size - 2);
  const auto whole = split(input, input.size() + 1, line_bytes_max);
  if (split(input, chunk_bytes, line_bytes_max) != whole) std::abort();
  for (const Seen& line : whole) {
    const bool sized = line.text.size() <= line_bytes_max &&
                       (!line.too_long || line.text.size() == line_bytes_max);
    if (!sized || line.number == 0 || line.text.find('\n') != std::string::npos) std::abort();
  }
  return 0;
}
