// ~/.aws/config and the commands in it, as anybody may have written them.

#include "aws/profile_file.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace quarry::aws;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto sections = parse_ini(text)) {
    std::size_t bytes = 0;
    for (const auto& [name, section] : *sections) {
      for (const auto& [key, value] : section) bytes += value.size();
    }
    if (bytes > size) std::abort();  // nothing is made up
  }
  if (const auto words = split_words(text)) {
    for (const std::string& word : *words) {
      if (word.size() > size) std::abort();
    }
  }
  const auto environment = [](const std::string&) -> std::optional<std::string> { return "x"; };
  static_cast<void>(expand_path(text, environment));
  return 0;
}
