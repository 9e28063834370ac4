// Claude's body on Bedrock (Bedrock user guide, "Anthropic Claude Messages API: request and
// response"; Anthropic API reference, "Messages").
#include "json/write.h"
#include "translate/family.h"
#include "translate/tool_ids.h"

#include <algorithm>
#include <optional>

namespace quarry::translate {

namespace {

constexpr std::int64_t kDefaultMaxTokens = 4096;
// Anthropic, "Extended thinking": the least budget.
constexpr std::int64_t kThinkingBudgetMin = 1024;
constexpr std::int64_t kThinkingBudgetMax = std::int64_t{1} << 40;
constexpr std::string_view kSpaces = " \t\r\n\f\v";

constexpr FamilyRules kRules{.takes = {Param::max_tokens, Param::temperature, Param::top_p,
                                       Param::stop, Param::top_k, Param::thinking,
                                       Param::anthropic_beta, Param::reasoning_effort}};

// How it is to think: a budget of tokens, or an effort.
struct Thinking {
  std::optional<json::Value> raw;      // as the client wrote it
  std::optional<std::int64_t> budget;  // its budget_tokens, or what an effort comes to
  std::string_view effort;             // adaptive thinking's

  bool on() const { return raw ? !off : budget || !effort.empty(); }
  bool off = false;  // {"type":"disabled"}
};

// What LiteLLM makes of the words, too.
std::int64_t budget_of(std::string_view effort) {
  if (effort == "medium") return 2048;
  if (effort == "high") return 4096;
  return effort == "xhigh" ? 8192 : kThinkingBudgetMin;
}

// Anthropic API reference, output_config.effort.
std::string_view claude_effort(std::string_view effort) {
  if (effort == "medium") return "medium";
  return effort == "high" || effort == "xhigh" ? "high" : "low";
}

// One line.
class Writer {
 public:
  Writer(const ChatRequest& request,
         const Checked& checked,
         const catalog::Model& model,
         json::Document& scratch,
         std::string& out)
      : request_(request),
        conversation_(request.conversation),
        checked_(checked),
        model_(model),
        scratch_(scratch),
        out_(out) {}

  Outcome append();

 private:
  Outcome read_thinking();
  Outcome check_thinking() const;
  Outcome append_max_tokens();
  Outcome append_messages();
  Outcome append_part(const Part& part, bool last);
  void append_text(json::Value text, bool trim);
  void append_source(std::string_view type, const Part& part);
  Outcome append_result(const Part& result);
  void append_system();
  void append_sampling();
  Outcome append_stop();
  void append_tools();
  void append_tool(const Tool& tool);
  void append_choice();
  void append_extensions();
  void open_turn(Role role);
  void open_block();

  const ChatRequest& request_;
  const Conversation& conversation_;
  const Checked& checked_;
  const catalog::Model& model_;
  json::Document& scratch_;
  std::string& out_;
  Thinking thinking_;
  std::int64_t max_tokens_ = 0;
  Role turn_ = Role::system;  // none yet
  bool first_block_ = true;
};

Outcome Writer::read_thinking() {
  const auto& effort = checked_.value(Param::reasoning_effort);
  const auto& raw = checked_.value(Param::thinking);
  if (raw) {
    if (!raw->is(json::Kind::object)) return wrong_type("body.thinking", "an object", raw->kind());
    if (effort) {
      return invalid_value(request_.param(Param::reasoning_effort),
                           "is given beside thinking; give one of them");
    }
    thinking_.raw = raw;
    const auto type = raw->find_non_null("type");
    thinking_.off = type && type->is(json::Kind::string) && type->text() == "disabled";
    const auto budget = raw->find_non_null("budget_tokens");
    if (!budget) return {};
    thinking_.budget = budget->integer();
    if (!thinking_.budget || *thinking_.budget < kThinkingBudgetMin ||
        *thinking_.budget > kThinkingBudgetMax) {
      return invalid_value("body.thinking.budget_tokens",
                           "must be an integer of at least " + std::to_string(kThinkingBudgetMin));
    }
    return {};
  }
  if (!effort || effort->text() == "none") return {};
  if (model_.reasoning == catalog::Reasoning::budget) {
    thinking_.budget = budget_of(effort->text());
  } else {
    thinking_.effort = claude_effort(effort->text());
  }
  return {};
}

// Anthropic, "Extended thinking": what it goes together with.
Outcome Writer::check_thinking() const {
  if (!thinking_.on()) return {};
  if (thinking_.budget && *thinking_.budget >= max_tokens_) {
    const std::string limit = std::to_string(max_tokens_);
    if (thinking_.raw) {
      return invalid_value("body.thinking.budget_tokens",
                           "must be less than max_tokens, which is " + limit);
    }
    return invalid_value(request_.param(Param::reasoning_effort),
                         "comes to " + std::to_string(*thinking_.budget) +
                             " tokens of thinking, which must be less than max_tokens, which is " +
                             limit);
  }
  if (checked_.temperature && checked_.temperature->number != 1) {
    return invalid_value(request_.param(Param::temperature), "must be 1 with thinking");
  }
  if (checked_.top_k) return invalid_value("body.top_k", "must be left out with thinking");
  const bool forced =
      request_.tool_choice == ToolChoice::required || request_.tool_choice == ToolChoice::named;
  if (checked_.tools && forced) {
    return invalid_value("body.tool_choice", "must be 'auto' or 'none' with thinking");
  }
  if (conversation_.ends_with_assistant()) {
    return invalid_value(conversation_.body == BodyKind::responses ? "body.input" : "body.messages",
                         "the last message must be of the user with thinking");
  }
  return {};
}

// Claude demands the member; its thinking counts against it.
Outcome Writer::append_max_tokens() {
  const std::int64_t wanted = kDefaultMaxTokens + thinking_.budget.value_or(0);
  const std::int64_t ceiling = model_.output_tokens_max;
  max_tokens_ = checked_.max_tokens.value_or(ceiling == 0 ? wanted : std::min(wanted, ceiling));
  out_ += ",\"max_tokens\":";
  json::append_integer(out_, max_tokens_);
  return check_thinking();
}

Outcome Writer::append_messages() {
  out_ += ",\"messages\":[";
  const auto& parts = conversation_.parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].nested) continue;  // written with its result
    if (auto ok = append_part(parts[i], i + 1 == parts.size()); !ok) return ok;
  }
  out_ += "]}]";
  return {};
}

