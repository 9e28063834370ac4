#include "sandbox/reply_text.h"

#include <algorithm>

namespace quarry::sandbox {

std::uint64_t tokens_in(std::string_view text) { return (text.size() + 3) / 4; }

ReplyEnd end_reply(std::string& text,
                   const std::vector<std::string_view>& stops,
                   std::uint64_t tokens_max) {
  std::size_t end = std::string::npos;
  for (const std::string_view stop : stops) {
    if (!stop.empty()) end = std::min(end, text.find(stop));
  }
  if (end != std::string::npos) text.resize(end);
  if (tokens_in(text) <= tokens_max)
    return end == std::string::npos ? ReplyEnd::natural : ReplyEnd::stop_sequence;
  std::size_t size = static_cast<std::size_t>(tokens_max) * 4;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  text.resize(size);
  return ReplyEnd::tokens_max;
}

}  // namespace quarry::sandbox
