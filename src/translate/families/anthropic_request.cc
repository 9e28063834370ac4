// Claude's body on Bedrock (Bedrock user guide, "Anthropic Claude Messages API: request and
// response"; Anthropic API reference, "Messages").
#include "json/write.h"
#include "translate/chat_body.h"
#include "translate/families/claude_shape.h"
#include "translate/families/tool_shape.h"
#include "translate/family.h"
#include "translate/tool_ids.h"

#include <algorithm>
#include <optional>

namespace quarry::translate {

namespace {

constexpr std::string_view kSpaces = " \t\r\n\f\v";

constexpr FamilyRules kRules{.takes = {Param::max_tokens, Param::temperature, Param::top_p,
                                       Param::stop, Param::top_k, Param::thinking,
                                       Param::anthropic_beta, Param::reasoning_effort}};

// One line.
class Writer {
 public:
  Writer(const ChatRequest& request,
         Checked& checked,
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
  std::int64_t max_tokens() const;
  Outcome append_messages();
  Outcome append_part(const Part& part, bool last);
  void append_text(json::Value text, bool trim);
  void append_source(std::string_view type, const Part& part);
  Outcome append_result(const Part& result);
  void append_system();
  void append_sampling();
  void append_stop();
  Outcome append_tools();
  Outcome append_tool(const Tool& tool, std::size_t index);
  void append_choice();
  void append_extensions();
  void open_turn(Role role);
  void open_block();

  const ChatRequest& request_;
  const Conversation& conversation_;
  Checked& checked_;
  const catalog::Model& model_;
  json::Document& scratch_;
  std::string& out_;
  ClaudeThinking thinking_;
  Role turn_ = Role::system;  // none yet
  bool first_block_ = true;
};

// Claude demands the member; its thinking counts against it.
std::int64_t Writer::max_tokens() const { return claude_max_tokens(checked_, model_, thinking_); }

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

void Writer::append_stop() {
  if (checked_.stop.empty()) return;
  out_ += ",\"stop_sequences\":[";
  for (const json::Value stop : checked_.stop) out_.append(stop.raw()).append(",");
  out_.back() = ']';
}

Outcome Writer::append_tools() {
  if (!checked_.tools) return {};
  out_ += ",\"tools\":[";
  for (std::size_t i = 0; i < request_.tools.size(); ++i) {
    if (auto ok = append_tool(request_.tools[i], i); !ok) return ok;
    out_ += ',';
  }
  out_.back() = ']';
  append_choice();
  return {};
}

// Claude takes no schema that is a choice at its top.
Outcome check_no_choice(const Tool& tool, const std::string& place) {
  if (!tool.parameters) return {};
  for (const std::string_view key : {"anyOf", "oneOf", "allOf"}) {
    if (!tool.parameters->find(key)) continue;
    return unsupported(place + "." + std::string(key),
                       "Claude takes it below the top of a tool's parameters only; say it with "
                       "properties");
  }
  return {};
}

Outcome Writer::append_tool(const Tool& tool, std::size_t index) {
  const auto place = [&] {
    return tool_place(
        index, conversation_.body == BodyKind::responses ? ".parameters" : ".function.parameters");
  };
  if (auto ok = check_no_choice(tool, place()); !ok) return ok;
  out_.append("{\"name\":").append(tool.name.raw());
  if (tool.description) out_.append(",\"description\":").append(tool.description->raw());
  out_ += ",\"input_schema\":";
  append_parameters(tool, out_);
  // Strict tools came with structured output; older models know no such member.
  if (tool.strict && model_.json_schema) {
    const Outcome follows =
        tool.parameters ? check_claude_schema(*tool.parameters, place()) : Outcome();
    if (!follows && tool.strict_said) return follows;
    if (follows) out_ += ",\"strict\":true";
  }
  out_ += '}';
  return {};
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
  if (thinking_.on || thinking_.raw) {
    out_ += ",\"thinking\":";
    append_claude_thinking(thinking_, out_);
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
  const auto thinking = read_claude_thinking(request_, checked_, model_);
  if (!thinking) return std::unexpected(thinking.error());
  thinking_ = *thinking;
  if (auto ok = check_claude(request_, model_, thinking_, max_tokens(), checked_); !ok) return ok;
  out_ += R"({"anthropic_version":"bedrock-2023-05-31","max_tokens":)";
  json::append_integer(out_, max_tokens());
  if (auto ok = append_messages(); !ok) return ok;
  append_system();
  append_sampling();
  append_stop();
  if (auto ok = append_tools(); !ok) return ok;
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