Outcome Writer::append_part(const Part& part, bool last) {
  open_turn(part.role);
  open_block();
  switch (part.kind) {
    case PartKind::text:
      append_text(part.text, last && part.role == Role::assistant);
      return {};
    case PartKind::image:
      append_source("image", part);
      return {};
    case PartKind::file:
      append_source("document", part);
      return {};
    case PartKind::tool_call:
      out_ += R"("type":"tool_use","id":)";
      append_tool_id(out_, part.id);
      out_.append(",\"name\":").append(part.name.raw()).append(",\"input\":");
      if (auto ok = append_arguments(conversation_, part, scratch_, out_); !ok) return ok;
      out_ += '}';
      return {};
    case PartKind::tool_result:
      return append_result(part);
  }
  return {};
}

// trim: Claude refuses a last assistant message that ends in whitespace.
void Writer::append_text(json::Value text, bool trim) {
  out_ += R"("type":"text","text":)";
  const std::string_view raw = text.raw_text();
  if (trim && (kSpaces.find(raw.back()) != std::string_view::npos || text.has_escapes())) {
    const std::string_view whole = text.text();
    json::append_string(out_, whole.substr(0, whole.find_last_not_of(kSpaces) + 1));
  } else {
    out_ += text.raw();
  }
  out_ += '}';
}

