#include "translate/responses_body.h"

#include "translate/chat_body.h"
#include "translate/response_note.h"
#include "translate/responses_input.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <span>
#include <string_view>
#include <unordered_set>

namespace quarry::translate {

namespace {

// What the conversation would lose without it, or what is not done at all: drop_params does not
// help.
struct Named {
  std::string_view name;
  std::string_view why;
};
constexpr std::array kRefused{
    Named{"previous_response_id", "responses are not kept; send the conversation as input"},
    Named{"conversation", "conversations are not kept; send the conversation as input"},
    Named{"prompt", "prompt templates are not kept; send their text as instructions and input"},
    Named{"messages", "is of /v1/chat/completions; /v1/responses takes input"},
    Named{"max_tokens", "is of /v1/chat/completions; /v1/responses takes max_output_tokens"},
    Named{"max_completion_tokens",
          "is of /v1/chat/completions; /v1/responses takes max_output_tokens"},
    Named{"reasoning_effort", "is of /v1/chat/completions; /v1/responses takes reasoning.effort"},
    Named{"response_format", "is of /v1/chat/completions; /v1/responses takes text.format"},
    Named{"verbosity", "is of /v1/chat/completions; /v1/responses takes text.verbosity"},
};

constexpr std::array<std::string_view, 8> kIncludable{"file_search_call.results",
                                                      "web_search_call.results",
                                                      "web_search_call.action.sources",
                                                      "message.input_image.image_url",
                                                      "computer_call_output.output.image_url",
                                                      "code_interpreter_call.outputs",
                                                      "reasoning.encrypted_content",
                                                      "message.output_text.logprobs"};
constexpr std::array<std::string_view, 6> kEfforts{"none",   "minimal", "low",
                                                   "medium", "high",    "xhigh"};
constexpr std::array<std::string_view, 3> kVerbosities{"low", "medium", "high"};
constexpr std::array<std::string_view, 3> kSummaries{"auto", "concise", "detailed"};
constexpr std::array<std::string_view, 2> kTruncations{"auto", "disabled"};

bool is_one_of(json::Value value, std::span<const std::string_view> words) {
  return value.is(json::Kind::string) && std::ranges::find(words, value.text()) != words.end();
}

bool is_text(const std::optional<json::Value>& value, std::string_view wanted) {
  return value && value->is(json::Kind::string) && value->text() == wanted;
}

std::string quoted(std::string_view name) { return "'" + std::string(name.substr(0, 40)) + "'"; }

Outcome one_of(json::Value value, std::string_view param, std::span<const std::string_view> words) {
  if (is_one_of(value, words)) return {};
  if (!value.is(json::Kind::string)) return wrong_type(param, "a string", value.kind());
  std::string why = "supported values are: ";
  for (const std::string_view word : words) {
    if (word != words.front()) why += ", ";
    why.append("'").append(word).append("'");
  }
  return invalid_value(param, why);
}

bool is_strict(json::Value schema);

bool are_strict(json::Value schemas) {
  if (schemas.is(json::Kind::object)) {
    for (const auto [name, schema] : schemas.members()) {
      if (!is_strict(schema)) return false;
    }
  } else if (schemas.is(json::Kind::array)) {
    for (const json::Value schema : schemas.elements()) {
      if (!is_strict(schema)) return false;
    }
  }
  return true;
}

// Whether each object of a schema is closed and needs all of its properties: what strict asks for.
// Here strict is the default, and a schema that could not be followed so is not held to it.
bool is_strict(json::Value schema) {
  if (!schema.is(json::Kind::object)) return true;
  const auto [properties, required, others, items, any, defs] =
      schema.pick<"properties", "required", "additionalProperties", "items", "anyOf", "$defs">();
  if (is_text(schema.find_non_null("type"), "object") || properties) {
    if (!others || !others->is(json::Kind::boolean) || others->boolean()) return false;
    std::unordered_set<std::string_view> needed;
    if (required && required->is(json::Kind::array)) {
      for (const json::Value name : required->elements()) {
        if (name.is(json::Kind::string)) needed.insert(name.text());
      }
    }
    if (properties && properties->is(json::Kind::object)) {
      for (const auto [name, property] : properties->members()) {
        if (!needed.contains(name)) return false;
      }
    }
  }
  return (!properties || are_strict(*properties)) && (!items || is_strict(*items)) &&
         (!any || are_strict(*any)) && (!defs || are_strict(*defs));
}

class BodyReader {
 public:
  explicit BodyReader(ChatRequest& request) : request_(request) {}
  Outcome read(json::Value body);
  void write_note(std::string& note) const;

