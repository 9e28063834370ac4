// Cohere Command R and R+ on Bedrock (Bedrock user guide, "Cohere Command R and Command R+ models";
// Cohere API reference v1, "Chat").
#include "json/write.h"
#include "translate/families/prompt_shape.h"
#include "translate/families/tool_shape.h"
#include "translate/family.h"

#include <array>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace quarry::translate {

namespace {

constexpr FamilyRules kRules{
    .takes = {Param::max_tokens, Param::temperature, Param::top_p, Param::top_k, Param::stop,
              Param::seed, Param::frequency_penalty, Param::presence_penalty, Param::documents},
    .top_p = {0.01, 0.99},
    .stop_max = 5};
constexpr std::int64_t kMaxTokens = 4096;
constexpr std::int64_t kTopKMax = 500;

// JSON Schema's types by the names that Cohere's reference uses, which are Python's.
constexpr std::array kTypes{
    std::pair<std::string_view, std::string_view>{"string", "str"},
    std::pair<std::string_view, std::string_view>{"integer", "int"},
    std::pair<std::string_view, std::string_view>{"number", "float"},
    std::pair<std::string_view, std::string_view>{"boolean", "bool"},
    std::pair<std::string_view, std::string_view>{"array", "list"},
    std::pair<std::string_view, std::string_view>{"object", "dict"},
};

bool is_penalty(Param param) {
  return param == Param::frequency_penalty || param == Param::presence_penalty;
}
bool in_range(json::Value penalty) {
  const auto number = penalty.number();
  return number && *number >= 0 && *number <= 1;
}

// A list's strings; what is no list has none.
std::unordered_set<std::string_view> names_in(const std::optional<json::Value>& list) {
  std::unordered_set<std::string_view> names;
  if (!list || !list->is(json::Kind::array)) return names;
  for (const json::Value element : list->elements()) {
    if (element.is(json::Kind::string)) names.insert(element.text());
  }
  return names;
}

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
  Outcome split();
  void append_history();
  void append_preamble();
  void append_texts(std::size_t begin, std::size_t end);
  Outcome append_tools();
  void append_tool(const Tool& tool);
  void append_shared_schemas(const Tool& tool);
  void append_definition(json::Value schema, bool required);
  Outcome append_tool_results();
  Outcome append_outputs(const Part& result);
  void append_parameters();

  const ChatRequest& request_;
  const Conversation& conversation_;
  const Checked& checked_;
  const catalog::Model& model_;
  json::Document& scratch_;
  std::string& out_;
  std::size_t message_ = 0;      // the first part of the last message of the user
  std::size_t message_end_ = 0;  // after its last
};

// The last message of the user is `message`; what calls and results follow it are tool_results.
// What the model said beside its calls has no place there, and Cohere's own loop does not repeat
// it.
Outcome Writer::split() {
  const auto& parts = conversation_.parts;
  if (conversation_.ends_with_assistant()) {
    return invalid_value(
        conversation_.body == BodyKind::responses ? "body.input" : "body.messages",
        "the last message must be of the user, or a tool's result, for " + model_.id);
  }
  const auto question = [](const Part& part) {
    return part.role == Role::user && part.kind == PartKind::text && !part.nested;
  };
  std::size_t last = parts.size();
  while (last > 0 && !question(parts[last - 1])) --last;
  message_end_ = last;
  while (last > 0 && question(parts[last - 1])) --last;
  message_ = last;
  for (std::size_t i = 0; i < message_; ++i) {
    if (parts[i].kind != PartKind::tool_call && parts[i].kind != PartKind::tool_result) continue;
    return unsupported(conversation_.place(parts[i]),
                       model_.id +
                           " takes tool calls and results after the last message of the "
                           "user only; leave those of earlier turns out");
  }
  return {};
}

void Writer::append_texts(std::size_t begin, std::size_t end) {
  out_ += '"';
  for (std::size_t i = begin; i < end; ++i) {
    if (i != begin) out_ += "\\n\\n";
    out_ += conversation_.parts[i].text.raw_text();
  }
  out_ += '"';
}

void Writer::append_history() {
  const auto& parts = conversation_.parts;
  if (message_ == 0) return;
  out_ += ",\"chat_history\":[";
  for (std::size_t i = 0; i < message_;) {
    std::size_t end = i;
    while (end < message_ && parts[end].role == parts[i].role) ++end;
    out_.append(R"({"role":")").append(parts[i].role == Role::user ? "USER" : "CHATBOT");
    out_ += R"(","message":)";
    append_texts(i, end);
    out_ += "},";
    i = end;
  }
  out_.back() = ']';
}

