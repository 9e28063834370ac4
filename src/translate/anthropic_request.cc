#include "translate/anthropic_request.h"

#include "json/write.h"
#include "translate/anthropic_tools.h"
#include "translate/chat_request.h"

#include <algorithm>
#include <array>

namespace quarry::translate {

namespace {

constexpr std::int64_t kDefaultMaxTokens = 4096;
// Anthropic, "Extended thinking": the least budget.
constexpr std::int64_t kThinkingBudgetMin = 1024;

// The numbers and lists of a request, written in the order of Claude's page.
class Parameters {
 public:
  Parameters(const ChatRequest& request,
             const catalog::Model& model,
             bool drop_params,
             std::string& out)
      : request_(request), model_(model), drop_params_(drop_params), out_(out) {}

  Outcome append_max_tokens();
  Outcome append_sampling();
  Outcome append_stop();
  Outcome append_extensions();
  bool thinks() const { return thinking_budget().value_or(std::nullopt).has_value(); }

 private:
  struct Number {
    json::Value value;
    double number = 0;
  };
  struct Sampling {
    std::optional<Number> temperature, top_p;
    std::optional<json::Value> top_k;
  };

  std::expected<std::optional<std::int64_t>, openai::LineError> limit(
      const std::optional<json::Value>& value, std::string_view param) const;
  std::int64_t default_max_tokens() const;
  std::expected<std::optional<std::int64_t>, openai::LineError> thinking_budget() const;
  static std::expected<std::optional<Number>, openai::LineError> number(
      const std::optional<json::Value>& value, std::string_view param, double max);
  Outcome choose(Sampling& sampling) const;
  Outcome check_thinking(const Sampling& sampling) const;
  void append_member(std::string_view key, const std::optional<json::Value>& value);

