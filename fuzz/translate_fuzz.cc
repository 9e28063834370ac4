// One family's translators, both ways: any body becomes records that are valid JSON of one line
// each, or an error that says where; any modelOutput becomes the endpoint's body, or an error.
//
// The first byte says what is translated: bit 0 the direction (0: a request), bits 1-2 the
// endpoint, bit 3 drop_params, the rest the model of the family (a request), or the note (a
// result).
#include "translate/translator.h"

#include <boost/json.hpp>

#include <array>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace quarry;
namespace bj = boost::json;

void require(bool condition) {
  if (!condition) std::abort();
}

constexpr std::string_view kFamily = QUARRY_FAMILY_NAME;
constexpr std::string_view kSeed = "0123456789abcdef0123456789abcdef";
constexpr std::array kEndpoints{openai::Endpoint::chat_completions, openai::Endpoint::completions,
                                openai::Endpoint::responses, openai::Endpoint::embeddings};

// nullopt: valid, but for a number that this parser has no type for (1e9999 is copied as it
// stands).
std::optional<bj::object> parse(std::string_view text) {
  bj::parse_options options;
  options.max_depth = 1024;  // JSON within JSON is deeper than the body was
  boost::system::error_code error;
  const bj::value value = bj::parse(bj::string_view(text.data(), text.size()), error, {}, options);
  if (error == bj::error::exponent_overflow) return std::nullopt;
  require(!error && value.is_object());
  return value.get_object();
}

// Converse carries every family's models.
std::vector<const catalog::Model*> models() {
  std::vector<const catalog::Model*> found;
  for (const catalog::Model& model : catalog::Catalog::built_in().models()) {
    if (model.family == kFamily || kFamily == "converse") found.push_back(&model);
  }
  return found;
}

translate::Wire wire() {
  return kFamily == "converse" ? translate::Wire::converse : translate::Wire::native;
}

void request(std::uint8_t how, std::string_view body) {
  static translate::RequestTranslator translator;
  static translate::TranslatedLine line;
  static const auto known = models();
  const translate::RequestOptions options{.endpoint = kEndpoints[(how >> 1) & 3],
                                          .model = known[(how >> 4) % known.size()],
                                          .wire = wire(),
                                          .drop_params = (how & 8) != 0};
  const auto done = translator.translate(body, options, line);
  if (!done) {
    require(line.records() == 0 && !done.error().code.empty() && !done.error().message.empty());
    require(done.error().param.starts_with("body") || done.error().param == "url");
    return;
  }
  require(line.records() > 0);
  for (std::size_t i = 0; i < line.records(); ++i) {
    require(line.record(i).find('\n') == std::string_view::npos);
    parse(line.record(i));
  }
  require(line.note().size() <= translate::TranslatedLine::kNoteBytesMax);
  for (const char c : line.note()) require(c > ' ' && c < 0x7f);
}

void result(std::uint8_t how, std::string_view answer) {
  static translate::ResultTranslator translator;
  const translate::ResultOptions options{.endpoint = kEndpoints[(how >> 1) & 3],
                                         .family = kFamily,
                                         .wire = wire(),
                                         .model_name = "m",
                                         .created = 1,
                                         .completion_seed = kSeed,
                                         .note = (how & 8) == 0   ? ""
                                                 : (how & 6) == 6 ? "base64"
                                                                  : "tools;"};
  std::string out = "kept";
  const auto usage = translator.translate(answer, options, out);
  require(out.starts_with("kept"));
  if (!usage) {
    require(out == "kept" && usage.error().code == "upstream_malformed");
    return;
  }
  out.erase(0, 4);
  require(out.find('\n') == std::string::npos);
  const auto body = parse(out);
  if (!body) return;
  require(body->at("model") == "m");
  require(usage->has_value() != body->contains("usage_absent"));
  if (*usage) require((*usage)->input_tokens >= 0 && (*usage)->output_tokens >= 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  (data[0] & 1) == 0 ? request(data[0], text) : result(data[0], text);
  return 0;
}