void Writer::append_preamble() {
  if (conversation_.system.empty()) return;
  out_ += ",\"preamble\":\"";
  bool first = true;
  for (const Part& part : conversation_.system) {
    if (!first) out_ += "\\n\\n";
    first = false;
    out_ += part.text.raw_text();
  }
  out_ += '"';
}

void Writer::append_definition(json::Value schema, bool required) {
  std::string_view type = "str";
  std::optional<json::Value> description;
  bool nested = false;
  if (schema.is(json::Kind::object)) {
    const auto [schema_type, text] = schema.pick<"type", "description">();
    if (text && text->is(json::Kind::string)) description = text;
    if (schema_type && schema_type->is(json::Kind::string)) {
      for (const auto& [json_name, python_name] : kTypes) {
        if (schema_type->text() == json_name) type = python_name;
      }
    }
    // Cohere's parameters have a type and a description, nothing else; the rest is put into words.
    for (const auto [name, value] : schema.members()) {
      const bool said = (name == "type" && value.is(json::Kind::string)) ||
                        (name == "description" && value.is(json::Kind::string)) || name == "title";
      nested |= !said && !value.is(json::Kind::null);
    }
  }
  out_ += "{\"description\":\"";
  if (description) out_ += description->raw_text();
  if (nested) {
    std::string compact;
    schema.append_compact(compact);
    out_ += description ? " JSON schema: " : "JSON schema: ";
    json::append_string_inside(out_, compact);
  }
  out_.append(R"(","type":")").append(type);
  out_.append(R"(","required":)").append(required ? "true}" : "false}");
}

// What the parameters' schemas refer to.
void Writer::append_shared_schemas(const Tool& tool) {
  if (!tool.parameters) return;
  for (const std::string_view key : {"$defs", "definitions"}) {
    const auto shared = tool.parameters->find_non_null(key);
    if (!shared) continue;
    std::string compact;
    shared->append_compact(compact);
    out_.append(tool.description ? " " : "").append(key).append(": ");
    json::append_string_inside(out_, compact);
  }
}

void Writer::append_tool(const Tool& tool) {
  out_.append("{\"name\":").append(tool.name.raw()).append(",\"description\":\"");
  if (tool.description) out_ += tool.description->raw_text();
  append_shared_schemas(tool);
  out_ += "\",\"parameter_definitions\":{";
  const auto properties =
      tool.parameters ? tool.parameters->find_non_null("properties") : std::nullopt;
  const auto required =
      names_in(tool.parameters ? tool.parameters->find_non_null("required") : std::nullopt);
  if (properties && properties->is(json::Kind::object) && !properties->empty()) {
    for (const auto [name, schema] : properties->members()) {
      json::append_string(out_, name);
      out_ += ':';
      append_definition(schema, required.contains(name));
      out_ += ',';
    }
    out_.pop_back();
  }
  out_ += "}}";
}

Outcome Writer::append_tools() {
  const bool offered = request_.tool_choice != ToolChoice::none || conversation_.uses_tools;
  if (!checked_.tools || !offered) return {};
  const bool forced =
      request_.tool_choice == ToolChoice::required || request_.tool_choice == ToolChoice::named;
  if (forced && !request_.drop_params) {
    return unsupported("body.tool_choice",
                       model_.id + " cannot be made to call a tool; use 'auto' or 'none'");
  }
  if (auto ok = check_may_call_several(request_); !ok) return ok;
  if (auto ok = check_may_call(request_); !ok) return ok;
  out_ += ",\"tools\":[";
  for (const Tool& tool : request_.tools) {
    append_tool(tool);
    out_ += ',';
  }
  out_.back() = ']';
  return append_tool_results();
}

Outcome Writer::append_outputs(const Part& result) {
  const Part* const nested = &result + 1;  // the list's elements lie together
  out_ += ",\"outputs\":[{\"text\":\"";
  for (std::uint32_t i = 0; i < result.nested_count; ++i) {
    if (nested[i].kind != PartKind::text) {
      return unsupported(conversation_.place(nested[i]),
                         model_.id + " takes only text as a tool's result");
    }
    if (i != 0) out_ += "\\n\\n";
    out_ += nested[i].text.raw_text();
  }
  out_ += "\"}]}";
  return {};
}

