// Batch lines: the reader's verdict on JSON is Boost.JSON's, and what it gives is inside the line.
#include "openai/batch_line.h"

#include <boost/json.hpp>

#include <cstdlib>
#include <string>

namespace {

namespace bj = boost::json;

bool valid_json(const std::string& text) {
  bj::parse_options options;
  options.max_depth = 256;
  bj::error_code error;
  bj::parse(text, error, {}, options);
  return !error;
}

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static quarry::openai::BatchLineReader reader;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto line = reader.read(text);
  if (!line) {
    // What Boost takes, we refuse for its meaning only.
    const bool syntax = line.error().code == "invalid_json_line";
    require(!syntax || !valid_json(text));
    return 0;
  }
  require(valid_json(text));
  require(line->body.data() >= text.data() &&
          line->body.data() + line->body.size() <= text.data() + size);
  const bj::value whole = bj::parse(text);
  require(whole.at("custom_id").as_string() ==
          bj::string_view(line->custom_id.data(), line->custom_id.size()));
  require(whole.at("body") == bj::parse(bj::string_view(line->body.data(), line->body.size())));

  std::string out;
  quarry::openai::append_response_line(out, line->custom_id_json, "00", 200, line->body);
  require(out.find('\n') == out.size() - 1 && out.find("\xe2\x80\xa8") == std::string::npos);
  require(bj::parse(out).at("response").at("body") == whole.at("body"));
  return 0;
}
