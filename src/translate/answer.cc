#include "translate/answer.h"

#include "json/write.h"

namespace quarry::translate {

namespace {

// Far above what any model counts; sums of it over a batch stay within 64 bits.
constexpr std::int64_t kTokensMax = std::int64_t{1} << 40;

}  // namespace

void Text::add(std::string_view inside) {
  if (empty()) {
    piece_ = inside;
    return;
  }
  if (joined_.empty()) joined_ = piece_;
  joined_ += inside;
}

void Text::clear() {
  piece_ = {};
  joined_.clear();
}

void Answer::clear() {
  text.clear();
  reasoning.clear();
  refusal = {};
  calls.clear();
  finish = Finish::stop;
  usage.reset();
}

void Answer::add_call(std::string_view id_inside,
                      std::string_view name_inside,
                      json::Value arguments) {
  while (escaped.size() <= calls.size()) escaped.emplace_back();
  std::string& inside = escaped[calls.size()];
  inside.clear();
  scratch.clear();
  arguments.append_compact(scratch);
  json::append_string_inside(inside, scratch);
  calls.push_back({id_inside, name_inside, inside});
}

Refusal malformed(std::string_view why) {
  std::string message = "The model's answer cannot be read: ";
  message.append(why).append(".");
  return Refusal(openai::LineError{"upstream_malformed", std::move(message), ""});
}

std::optional<std::int64_t> token_count(const std::optional<json::Value>& value) {
  if (!value || value->is(json::Kind::null)) return 0;
  const auto count = value->integer();
  if (!count || *count < 0 || *count > kTokensMax) return std::nullopt;
  return count;
}

std::optional<std::int64_t> token_count(json::Value usage, std::string_view key) {
  return token_count(usage.find_non_null(key));
}

std::expected<json::Value, openai::LineError> parse_answer(json::Document& document,
                                                           std::string_view model_output) {
  const auto root = document.parse(model_output);
  if (!root) return malformed(json::message(root.error()));
  if (!root->is(json::Kind::object)) return malformed("it is not an object");
  return *root;
}

}  // namespace quarry::translate
