#pragma once
// JSON as different writers write it: Python's json.dumps, with and without ensure_ascii, and the
// compact form of JavaScript and of Bedrock.

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quarry::bench {

struct JsonStyle {
  bool spaced = false;  // ", " and ": "
  bool ascii = false;   // all else as \uXXXX

  std::string string(std::string_view utf8) const;
  std::string object(std::initializer_list<std::pair<std::string_view, std::string>> members) const;
  std::string array(const std::vector<std::string>& elements) const;
};

}  // namespace quarry::bench
