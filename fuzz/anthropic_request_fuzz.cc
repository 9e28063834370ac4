// Any body becomes valid JSON that Claude's page describes, or an error that says where; never a
// broken record.
#include "translate/translator.h"

#include <boost/json.hpp>

#include <cstdlib>
#include <string>

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace quarry;
  static translate::RequestTranslator translator;
  static const auto& models = catalog::Catalog::built_in().models();
  if (size < 1) return 0;
  const std::string body(reinterpret_cast<const char*>(data + 1), size - 1);
  const translate::RequestOptions options{.model = &models[(data[0] >> 1) % models.size()],
                                          .drop_params = (data[0] & 1) != 0};
  std::string out = "kept";
  const auto done = translator.translate(body, options, out);
  require(out.starts_with("kept"));
  out.erase(0, 4);
  if (!done) {
    require(out.empty() && !done.error().code.empty() && !done.error().message.empty());
    return 0;
  }
  require(out.find('\n') == std::string::npos);
  boost::json::parse_options parse_options;
  parse_options.max_depth = 1024;
  const auto json = boost::json::parse(out, {}, parse_options);
  require(json.at("anthropic_version") == "bedrock-2023-05-31");
  require(json.at("max_tokens").to_number<std::int64_t>() >= 1);
  const auto& messages = json.at("messages").as_array();
  require(!messages.empty());
  std::string_view wanted = "user";
  for (const auto& message : messages) {
    require(message.at("role").as_string() == wanted);
    require(!message.at("content").as_array().empty());
    wanted = wanted == "user" ? "assistant" : "user";
  }
  return 0;
}