Outcome Writer::append_tool_results() {
  if (!conversation_.uses_tools) return {};
  out_ += ",\"tool_results\":[";
  // An id may be used again, once its call was answered.
  std::unordered_map<std::string_view, const Part*> calls;
  for (std::size_t i = message_end_; i < conversation_.parts.size(); ++i) {
    const Part& result = conversation_.parts[i];
    if (result.kind == PartKind::tool_call) calls[result.id.text()] = &result;
    if (result.kind != PartKind::tool_result) continue;
    const Part* const call = calls[result.id.text()];
    if (call == nullptr) continue;  // the reader lets no result without a call pass
    out_.append("{\"call\":{\"name\":").append(call->name.raw()).append(",\"parameters\":");
    if (auto ok = append_arguments(conversation_, *call, scratch_, out_); !ok) return ok;
    out_ += '}';
    if (auto ok = append_outputs(result); !ok) return ok;
    out_ += ',';
  }
  out_.back() = ']';
  return {};
}

void Writer::append_parameters() {
  if (checked_.max_tokens) append_count(out_, "max_tokens", *checked_.max_tokens);
  append_number(out_, "temperature", checked_.temperature);
  append_number(out_, "p", checked_.top_p);
  if (checked_.top_k) out_.append(",\"k\":").append(checked_.top_k->raw());
  for (const Param param :
       {Param::seed, Param::frequency_penalty, Param::presence_penalty, Param::documents}) {
    const auto& value = checked_.value(param);
    if (!value || (is_penalty(param) && !in_range(*value))) continue;
    out_.append(",\"").append(name_of(param)).append("\":");
    value->append_compact(out_);
  }
  if (checked_.stop.empty()) return;
  out_ += ",\"stop_sequences\":[";
  for (const json::Value stop : checked_.stop) out_.append(stop.raw()).append(",");
  out_.back() = ']';
}

Outcome check_limits(const ChatRequest& request,
                     const Checked& checked,
                     const catalog::Model& model) {
  if (model.output_tokens_max == 0 && checked.max_tokens.value_or(0) > kMaxTokens) {
    return invalid_value(request.param(Param::max_tokens),
                         std::to_string(*checked.max_tokens) + " is over " + model.id +
                             "'s ceiling of " + std::to_string(kMaxTokens));
  }
  if (checked.top_k && checked.top_k->integer().value_or(0) > kTopKMax) {
    return invalid_value(request.param(Param::top_k),
                         "must be at most " + std::to_string(kTopKMax) + " for " + model.id);
  }
  for (const Param param : {Param::frequency_penalty, Param::presence_penalty}) {
    const auto& value = checked.value(param);
    if (!value || in_range(*value)) continue;
    if (!value->is(json::Kind::number)) {
      return wrong_type(request.param(param), "a number", value->kind());
    }
    if (!request.drop_params) {
      return unsupported(request.param(param), model.id + " takes 0 to 1");
    }
  }
  return {};
}

// What goes to the model as it is must at least be of its kind.
Outcome check_extensions(const ChatRequest& request, const Checked& checked) {
  const auto& seed = checked.value(Param::seed);
  if (seed && !seed->integer()) {
    return invalid_value(request.param(Param::seed), "must be an integer");
  }
  const auto& documents = checked.value(Param::documents);
  if (documents && !documents->is(json::Kind::array)) {
    return wrong_type("body.documents", "an array", documents->kind());
  }
  std::size_t index = 0;
  if (documents) {
    for (const json::Value document : documents->elements()) {
      if (!document.is(json::Kind::object)) {
        return wrong_type("body.documents[" + std::to_string(index) + "]", "an object",
                          document.kind());
      }
      ++index;
    }
  }
  return {};
}

Outcome Writer::append() {
  if (auto ok = check_limits(request_, checked_, model_); !ok) return ok;
  if (auto ok = check_extensions(request_, checked_); !ok) return ok;
  if (auto ok = split(); !ok) return ok;
  out_ += "{\"message\":";
  append_texts(message_, message_end_);
  append_history();
  append_preamble();
  if (auto ok = append_tools(); !ok) return ok;
  append_parameters();
  out_ += '}';
  return {};
}

class CommandRRequest final : public RequestFamily {
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

std::unique_ptr<RequestFamily> make_command_r_request() {
  return std::make_unique<CommandRRequest>();
}

}  // namespace quarry::translate
