// Any modelOutput becomes a chat.completion or an error.
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
  static translate::ResultTranslator translator;
  const std::string answer(reinterpret_cast<const char*>(data), size);
  std::string out;
  const auto usage = translator.translate(
      answer,
      {.model_name = "m", .created = 1, .completion_seed = "0123456789abcdef0123456789abcdef"},
      out);
  if (!usage) {
    require(out.empty() && usage.error().code == "upstream_malformed");
    return 0;
  }
  require(usage->input_tokens >= 0 && usage->output_tokens >= 0);
  const auto json = boost::json::parse(out);
  require(json.at("object") == "chat.completion");
  require(json.at("usage").at("total_tokens").to_number<std::int64_t>() == usage->total_tokens());
  const auto& message = json.at("choices").at(0).at("message").as_object();
  require(message.at("content").is_string() || message.contains("tool_calls"));
  return 0;
}