void Writer::append_source(std::string_view type, const Part& part) {
  out_.append(R"("type":")").append(type);
  out_.append(R"(","source":{"type":"base64","media_type":")").append(part.media_type);
  out_.append(R"(","data":")").append(part.base64).append("\"}");
  if (part.has_name) out_.append(",\"title\":").append(part.text.raw());
  out_ += '}';
}

Outcome Writer::append_result(const Part& result) {
  out_ += R"("type":"tool_result","tool_use_id":)";
  append_tool_id(out_, result.id);
  const Part* const nested = &result + 1;  // the list's elements lie together
  if (result.nested_count == 1 && nested->kind == PartKind::text) {
    out_.append(",\"content\":").append(nested->text.raw());
  } else if (result.nested_count > 0) {
    out_ += ",\"content\":[";
    first_block_ = true;
    for (std::uint32_t i = 0; i < result.nested_count; ++i) {
      open_block();
      nested[i].kind == PartKind::text ? append_text(nested[i].text, false)
                                       : append_source("image", nested[i]);
    }
    first_block_ = false;
    out_ += ']';
  }
  out_ += '}';
  return {};
}

void Writer::append_system() {
  const auto& system = conversation_.system;
  if (system.empty()) return;
  out_ += ",\"system\":";
  if (system.size() == 1) {
    out_ += system.front().text.raw();
    return;
  }
  out_ += '[';
  for (const Part& part : system) {
    out_.append(R"({"type":"text","text":)").append(part.text.raw()).append("},");
  }
  out_.back() = ']';
}

void Writer::append_sampling() {
  if (checked_.temperature)
    out_.append(",\"temperature\":").append(checked_.temperature->raw.raw());
  if (checked_.top_p) out_.append(",\"top_p\":").append(checked_.top_p->raw.raw());
  if (checked_.top_k) out_.append(",\"top_k\":").append(checked_.top_k->raw());
}

Outcome Writer::append_stop() {
  if (checked_.stop.empty()) return {};
  const std::size_t before = out_.size();
  out_ += ",\"stop_sequences\":[";
  const std::size_t empty = out_.size();
  for (const json::Value stop : checked_.stop) {
    if (!is_blank(stop)) {
      out_.append(stop.raw()).append(",");
    } else if (!request_.drop_params) {
      return unsupported(request_.stop_place(stop),
                         model_.id + " takes no stop sequence that is only whitespace");
    }
  }
  out_.size() == empty ? out_.resize(before) : void(out_.back() = ']');
  return {};
}

void Writer::append_tools() {
  if (!checked_.tools) return;
  out_ += ",\"tools\":[";
  for (const Tool& tool : request_.tools) {
    append_tool(tool);
    out_ += ',';
  }
  out_.back() = ']';
  append_choice();
}

void Writer::append_tool(const Tool& tool) {
  out_.append("{\"name\":").append(tool.name.raw());
  if (tool.description) out_.append(",\"description\":").append(tool.description->raw());
  out_ += ",\"input_schema\":";
  if (!tool.parameters) {
    out_ += R"({"type":"object","properties":{}})";
  } else {
    const std::size_t begin = out_.size();
    tool.parameters->append_compact(out_);
    if (!tool.parameters->find("type")) {  // Claude wants it said
      out_.insert(begin + 1,
                  tool.parameters->empty() ? R"("type":"object")" : R"("type":"object",)");
    }
  }
  // Strict tools came with structured output; older models know no such member.
  if (tool.strict && model_.json_schema) out_ += ",\"strict\":true";
  out_ += '}';
}

void Writer::append_choice() {
  const bool serial = !request_.parallel_tool_calls;
  if (request_.tool_choice == ToolChoice::unsaid && !serial) return;
  out_ += R"(,"tool_choice":{"type":)";
  switch (request_.tool_choice) {
    case ToolChoice::unsaid:
    case ToolChoice::automatic:
      out_ += "\"auto\"";
      break;
    case ToolChoice::none:
      out_ += "\"none\"}";
      return;
    case ToolChoice::required:
      out_ += "\"any\"";
      break;
    case ToolChoice::named:
      out_.append(R"("tool","name":)").append(request_.tool_choice_name.raw());
      break;
  }
  out_ += serial ? R"(,"disable_parallel_tool_use":true})" : "}";
}

void Writer::append_extensions() {
  if (thinking_.raw) {
    out_ += ",\"thinking\":";
    thinking_.raw->append_compact(out_);
  } else if (!thinking_.effort.empty()) {
    out_ += R"(,"thinking":{"type":"adaptive"})";
  } else if (thinking_.budget) {
    out_ += R"(,"thinking":{"type":"enabled","budget_tokens":)";
    json::append_integer(out_, *thinking_.budget);
    out_ += '}';
  }
  const bool schema = checked_.format == Format::json_schema;
  if (schema || !thinking_.effort.empty()) {
    out_ += ",\"output_config\":{";
    if (schema) {
      out_ += R"("format":{"type":"json_schema","schema":)";
      request_.schema->append_compact(out_);
      out_ += thinking_.effort.empty() ? "}" : "},";
    }
    if (!thinking_.effort.empty()) {
      out_.append(R"("effort":")").append(thinking_.effort).append("\"");
    }
    out_ += '}';
  }
  if (const auto& beta = checked_.value(Param::anthropic_beta)) {
    out_ += ",\"anthropic_beta\":";
    beta->append_compact(out_);
  }
}

void Writer::open_turn(Role role) {
  if (turn_ == role) return;
  if (turn_ != Role::system) out_ += "]},";
  out_ +=
      role == Role::user ? R"({"role":"user","content":[)" : R"({"role":"assistant","content":[)";
  turn_ = role;
  first_block_ = true;
}

void Writer::open_block() {
  out_ += first_block_ ? "{" : ",{";
  first_block_ = false;
}

Outcome Writer::append() {
  if (const auto& beta = checked_.value(Param::anthropic_beta);
      beta && !beta->is(json::Kind::array)) {
    return wrong_type("body.anthropic_beta", "an array", beta->kind());
  }
  if (auto ok = read_thinking(); !ok) return ok;
  out_ += R"({"anthropic_version":"bedrock-2023-05-31")";
  if (auto ok = append_max_tokens(); !ok) return ok;
  if (auto ok = append_messages(); !ok) return ok;
  append_system();
  append_sampling();
  if (auto ok = append_stop(); !ok) return ok;
  append_tools();
  append_extensions();
  out_ += '}';
  return {};
}

class AnthropicRequest final : public RequestFamily {
 public:
  Outcome append_chat(const ChatRequest& request,
                      const catalog::Model& model,
                      std::string& out) override {
    if (auto ok = check_request(request, kRules, model, checked_); !ok) return ok;
    return Writer(request, checked_, model, scratch_, out).append();
  }

 private:
  Checked checked_;
  json::Document scratch_;  // of a tool call's arguments: JSON within a JSON string
};

}  // namespace

std::unique_ptr<RequestFamily> make_anthropic_request() {
  return std::make_unique<AnthropicRequest>();
}

}  // namespace quarry::translate
