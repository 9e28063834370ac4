#include "translate/families/claude_shape.h"

#include "json/write.h"

#include <algorithm>
#include <array>

namespace quarry::translate {

namespace {

// Anthropic, "Extended thinking": the least budget, and the least top_p beside it.
constexpr std::int64_t kBudgetMin = 1024;
constexpr std::int64_t kBudgetMax = std::int64_t{1} << 40;
constexpr double kTopPMin = 0.95;
// Adaptive thinking has no budget: enough that it leaves room for an answer.
constexpr std::int64_t kAnswerTokens = 4096;  // where the client says nothing
constexpr std::int64_t kAdaptiveTokens = 28'672;

// What LiteLLM makes of the words, too.
std::int64_t budget_of(std::string_view effort) {
  if (effort == "medium") return 2048;
  if (effort == "high") return 4096;
  return effort == "xhigh" ? 8192 : kBudgetMin;
}

// Anthropic API reference, output_config.effort.
std::string_view claude_effort(std::string_view effort) {
  if (effort == "medium") return "medium";
  return effort == "high" || effort == "xhigh" ? "high" : "low";
}

std::string_view conversation_place(const Conversation& conversation) {
  return conversation.body == BodyKind::responses ? "body.input" : "body.messages";
}

Outcome read_budget(const std::optional<json::Value>& budget,
                    const std::string& param,
                    ClaudeThinking& to) {
  if (!budget) return missing(param);
  to.budget = budget->integer();
  if (to.budget && *to.budget >= kBudgetMin && *to.budget <= kBudgetMax) return {};
  return invalid_value(param, "must be an integer of at least " + std::to_string(kBudgetMin));
}

// {"type":"enabled","budget_tokens":…}, {"type":"adaptive"}, {"type":"disabled"}
Outcome read_raw(json::Value raw,
                 const std::string& param,
                 const catalog::Model& model,
                 ClaudeThinking& to) {
  if (!raw.is(json::Kind::object)) return wrong_type(param, "an object", raw.kind());
  for (const auto [key, value] : raw.members()) {
    if (key == "type" || key == "budget_tokens" || key == "display") continue;
    return unsupported(param + "." + std::string(key), "unknown parameter");
  }
  const auto [type, budget] = raw.pick<"type", "budget_tokens">();
  if (!type) return missing(param + ".type");
  if (!type->is(json::Kind::string)) return wrong_type(param + ".type", "a string", type->kind());
  const std::string_view word = type->text();
  if (word != "enabled" && word != "adaptive" && word != "disabled") {
    return invalid_value(param + ".type",
                         "supported values are: 'enabled', 'adaptive', 'disabled'");
  }
  to.raw = raw;
  to.on = word != "disabled";
  const bool adaptive = model.reasoning == catalog::Reasoning::adaptive;
  if (word == "adaptive" && !adaptive) {
    return unsupported(param + ".type",
                       model.id + " thinks with a budget: use 'enabled' with budget_tokens");
  }
  // Budgets went out with sampling parameters, in Claude Opus 4.7.
  if (word == "enabled" && adaptive && model.refuses_parameter("temperature")) {
    return unsupported(param + ".type", model.id + " takes no budget: use 'adaptive'");
  }
  if (word == "enabled") return read_budget(budget, param + ".budget_tokens", to);
  if (!budget) return {};
  return invalid_value(param + ".budget_tokens", "is only for the type 'enabled'");
}

// With a budget, a turn that called tools must begin with its thoughts, which OpenAI's messages do
// not carry, until its results are answered.
const Part* pending_result(const Conversation& conversation) {
  const auto& parts = conversation.parts;
  const Part* result = nullptr;
  for (std::size_t i = parts.size(); i > 0 && parts[i - 1].role == Role::user; --i) {
    if (parts[i - 1].kind == PartKind::tool_result) result = &parts[i - 1];
  }
  return result;
}

// One that is left out with drop_params.
template <class Value>
Outcome leave_out(const ChatRequest& request,
                  Param param,
                  std::string_view why,
                  std::optional<Value>& value) {
  if (!request.drop_params) return invalid_value(request.param(param), why);
  value.reset();
  return {};
}

Outcome check_budget(const ChatRequest& request,
                     const ClaudeThinking& thinking,
                     std::optional<std::int64_t> max_tokens) {
  if (!thinking.budget || !max_tokens || *thinking.budget < *max_tokens) return {};
  const std::string limit = "must be less than max_tokens, which is " + std::to_string(*max_tokens);
  if (thinking.raw) return invalid_value("body.thinking.budget_tokens", limit);
  return invalid_value(
      request.param(Param::reasoning_effort),
      "comes to " + std::to_string(*thinking.budget) + " tokens of thinking, which " + limit);
}

Outcome check_thinking(const ChatRequest& request,
                       const ClaudeThinking& thinking,
                       std::optional<std::int64_t> max_tokens,
                       Checked& checked) {
  if (auto ok = check_budget(request, thinking, max_tokens); !ok) return ok;
  if (checked.temperature && checked.temperature->number != 1) {
    if (auto ok =
            leave_out(request, Param::temperature, "must be 1 with thinking", checked.temperature);
        !ok)
      return ok;
  }
  if (checked.top_p && checked.top_p->number < kTopPMin) {
    if (auto ok =
            leave_out(request, Param::top_p, "must be at least 0.95 with thinking", checked.top_p);
        !ok)
      return ok;
  }
  if (checked.top_k) {
    if (auto ok = leave_out(request, Param::top_k, "must be left out with thinking", checked.top_k);
        !ok)
      return ok;
  }
  const bool forced =
      request.tool_choice == ToolChoice::required || request.tool_choice == ToolChoice::named;
  if (!checked.tools || !forced) return {};
  return invalid_value("body.tool_choice", "must be 'auto' or 'none' with thinking");
}

Outcome check_stop(const ChatRequest& request, const catalog::Model& model, Checked& checked) {
  const auto blank = std::ranges::find_if(checked.stop, is_blank);
  if (blank == checked.stop.end()) return {};
  if (!request.drop_params) {
    return unsupported(request.stop_place(*blank),
                       model.id + " takes no stop sequence that is only whitespace");
  }
  std::erase_if(checked.stop, is_blank);
  return {};
}

bool is_object_schema(json::Value schema) {
  const auto type = schema.find_non_null("type");
  if (!type) return schema.find_non_null("properties").has_value();
  if (type->is(json::Kind::string)) return type->text() == "object";
  if (!type->is(json::Kind::array)) return false;
  for (const json::Value one : type->elements()) {
    if (one.is(json::Kind::string) && one.text() == "object") return true;
  }
  return false;
}

// What is wrong with a schema. The place is put together on the way back: there is nothing to do
// for the many that are right.
struct SchemaFault {
  std::string place;
  std::string_view why;
};

std::optional<SchemaFault> below(std::string_view key, std::optional<SchemaFault> fault) {
  if (fault) fault->place.insert(0, std::string(".").append(key.substr(0, 64)));
  return fault;
}

std::optional<SchemaFault> fault_of(json::Value schema);

// Of the schemas in a member.
std::optional<SchemaFault> fault_within(std::string_view key, json::Value value) {
  if (key == "items") return below(key, fault_of(value));
  if (key == "properties" || key == "$defs" || key == "definitions") {
    if (!value.is(json::Kind::object)) return std::nullopt;
    for (const auto [name, property] : value.members()) {
      if (auto fault = fault_of(property)) return below(key, below(name, std::move(fault)));
    }
  } else if (key == "anyOf" || key == "allOf" || key == "oneOf") {
    if (!value.is(json::Kind::array)) return std::nullopt;
    std::size_t index = 0;
    for (const json::Value option : value.elements()) {
      if (auto fault = fault_of(option)) {
        fault->place.insert(0, "[" + std::to_string(index) + "]");
        return below(key, std::move(fault));
      }
      ++index;
    }
  }
  return std::nullopt;
}

std::optional<SchemaFault> fault_of(json::Value schema) {
  constexpr std::array<std::string_view, 7> bounds{
      "minimum",    "maximum",   "exclusiveMinimum", "exclusiveMaximum",
      "multipleOf", "minLength", "maxLength"};
  if (!schema.is(json::Kind::object)) return std::nullopt;
  if (is_object_schema(schema)) {
    const auto others = schema.find("additionalProperties");
    if (!others || !others->is(json::Kind::boolean) || others->boolean()) {
      return SchemaFault{"", "an object's schema needs \"additionalProperties\": false for Claude"};
    }
  }
  for (const auto [key, value] : schema.members()) {
    if (std::ranges::find(bounds, key) != bounds.end()) {
      return below(key, SchemaFault{"", "Claude knows no such bound; say it in the description"});
    }
    if (auto fault = fault_within(key, value)) return fault;
  }
  return std::nullopt;
}

}  // namespace

std::int64_t ClaudeThinking::tokens() const {
  if (!on) return 0;
  return budget.value_or(kAdaptiveTokens);
}

std::int64_t claude_max_tokens(const Checked& checked,
                               const catalog::Model& model,
                               const ClaudeThinking& thinking) {
  const std::int64_t wanted = kAnswerTokens + thinking.tokens();
  const std::int64_t ceiling = model.output_tokens_max;
  return checked.max_tokens.value_or(ceiling == 0 ? wanted : std::min(wanted, ceiling));
}

std::expected<ClaudeThinking, openai::LineError> read_claude_thinking(const ChatRequest& request,
                                                                      const Checked& checked,
                                                                      const catalog::Model& model) {
  ClaudeThinking thinking;
  const auto& effort = checked.value(Param::reasoning_effort);
  if (const auto& raw = checked.value(Param::thinking)) {
    if (effort) {
      return invalid_value(request.param(Param::reasoning_effort),
                           "is given beside thinking; give one of them");
    }
    if (auto ok = read_raw(*raw, request.param(Param::thinking), model, thinking); !ok)
      return std::unexpected(ok.error());
  } else if (effort && effort->text() != "none") {
    thinking.on = true;
    if (model.reasoning == catalog::Reasoning::budget) {
      thinking.budget = budget_of(effort->text());
    } else {
      thinking.effort = claude_effort(effort->text());
    }
  }
  if (!thinking.budget || pending_result(request.conversation) == nullptr) return thinking;
  if (request.drop_params) return ClaudeThinking();
  return invalid_value(
      thinking.raw ? request.param(Param::thinking) : request.param(Param::reasoning_effort),
      model.id +
          " does not go on thinking after a tool's result without the thoughts "
          "that led to the call, which the messages do not carry; leave it out");
}

void append_claude_thinking(const ClaudeThinking& thinking, std::string& out) {
  if (thinking.raw) {
    thinking.raw->append_compact(out);
  } else if (thinking.budget) {
    out += R"({"type":"enabled","budget_tokens":)";
    json::append_integer(out, *thinking.budget);
    out += '}';
  } else {
    out += R"({"type":"adaptive"})";
  }
}

Outcome check_claude(const ChatRequest& request,
                     const catalog::Model& model,
                     const ClaudeThinking& thinking,
                     std::optional<std::int64_t> max_tokens,
                     Checked& checked) {
  if (thinking.on) {
    if (auto ok = check_thinking(request, thinking, max_tokens, checked); !ok) return ok;
  }
  const bool schema = checked.format == Format::json_schema;
  if (request.conversation.ends_with_assistant() && (thinking.on || schema)) {
    return invalid_value(conversation_place(request.conversation),
                         std::string("the last message must be of the user with ")
                             .append(thinking.on ? "thinking" : "structured output"));
  }
  if (schema) {
    auto ok = check_claude_schema(*request.schema, request.conversation.body == BodyKind::responses
                                                       ? "body.text.format.schema"
                                                       : "body.response_format.json_schema.schema");
    if (!ok) return ok;
  }
  return check_stop(request, model, checked);
}

Outcome check_claude_schema(json::Value schema, std::string_view place) {
  const auto fault = fault_of(schema);
  if (!fault) return {};
  return invalid_value(std::string(place) + fault->place, fault->why);
}

}  // namespace quarry::translate
