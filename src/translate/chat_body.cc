#include "translate/chat_body.h"

#include "translate/inline_media.h"
#include "translate/open_calls.h"

#include <algorithm>
#include <array>
#include <utility>

namespace quarry::translate {

namespace {

bool is_text(const std::optional<json::Value>& value, std::string_view wanted) {
  return value && value->is(json::Kind::string) && value->text() == wanted;
}

// A member that must be a string. place(): the object, asked for only to say what is wrong.
template <class Place>
std::expected<json::Value, openai::LineError> string_member(const std::optional<json::Value>& value,
                                                            std::string_view key,
                                                            const Place& place) {
  if (value && value->is(json::Kind::string)) return *value;
  const std::string param = place() + "." + std::string(key);
  if (!value) return missing(param);
  return wrong_type(param, "a string", value->kind());
}

// `messages` into a Conversation.
class MessageReader {
 public:
  explicit MessageReader(Conversation& conversation) : to_(conversation) {}
  Outcome read(json::Value messages);

 private:
  struct Assistant {
    const std::optional<json::Value>& content;
    const std::optional<json::Value>& refusal;
    const std::optional<json::Value>& calls;
  };

  Outcome message(json::Value value);
  Outcome user_message(json::Value content);
  Outcome assistant_message(const Assistant& message);
  Outcome tool_message(const std::optional<json::Value>& call_id,
                       const std::optional<json::Value>& content);
  Outcome tool_call(json::Value call, std::size_t index);
  Outcome text_or_parts(json::Value content, Role role);
  Outcome part(json::Value part, std::size_t index, Role role);
  Outcome file(const std::optional<json::Value>& file, Part part);
  void add_text(json::Value text, Part part);
  Outcome all_calls_answered() const;
  // A part of this message.
  Part make(PartKind kind, Role role, std::int32_t element = -1) const;
  std::string at(std::string_view rest = "") const;
  std::string at_part(std::size_t index, std::string_view rest = "") const;