 private:
  Outcome member(std::string_view key, json::Value value);
  Outcome conversation();
  Outcome tools(json::Value tools);
  Outcome tool_choice(json::Value choice);
  Outcome text(json::Value text);
  Outcome format(json::Value format);
  Outcome reasoning(json::Value reasoning);
  Outcome include(json::Value include) const;
  Outcome background(json::Value background) const;
  Outcome flag(json::Value value, std::string_view param, bool& to) const;
  Outcome unknown(std::string_view key) const {
    return request_.drop_params ? Outcome() : unknown_parameter(key);
  }
  void set(Param param, std::string_view name, json::Value value) {
    request_.values[static_cast<std::size_t>(param)] = value;
    request_.names[static_cast<std::size_t>(param)] = name;
  }
  void note_text(NoteWriter& note) const;
  void note_metadata(NoteWriter& note) const;

  ChatRequest& request_;
  std::optional<json::Value> instructions_;
  std::optional<json::Value> input_;
  std::optional<json::Value> metadata_;
  std::optional<json::Value> tool_choice_;
  std::optional<json::Value> format_;
  std::optional<json::Value> truncation_;
  bool parallel_said_ = false;
};

Outcome BodyReader::read(json::Value body) {
  for (const auto [key, value] : body.members()) {
    if (value.is(json::Kind::null)) continue;
    if (auto ok = member(key, value); !ok) return ok;
  }
  if (auto ok = conversation(); !ok) return ok;
  return check_tools(request_);
}

Outcome BodyReader::member(std::string_view key, json::Value value) {
  if (key == "input") {
    input_ = value;
    return {};
  }
  if (key == "instructions") {
    instructions_ = value;
    return {};
  }
  if (key == "metadata") metadata_ = value;
  // There are no built-in tools, to which max_tool_calls belongs, and no cache to be steered.
  if (is_left_out(key) || key == "max_tool_calls" || key == "prompt_cache_options") return {};
  if (key == "max_output_tokens") {
    set(Param::max_tokens, "max_output_tokens", value);
    return {};
  }
  const auto* const refused = std::ranges::find(kRefused, key, &Named::name);
  if (refused != kRefused.end()) return unsupported("body." + std::string(key), refused->why);
  if (read_param(key, value, request_)) return {};
  if (key == "tools") return tools(value);
  if (key == "tool_choice") return tool_choice(value);
  if (key == "text") return text(value);
  if (key == "reasoning") return reasoning(value);
  if (key == "include") return include(value);
  if (key == "background") return background(value);
  if (key == "stream") return check_stream(value, "Responses");
  if (key == "parallel_tool_calls") {
    parallel_said_ = true;
    return flag(value, "body.parallel_tool_calls", request_.parallel_tool_calls);
  }
  if (key == "truncation") {
    truncation_ = value;
    return one_of(value, "body.truncation", kTruncations);
  }
  return unknown(key);
}

Outcome BodyReader::conversation() {
  Conversation& conversation = request_.conversation;
  conversation.body = BodyKind::responses;
  if (instructions_) {
    if (auto ok = read_instructions(*instructions_, conversation); !ok) return ok;
  }
  if (!input_) return missing("body.input");
  return read_input(*input_, conversation);
}

Outcome BodyReader::tools(json::Value tools) {
  if (!tools.is(json::Kind::array)) return wrong_type("body.tools", "an array", tools.kind());
  std::size_t index = 0;
  for (const json::Value tool : tools.elements()) {
    if (!tool.is(json::Kind::object))
      return wrong_type(tool_place(index), "an object", tool.kind());
    const auto type = tool.find_non_null("type");
    if (!type) return missing(tool_place(index, ".type"));
    if (!type->is(json::Kind::string)) {
      return wrong_type(tool_place(index, ".type"), "a string", type->kind());
    }
    if (type->text() != "function") {
      return unsupported(tool_place(index, ".type"),
                         "tools of the type " + quoted(type->text()) +
                             " are OpenAI's own; supported values are: 'function'");
    }
    if (auto ok = read_function(tool, index, "", request_); !ok) return ok;
    Tool& read = request_.tools.back();
    if (!read.strict_said) read.strict = read.parameters && is_strict(*read.parameters);
    ++index;
  }
  return {};
}

Outcome BodyReader::tool_choice(json::Value choice) {
  tool_choice_ = choice;
  if (choice.is(json::Kind::string)) {
    if (read_choice_word(choice, request_)) return {};
    return invalid_value("body.tool_choice", "supported values are: 'none', 'auto', 'required'");
  }
  if (!choice.is(json::Kind::object)) {
    return wrong_type("body.tool_choice", "a string or an object", choice.kind());
  }
  const auto [type, name] = choice.pick<"type", "name">();
  if (!type) return missing("body.tool_choice.type");
  if (!is_text(type, "function")) {
    return unsupported("body.tool_choice.type",
                       (type->is(json::Kind::string) ? quoted(type->text()) : "this") +
                           std::string(" is not taken; supported values are: 'function'"));
  }
  if (!name) return missing("body.tool_choice.name");
  if (!name->is(json::Kind::string)) {
    return wrong_type("body.tool_choice.name", "a string", name->kind());
  }
  request_.tool_choice = ToolChoice::named;
  request_.tool_choice_name = *name;
  return {};
}

Outcome BodyReader::text(json::Value text) {
  if (!text.is(json::Kind::object)) return wrong_type("body.text", "an object", text.kind());
  for (const auto [key, value] : text.members()) {
    if (value.is(json::Kind::null)) continue;
    if (key == "format") {
      if (auto ok = format(value); !ok) return ok;
    } else if (key == "verbosity") {
      if (auto ok = one_of(value, "body.text.verbosity", kVerbosities); !ok) return ok;
      set(Param::verbosity, "text.verbosity", value);
    } else if (auto ok = unknown("text." + std::string(key)); !ok) {
      return ok;
    }
  }
  return {};
}

Outcome BodyReader::format(json::Value format) {
  if (!format.is(json::Kind::object)) {
    return wrong_type("body.text.format", "an object", format.kind());
  }
  format_ = format;
  const auto type = format.find_non_null("type");
  if (!type) return missing("body.text.format.type");
  if (is_text(type, "text")) return {};
  if (is_text(type, "json_object")) {
    request_.format = Format::json_object;
    return {};
  }
  if (is_text(type, "json_schema")) return read_schema(format, "body.text.format", request_);
  return invalid_value("body.text.format.type",
                       "supported values are: 'text', 'json_object', 'json_schema'");
}

Outcome BodyReader::reasoning(json::Value reasoning) {
  if (!reasoning.is(json::Kind::object)) {
    return wrong_type("body.reasoning", "an object", reasoning.kind());
  }
  for (const auto [key, value] : reasoning.members()) {
    Outcome ok;
    if (value.is(json::Kind::null)) continue;
    if (key == "effort") {
      ok = one_of(value, "body.reasoning.effort", kEfforts);
      set(Param::reasoning_effort, "reasoning.effort", value);
    } else if (key == "summary" || key == "generate_summary") {
      // The answer carries the reasoning itself.
      ok = one_of(value, "body.reasoning." + std::string(key), kSummaries);
    } else {
      ok = unknown("reasoning." + std::string(key));
    }
    if (!ok) return ok;
  }
  return {};
}

// What could be included is of OpenAI's own tools, or nothing that these models tell.
Outcome BodyReader::include(json::Value include) const {
  if (!include.is(json::Kind::array)) {
    return wrong_type("body.include", "an array", include.kind());
  }
  std::size_t index = 0;
  for (const json::Value element : include.elements()) {
    const std::string place = "body.include[" + std::to_string(index++) + "]";
    if (auto ok = one_of(element, place, kIncludable); !ok) return ok;
  }
  return {};
}

Outcome BodyReader::background(json::Value background) const {
  bool wanted = false;
  if (auto ok = flag(background, "body.background", wanted); !ok) return ok;
  if (!wanted || request_.drop_params) return {};
  return unsupported("body.background", "a batch is run in the background already; leave it out");
}

Outcome BodyReader::flag(json::Value value, std::string_view param, bool& to) const {
  if (!value.is(json::Kind::boolean)) return wrong_type(param, "a boolean", value.kind());
  to = value.boolean();
  return {};
}

// What may be written in any number of digits is not let to fill the note.
void add_number(NoteWriter& note, std::string_view name, const std::optional<json::Value>& value) {
  constexpr std::size_t digits_max = 32;
  if (value && value->is(json::Kind::number) && value->raw().size() <= digits_max) {
    note.add(name, value->raw());
  }
}

// The longest last, and before them all that always fits.
void BodyReader::write_note(std::string& to) const {
  NoteWriter note(to);
  add_number(note, "temperature", request_.value(Param::temperature));
  add_number(note, "top_p", request_.value(Param::top_p));
  const auto& limit = request_.value(Param::max_tokens);
  add_number(note, "max_output_tokens", limit && limit->integer() ? limit : std::nullopt);
  std::string json;
  if (request_.tool_choice == ToolChoice::named) {
    json.append(R"({"type":"function","name":)").append(request_.tool_choice_name.raw());
    note.add("tool_choice", json.append("}"));
  } else if (tool_choice_) {
    note.add("tool_choice", tool_choice_->raw());
  }
  if (parallel_said_) {
    note.add("parallel_tool_calls", request_.parallel_tool_calls ? "true" : "false");
  }
  if (const auto& effort = request_.value(Param::reasoning_effort)) {
    json.assign("{\"effort\":").append(effort->raw()).append("}");
    note.add("reasoning", json);
  }
  if (truncation_) note.add("truncation", truncation_->raw());
  note_text(note);
  note_metadata(note);
}

void BodyReader::note_text(NoteWriter& note) const {
  const auto& verbosity = request_.value(Param::verbosity);
  const auto text = [&](std::string_view format) {
    std::string json = "{";
    if (!format.empty()) json.append("\"format\":").append(format);
    if (!format.empty() && verbosity) json += ',';
    if (verbosity) json.append("\"verbosity\":").append(verbosity->raw());
    return json.append("}");
  };
  if (request_.format == Format::json_object) {
    note.add("text", text(R"({"type":"json_object"})"));
  } else if (request_.format == Format::json_schema) {
    std::string json;
    // Without a name it would be no format of a Response.
    const bool whole = request_.schema_name.has_value();
    if (whole) format_->append_compact(json);
    if (!whole || !note.add("text", text(json))) note.add("text", text("null"));
  } else if (verbosity) {
    note.add("text", text(""));
  }
}

void BodyReader::note_metadata(NoteWriter& note) const {
  if (!metadata_ || !metadata_->is(json::Kind::object) || metadata_->empty()) return;
  for (const auto [key, value] : metadata_->members()) {
    if (!value.is(json::Kind::string)) return;
  }
  std::string json;
  metadata_->append_compact(json);
  if (!note.add("metadata", json)) note.add("metadata", "null");
}

}  // namespace

Outcome read_responses_body(json::Value body,
                            bool drop_params,
                            ChatRequest& request,
                            std::string& note) {
  request.clear();
  request.drop_params = drop_params;
  note.clear();
  BodyReader reader(request);
  if (auto ok = reader.read(body); !ok) return ok;
  reader.write_note(note);
  return {};
}

}  // namespace quarry::translate