  const ChatRequest& request_;
  const catalog::Model& model_;
  bool drop_params_;
  std::string& out_;
  std::int64_t max_tokens_ = 0;
};

std::expected<std::optional<std::int64_t>, openai::LineError> Parameters::limit(
    const std::optional<json::Value>& value, std::string_view param) const {
  if (!value) return std::nullopt;
  const auto number = value->integer();
  if (!number) {
    if (!value->is(json::Kind::number)) return wrong_type(param, "an integer", value->kind());
    return invalid_value(param, "must be an integer");
  }
  if (*number < 1) return invalid_value(param, "must be at least 1");
  if (model_.output_tokens_max != 0 && *number > model_.output_tokens_max) {
    return invalid_value(param, std::to_string(*number) + " is over " + model_.id +
                                    "'s ceiling of " + std::to_string(model_.output_tokens_max));
  }
  return number;
}

std::expected<std::optional<std::int64_t>, openai::LineError> Parameters::thinking_budget() const {
  const auto& thinking = request_.thinking;
  if (!thinking) return std::nullopt;
  if (!thinking->is(json::Kind::object))
    return wrong_type("body.thinking", "an object", thinking->kind());
  const auto budget = thinking->find_non_null("budget_tokens");
  if (!budget) return std::nullopt;
  const auto tokens = budget->integer();
  if (!tokens || *tokens < kThinkingBudgetMin || *tokens > (std::int64_t{1} << 40)) {
    return invalid_value("body.thinking.budget_tokens",
                         "must be an integer of at least " + std::to_string(kThinkingBudgetMin));
  }
  return tokens;
}

// Claude demands the member; its thinking counts against it.
std::int64_t Parameters::default_max_tokens() const {
  const auto budget = thinking_budget();
  const std::int64_t wanted = kDefaultMaxTokens + (budget ? budget->value_or(0) : 0);
  return model_.output_tokens_max == 0 ? wanted : std::min(wanted, model_.output_tokens_max);
}

Outcome Parameters::append_max_tokens() {
  const auto newer = limit(request_.max_completion_tokens, "body.max_completion_tokens");
  if (!newer) return std::unexpected(newer.error());
  const auto older = limit(request_.max_tokens, "body.max_tokens");
  if (!older) return std::unexpected(older.error());
  if (*newer && *older && **newer != **older) {
    return invalid_value("body.max_tokens", "differs from max_completion_tokens; give one of them");
  }
  max_tokens_ = *newer ? **newer : *older ? **older : default_max_tokens();
  out_ += ",\"max_tokens\":";
  json::append_integer(out_, max_tokens_);
  return {};
}

std::expected<std::optional<Parameters::Number>, openai::LineError> Parameters::number(
    const std::optional<json::Value>& value, std::string_view param, double max) {
  if (!value) return std::nullopt;
  if (!value->is(json::Kind::number)) return wrong_type(param, "a number", value->kind());
  const auto number = value->number();
  if (!number || *number < 0 || *number > max) {
    return invalid_value(param, "must be between 0 and " + std::to_string(static_cast<int>(max)));
  }
  return Number{*value, *number};
}

// What of temperature, top_p and top_k goes to the model. 1 is the default of both temperature and
// top_p, so leaving that out changes nothing.
Outcome Parameters::choose(Sampling& sampling) const {
  if (sampling.temperature && sampling.temperature->number > 1) {
    if (!drop_params_) {
      return unsupported("body.temperature", std::string(sampling.temperature->value.raw()) +
                                                 " is over the 1 that this model takes at most");
    }
    sampling.temperature.reset();
  }
  const bool all_refused = model_.no_sampling;
  const bool both = sampling.temperature && sampling.top_p;
  if (!all_refused && !(model_.temperature_or_top_p && both)) return {};

  if (sampling.top_p && sampling.top_p->number == 1) sampling.top_p.reset();
  const bool still_both = sampling.temperature && sampling.top_p;
  if (sampling.temperature && sampling.temperature->number == 1 && (all_refused || still_both)) {
    sampling.temperature.reset();
  }
  if (drop_params_ && all_refused) sampling = {};
  if (all_refused) {
    if (sampling.temperature) return unsupported("body.temperature", "this model does not take it");
    if (sampling.top_p) return unsupported("body.top_p", "this model does not take it");
    if (sampling.top_k) return unsupported("body.top_k", "this model does not take it");
  } else if (sampling.temperature && sampling.top_p) {
    if (!drop_params_) {
      return unsupported("body.top_p", "this model takes temperature or top_p, but not both");
    }
    sampling.top_p.reset();
  }
  return {};
}

Outcome Parameters::check_thinking(const Sampling& sampling) const {
  const auto budget = thinking_budget();
  if (!budget) return std::unexpected(budget.error());
  if (!*budget) return {};
  if (**budget >= max_tokens_) {
    return invalid_value("body.thinking.budget_tokens",
                         "must be less than max_tokens, which is " + std::to_string(max_tokens_));
  }
  if (sampling.temperature && sampling.temperature->number != 1) {
    return invalid_value("body.temperature", "must be 1 with thinking");
  }
  return {};
}

Outcome Parameters::append_sampling() {
  const auto temperature = number(request_.temperature, "body.temperature", 2);
  if (!temperature) return std::unexpected(temperature.error());
  const auto top_p = number(request_.top_p, "body.top_p", 1);
  if (!top_p) return std::unexpected(top_p.error());
  Sampling sampling{*temperature, *top_p, request_.top_k};
  if (sampling.top_k && sampling.top_k->integer().value_or(-1) < 0) {
    return invalid_value("body.top_k", "must be an integer that is not negative");
  }
  if (auto ok = choose(sampling); !ok) return ok;
  if (auto ok = check_thinking(sampling); !ok) return ok;
  if (sampling.temperature) append_member("temperature", sampling.temperature->value);
  if (sampling.top_p) append_member("top_p", sampling.top_p->value);
  append_member("top_k", sampling.top_k);
  return {};
}

Outcome Parameters::append_stop() {
  if (!request_.stop) return {};
  const bool list = request_.stop->is(json::Kind::array);
  if (!list && !request_.stop->is(json::Kind::string)) {
    return wrong_type("body.stop", "a string or an array", request_.stop->kind());
  }
  const std::size_t before = out_.size();
  out_ += ",\"stop_sequences\":[";
  const std::size_t empty = out_.size();
  const auto append = [&](json::Value value, const std::string& param) -> Outcome {
    if (!value.is(json::Kind::string)) return wrong_type(param, "a string", value.kind());
    if (value.raw_text().empty()) return {};
    if (value.text().find_first_not_of(" \t\r\n\f\v") == std::string_view::npos) {
      if (drop_params_) return {};
      return unsupported(param, "this model takes no stop sequence that is only whitespace");
    }
    out_.append(value.raw()).append(",");
    return {};
  };
  if (list) {
    std::size_t index = 0;
    for (const json::Value value : request_.stop->elements()) {
      if (auto ok = append(value, "body.stop[" + std::to_string(index++) + "]"); !ok) return ok;
    }
  } else if (auto ok = append(*request_.stop, "body.stop"); !ok) {
    return ok;
  }
  out_.size() == empty ? out_.resize(before) : void(out_.back() = ']');
  return {};
}

Outcome Parameters::append_extensions() {
  if (const auto& beta = request_.anthropic_beta; beta && !beta->is(json::Kind::array)) {
    return wrong_type("body.anthropic_beta", "an array", beta->kind());
  }
  append_member("thinking", request_.thinking);
  append_member("anthropic_beta", request_.anthropic_beta);
  return {};
}

void Parameters::append_member(std::string_view key, const std::optional<json::Value>& value) {
  if (!value) return;
  out_.append(",\"").append(key).append("\":");
  value->append_compact(out_);
}

}  // namespace

Outcome AnthropicRequest::append(std::string_view body,
                                 const catalog::Model& model,
                                 bool drop_params,
                                 std::string& out) {
  const auto root = body_.parse(body);
  if (!root) return unreadable(root.error(), "body");
  if (!root->is(json::Kind::object)) return wrong_type("body", "an object", root->kind());
  const auto request = read_chat_request(*root, drop_params);
  if (!request) return std::unexpected(request.error());
  if (!request->messages) {
    return Refusal(
        openai::LineError{"invalid_request", "Messages parameter is required.", "body.messages"});
  }

  out += R"({"anthropic_version":"bedrock-2023-05-31")";
  Parameters parameters(*request, model, drop_params, out);
  if (auto ok = parameters.append_max_tokens(); !ok) return ok;
  out += ',';
  AnthropicMessages messages(scratch_, out);
  if (auto ok = messages.append(*request->messages); !ok) return ok;
  if (messages.prefilled() && (model.no_prefill || parameters.thinks())) {
    return invalid_value("body.messages",
                         model.no_prefill ? "the last message must be of the user for this model"
                                          : "the last message must be of the user with thinking");
  }
  if (auto ok = parameters.append_sampling(); !ok) return ok;
  if (auto ok = parameters.append_stop(); !ok) return ok;
  if (auto ok = append_anthropic_tools(*request, messages.uses_tools(), out); !ok) return ok;
  if (auto ok = parameters.append_extensions(); !ok) return ok;
  out += '}';
  return {};
}

}  // namespace quarry::translate