  Conversation& to_;
  OpenCalls open_calls_;
  std::uint32_t index_ = 0;     // of the message at hand
  std::uint32_t calls_at_ = 0;  // the message that made the open calls
  std::size_t first_part_ = 0;  // its first
  bool nested_ = false;         // parts go into a tool_result
};

Outcome MessageReader::read(json::Value messages) {
  if (!messages.is(json::Kind::array))
    return wrong_type("body.messages", "an array", messages.kind());
  for (const json::Value element : messages.elements()) {
    first_part_ = to_.parts.size();
    if (auto ok = message(element); !ok) return ok;
    if (to_.parts.size() > first_part_) to_.parts[first_part_].first = true;
    ++index_;
  }
  if (auto ok = all_calls_answered(); !ok) return ok;
  if (to_.parts.empty()) {
    return invalid_value("body.messages",
                         "there must be a user message; a system message alone is no conversation");
  }
  return {};
}

Outcome MessageReader::message(json::Value value) {
  if (!value.is(json::Kind::object)) return wrong_type(at(), "an object", value.kind());
  const auto [role_value, content, tool_calls, tool_call_id, refusal, function_call, audio] =
      value.pick<"role", "content", "tool_calls", "tool_call_id", "refusal", "function_call",
                 "audio">();
  const auto role_text = string_member(role_value, "role", [&] { return at(); });
  if (!role_text) return std::unexpected(role_text.error());
  const std::string_view role = role_text->text();

  if (role == "user") {
    if (auto ok = all_calls_answered(); !ok) return ok;
    return content ? user_message(*content) : missing(at(".content"));
  }
  if (role == "assistant") {
    if (function_call) return unsupported(at(".function_call"), "functions are replaced by tools");
    if (audio) return unsupported(at(".audio"), "this model does not take it");
    return assistant_message({content, refusal, tool_calls});
  }
  if (role == "tool") return tool_message(tool_call_id, content);
  if (role == "system" || role == "developer") {
    return content ? read_system_text(*content, make(PartKind::text, Role::system), to_)
                   : missing(at(".content"));
  }
  if (role == "function") {
    return unsupported(at(".role"), "functions are replaced by tools; use the role 'tool'");
  }
  return invalid_value(at(".role"),
                       "supported values are: 'system', 'developer', 'user', 'assistant', 'tool'");
}

Outcome MessageReader::user_message(json::Value content) {
  if (auto ok = text_or_parts(content, Role::user); !ok) return ok;
  if (to_.parts.size() == first_part_) return invalid_value(at(".content"), "must not be empty");
  return {};
}

Outcome MessageReader::assistant_message(const Assistant& message) {
  if (auto ok = all_calls_answered(); !ok) return ok;
  if (to_.parts.empty()) {
    return invalid_value(at(".role"),
                         "the first message that is not a system message must be of the user");
  }
  const auto& [content, refusal, calls] = message;
  if (calls && !calls->is(json::Kind::array)) {
    return wrong_type(at(".tool_calls"), "an array", calls->kind());
  }
  if (content) {
    if (auto ok = text_or_parts(*content, Role::assistant); !ok) return ok;
  }
  if (refusal) {
    if (!refusal->is(json::Kind::string))
      return wrong_type(at(".refusal"), "a string", refusal->kind());
    add_text(*refusal, make(PartKind::text, Role::assistant));
  }
  if (calls) {
    std::size_t index = 0;
    for (const json::Value call : calls->elements()) {
      if (auto ok = tool_call(call, index++); !ok) return ok;
    }
  }
  // A text of nothing is what an answer without text comes back as.
  if (to_.parts.size() == first_part_ && !content) {
    return invalid_value(at(".content"), "must not be null without tool calls");
  }
  return {};
}

Outcome MessageReader::tool_message(const std::optional<json::Value>& call_id,
                                    const std::optional<json::Value>& content) {
  const auto id = string_member(call_id, "tool_call_id", [&] { return at(); });
  if (!id) return std::unexpected(id.error());
  if (auto ok = open_calls_.answer(*id, [&] { return at(".tool_call_id"); }); !ok) return ok;
  if (!content) return missing(at(".content"));

  to_.uses_tools = true;
  Part result = make(PartKind::tool_result, Role::user);
  result.id = *id;
  to_.parts.push_back(result);
  const std::size_t at_result = to_.parts.size() - 1;
  nested_ = true;
  auto read = text_or_parts(*content, Role::user);
  nested_ = false;
  to_.parts[at_result].nested_count = static_cast<std::uint32_t>(to_.parts.size() - at_result - 1);
  return read;
}

Outcome MessageReader::text_or_parts(json::Value content, Role role) {
  if (content.is(json::Kind::string)) {
    add_text(content, make(PartKind::text, role));
    return {};
  }
  if (!content.is(json::Kind::array))
    return wrong_type(at(".content"), "a string or an array", content.kind());
  std::size_t index = 0;
  for (const json::Value element : content.elements()) {
    if (auto ok = part(element, index++, role); !ok) return ok;
  }
  return {};
}

Outcome MessageReader::part(json::Value part, std::size_t index, Role role) {
  if (!part.is(json::Kind::object)) return wrong_type(at_part(index), "an object", part.kind());
  const auto [type_value, text, refusal_text, image_url, file_value] =
      part.pick<"type", "text", "refusal", "image_url", "file">();
  const auto type = string_member(type_value, "type", [&] { return at_part(index); });
  if (!type) return std::unexpected(type.error());
  const std::string_view kind = type->text();
  const auto element = static_cast<std::int32_t>(index);
  const bool refusal = kind == "refusal" && role == Role::assistant;
  if (kind == "text" || refusal) {
    const auto value = string_member(refusal ? refusal_text : text, refusal ? "refusal" : "text",
                                     [&] { return at_part(index); });
    if (!value) return std::unexpected(value.error());
    add_text(*value, make(PartKind::text, role, element));
    return {};
  }
  if (kind == "image_url" && role == Role::user) {
    const auto url = image_url && image_url->is(json::Kind::object)
                         ? image_url->find_non_null("url")
                         : image_url;
    if (!url) return missing(at_part(index, ".image_url.url"));
    return read_image(*url, make(PartKind::image, role, element), to_);
  }
  if (kind == "file" && role == Role::user && !nested_) {
    return file(file_value, make(PartKind::file, role, element));
  }
  return unsupported(at_part(index), "no model takes content of type '" +
                                         std::string(kind.substr(0, 40)) + "' here");
}

Outcome MessageReader::file(const std::optional<json::Value>& file, Part part) {
  if (!file) return missing(to_.place(part, ".file"));
  if (!file->is(json::Kind::object))
    return wrong_type(to_.place(part, ".file"), "an object", file->kind());
  const auto [data, name, id] = file->pick<"file_data", "filename", "file_id">();
  if (!data && id) {
    return unsupported(to_.place(part, ".file.file_id"),
                       "files are not looked up; send the file itself as file_data");
  }
  if (!data) return missing(to_.place(part, ".file.file_data"));
  return read_file(*data, name, part, to_);
}

Outcome MessageReader::tool_call(json::Value call, std::size_t index) {
  Part part = make(PartKind::tool_call, Role::assistant, static_cast<std::int32_t>(index));
  const auto place = [&](std::string_view rest = "") { return to_.place(part, rest); };
  if (!call.is(json::Kind::object)) return wrong_type(place(), "an object", call.kind());
  const auto [type, id_value, function] = call.pick<"type", "id", "function">();
  if (type && !is_text(type, "function")) {
    return unsupported(place(".type"), "supported values are: 'function'");
  }
  const auto id = string_member(id_value, "id", place);
  if (!id) return std::unexpected(id.error());
  if (!function) return missing(place(".function"));
  if (!function->is(json::Kind::object)) {
    return wrong_type(place(".function"), "an object", function->kind());
  }
  const auto [name_value, arguments] = function->pick<"name", "arguments">();
  const auto name = string_member(name_value, "name", [&] { return place(".function"); });
  if (!name) return std::unexpected(name.error());
  if (auto ok = check_function_name(*name, [&] { return place(".function.name"); }); !ok) return ok;
  if (arguments && !arguments->is(json::Kind::string)) {
    return wrong_type(place(".function.arguments"), "a string", arguments->kind());
  }
  calls_at_ = index_;
  if (auto ok = open_calls_.open(*id, [&] { return place(".id"); }); !ok) return ok;

  to_.uses_tools = true;
  part.id = *id;
  part.name = *name;
  part.has_arguments = arguments.has_value();
  if (arguments) part.text = *arguments;
  to_.parts.push_back(part);
  return {};
}

void MessageReader::add_text(json::Value text, Part part) {
  if (is_blank(text)) return;
  part.text = text;
  to_.parts.push_back(part);
}

Outcome MessageReader::all_calls_answered() const {
  if (open_calls_.none()) return {};
  return invalid_value(
      "body.messages[" + std::to_string(calls_at_) + "].tool_calls",
      "each tool call must be followed by a message of the role 'tool' with its id");
}

Part MessageReader::make(PartKind kind, Role role, std::int32_t element) const {
  Part part;
  part.kind = kind;
  part.role = role;
  part.message = index_;
  part.element = element;
  part.nested = nested_;
  return part;
}

std::string MessageReader::at(std::string_view rest) const {
  std::string place = "body.messages[" + std::to_string(index_) + "]";
  place += rest;
  return place;
}

std::string MessageReader::at_part(std::size_t index, std::string_view rest) const {
  std::string place = at(".content[" + std::to_string(index) + "]");
  place += rest;
  return place;
}

// Members with one value that changes nothing, and every other refused.
enum class Neutral { one, empty, word_none, text_list, never };
struct Limited {
  std::string_view name;
  Neutral neutral;
};
constexpr std::array kLimited{
    Limited{"n", Neutral::one},
    Limited{"audio", Neutral::never},
    Limited{"function_call", Neutral::word_none},
    Limited{"functions", Neutral::empty},
    Limited{"modalities", Neutral::text_list},
    Limited{"prediction", Neutral::never},
    Limited{"web_search_options", Neutral::never},
};

bool is_text_list(json::Value value) {
  if (!value.is(json::Kind::array)) return false;
  for (const json::Value element : value.elements()) {
    if (!is_text(element, "text")) return false;
  }
  return true;
}

bool neutral(Neutral rule, json::Value value) {
  switch (rule) {
    case Neutral::one:
      return value.number() == 1.0;
    case Neutral::empty:
      return (value.is(json::Kind::object) || value.is(json::Kind::array)) && value.empty();
    case Neutral::word_none:
      return is_text(value, "none");
    case Neutral::text_list:
      return is_text_list(value);
    case Neutral::never:
      return false;
  }
  std::unreachable();
}

// tools and tool_choice in the form of chat completions.
Outcome read_tools(json::Value tools, ChatRequest& request) {
  if (!tools.is(json::Kind::array)) return wrong_type("body.tools", "an array", tools.kind());
  std::size_t index = 0;
  for (const json::Value tool : tools.elements()) {
    if (!tool.is(json::Kind::object))
      return wrong_type(tool_place(index), "an object", tool.kind());
    const auto [type, function] = tool.pick<"type", "function">();
    if (!is_text(type, "function")) {
      return unsupported(tool_place(index, ".type"), "supported values are: 'function'");
    }
    if (!function) return missing(tool_place(index, ".function"));
    if (auto ok = read_function(*function, index, ".function", request); !ok) return ok;
    ++index;
  }
  return {};
}

Outcome read_tool_choice(json::Value choice, ChatRequest& request) {
  if (choice.is(json::Kind::string)) {
    if (read_choice_word(choice, request)) return {};
    return invalid_value("body.tool_choice", "supported values are: 'none', 'auto', 'required'");
  }
  if (!choice.is(json::Kind::object))
    return wrong_type("body.tool_choice", "a string or an object", choice.kind());
  if (!is_text(choice.find_non_null("type"), "function")) {
    return unsupported("body.tool_choice", "supported types are: 'function'");
  }
  const auto function = choice.find_non_null("function");
  const auto name =
      function && function->is(json::Kind::object) ? function->find_non_null("name") : std::nullopt;
  if (!name) return missing("body.tool_choice.function.name");
  if (!name->is(json::Kind::string)) {
    return wrong_type("body.tool_choice.function.name", "a string", name->kind());
  }
  request.tool_choice = ToolChoice::named;
  request.tool_choice_name = *name;
  return {};
}

Outcome read_response_format(json::Value format, ChatRequest& request) {
  constexpr std::string_view place = "body.response_format";
  if (!format.is(json::Kind::object)) return wrong_type(place, "an object", format.kind());
  const auto [type, schema] = format.pick<"type", "json_schema">();
  if (is_text(type, "text")) return {};
  if (is_text(type, "json_object")) {
    request.format = Format::json_object;
    return {};
  }
  if (!is_text(type, "json_schema")) {
    return invalid_value("body.response_format.type",
                         "supported values are: 'text', 'json_object', 'json_schema'");
  }
  if (!schema) return missing("body.response_format.json_schema");
  return read_schema(*schema, "body.response_format.json_schema", request);
}

Outcome read_bool(json::Value value, std::string_view param, bool& to) {
  if (!value.is(json::Kind::boolean)) return wrong_type(param, "a boolean", value.kind());
  to = value.boolean();
  return {};
}

// The members of a body, with the messages left for the end: what they may hold depends on nothing
// else, but their errors come last.
class BodyReader {
 public:
  explicit BodyReader(ChatRequest& request) : request_(request) {}
  Outcome member(std::string_view key, json::Value value);
  std::optional<json::Value> messages;

 private:
  Outcome limit(std::string_view key, json::Value value);

  ChatRequest& request_;
};

Outcome BodyReader::limit(std::string_view key, json::Value value) {
  const auto& other = request_.value(Param::max_tokens);
  const std::string_view other_name = request_.names[static_cast<std::size_t>(Param::max_tokens)];
  if (other && other_name != key && other->raw() != value.raw()) {
    return invalid_value("body.max_tokens", "differs from max_completion_tokens; give one of them");
  }
  read_param(key, value, request_);
  return {};
}

Outcome BodyReader::member(std::string_view key, json::Value value) {
  if (key == "messages") {
    messages = value;
    return {};
  }
  if (value.is(json::Kind::null) || is_left_out(key)) return {};
  if (key == "max_tokens" || key == "max_completion_tokens") return limit(key, value);
  if (read_param(key, value, request_)) return {};
  if (key == "tools") return read_tools(value, request_);
  if (key == "tool_choice") return read_tool_choice(value, request_);
  if (key == "response_format") return read_response_format(value, request_);
  if (key == "stream") return check_stream(value, "Chat Completions");
  if (key == "parallel_tool_calls") {
    return read_bool(value, "body.parallel_tool_calls", request_.parallel_tool_calls);
  }
  if (request_.drop_params) return {};
  const auto* const limited = std::ranges::find(kLimited, key, &Limited::name);
  if (limited == kLimited.end()) return unknown_parameter(key);
  if (neutral(limited->neutral, value)) return {};
  return unsupported("body." + std::string(key),
                     limited->neutral == Neutral::never
                         ? "this model does not take it"
                         : "this model does not take it with this value");
}

}  // namespace

Outcome read_chat_body(json::Value body, bool drop_params, ChatRequest& request) {
  request.clear();
  request.drop_params = drop_params;
  BodyReader reader(request);
  for (const auto [key, value] : body.members()) {
    if (auto ok = reader.member(key, value); !ok) return ok;
  }
  if (!reader.messages || reader.messages->is(json::Kind::null)) {
    return Refusal(
        openai::LineError{"invalid_request", "Messages parameter is required.", "body.messages"});
  }
  if (auto ok = MessageReader(request.conversation).read(*reader.messages); !ok) return ok;
  return check_tools(request);
}

}  // namespace quarry::translate
