#include "translate/responses_input.h"

#include "translate/chat_body.h"
#include "translate/open_calls.h"

#include <string>
#include <utility>

namespace quarry::translate {

namespace {

// A member that must be a string. place(): the object, asked for only to say what is wrong.
template <class Place>
std::expected<json::Value, openai::LineError> string_member(json::Value object,
                                                            std::string_view key,
                                                            const Place& place) {
  const auto value = object.find_non_null(key);
  if (value && value->is(json::Kind::string)) return *value;
  const std::string param = place() + "." + std::string(key);
  if (!value) return missing(param);
  return wrong_type(param, "a string", value->kind());
}

// A name that the client gave, as far as it is fit for a message.
std::string quoted(std::string_view name) { return "'" + std::string(name.substr(0, 40)) + "'"; }

class ItemReader {
 public:
  explicit ItemReader(Conversation& conversation) : to_(conversation) {}
  Outcome read(json::Value items);

 private:
  Outcome item(json::Value value);
  Outcome message(json::Value value);
  Outcome function_call(json::Value value);
  Outcome function_call_output(json::Value value);
  Outcome text_or_parts(json::Value content, std::string_view key, Role role);
  Outcome part(json::Value value, std::int32_t element, std::string_view key, Role role);
  Outcome image(json::Value value, Part part);
  Outcome file(json::Value value, Part part);
  Outcome assistant_may_speak() const;
  Outcome all_calls_answered() const;
  void add_text(json::Value text, Part part);
  Part make(PartKind kind, Role role, std::int32_t element = -1) const;
  std::string at(std::string_view rest = "") const;
  std::string at(std::string_view key, std::int32_t element) const;

  Conversation& to_;
  OpenCalls open_calls_;
  std::uint32_t index_ = 0;  // of the item at hand
  std::uint32_t last_call_ = 0;
  bool calling_ = false;  // the items just before are function calls
  bool nested_ = false;   // parts go into a tool_result
};

Outcome ItemReader::read(json::Value items) {
  for (const json::Value element : items.elements()) {
    if (auto ok = item(element); !ok) return ok;
    ++index_;
  }
  if (auto ok = all_calls_answered(); !ok) return ok;
  if (to_.parts.empty()) {
    return invalid_value("body.input",
                         "there must be a user message; a system message alone is no conversation");
  }
  return {};
}

Outcome ItemReader::item(json::Value value) {
  if (!value.is(json::Kind::object)) return wrong_type(at(), "an object", value.kind());
  const auto type_value = value.find_non_null("type");
  if (type_value && !type_value->is(json::Kind::string)) {
    return wrong_type(at(".type"), "a string", type_value->kind());
  }
  const std::string_view type = type_value ? type_value->text() : "message";
  if (type == "reasoning") return {};  // only the model that made it could read it
  const bool call = type == "function_call";
  const std::size_t before = to_.parts.size();
  Outcome done;
  if (type == "message") {
    done = message(value);
  } else if (call) {
    done = function_call(value);
  } else if (type == "function_call_output") {
    done = function_call_output(value);
  } else if (type == "item_reference") {
    return unsupported(at(), "items are not looked up; send the item itself");
  } else {
    return unsupported(at(".type"), quoted(type) +
                                        " is not taken; supported values are: 'message', "
                                        "'function_call', 'function_call_output', 'reasoning'");
  }
  if (!done || to_.parts.size() == before) return done;
  const bool joins = call && before != 0 && to_.parts[before - 1].role == Role::assistant;
  to_.parts[before].first = !joins;
  calling_ = call;
  return {};
}

Outcome ItemReader::message(json::Value value) {
  const auto role_text = string_member(value, "role", [&] { return at(); });
  if (!role_text) return std::unexpected(role_text.error());
  const std::string_view role = role_text->text();
  if (role != "user" && role != "assistant" && role != "system" && role != "developer") {
    return invalid_value(at(".role"),
                         "supported values are: 'system', 'developer', 'user', 'assistant'");
  }
  const auto content = value.find_non_null("content");
  if (!content) return missing(at(".content"));
  if (role == "system" || role == "developer") {
    return read_system_text(*content, make(PartKind::text, Role::system), to_);
  }
  const bool assistant = role == "assistant";
  if (auto ok = all_calls_answered(); !ok) return ok;
  if (assistant) {
    if (auto ok = assistant_may_speak(); !ok) return ok;
  }
  const std::size_t before = to_.parts.size();
  if (auto ok = text_or_parts(*content, ".content", assistant ? Role::assistant : Role::user); !ok)
    return ok;
  // An assistant that said nothing is what a response without text comes back as.
  if (!assistant && to_.parts.size() == before) {
    return invalid_value(at(".content"), "must not be empty");
  }
  return {};
}

Outcome ItemReader::assistant_may_speak() const {
  if (!to_.parts.empty()) return {};
  return invalid_value(at(), "the first item that is not a system message must be of the user");
}

Outcome ItemReader::all_calls_answered() const {
  if (open_calls_.none()) return {};
  return invalid_value(
      "body.input[" + std::to_string(last_call_) + "]",
      "each function_call must be followed by a function_call_output with its call_id, before "
      "anything else is said");
}

Outcome ItemReader::function_call(json::Value value) {
  const auto place = [&] { return at(); };
  const auto id = string_member(value, "call_id", place);
  if (!id) return std::unexpected(id.error());
  const auto name = string_member(value, "name", place);
  if (!name) return std::unexpected(name.error());
  if (auto ok = check_function_name(*name, [&] { return at(".name"); }); !ok) return ok;
  const auto arguments = string_member(value, "arguments", place);
  if (!arguments) return std::unexpected(arguments.error());
  if (auto ok = assistant_may_speak(); !ok) return ok;
  // Calls that follow each other are made at once; any other are made after the results.
  if (!calling_) {
    if (auto ok = all_calls_answered(); !ok) return ok;
  }
  if (auto ok = open_calls_.open(*id, [&] { return at(".call_id"); }); !ok) return ok;

  to_.uses_tools = true;
  last_call_ = index_;
  Part part = make(PartKind::tool_call, Role::assistant);
  part.id = *id;
  part.name = *name;
  part.text = *arguments;
  part.has_arguments = true;
  to_.parts.push_back(part);
  return {};
}

Outcome ItemReader::function_call_output(json::Value value) {
  const auto id = string_member(value, "call_id", [&] { return at(); });
  if (!id) return std::unexpected(id.error());
  const auto output = value.find_non_null("output");
  if (!output) return missing(at(".output"));
  if (auto ok = open_calls_.answer(*id, [&] { return at(".call_id"); }); !ok) return ok;

  to_.uses_tools = true;
  Part result = make(PartKind::tool_result, Role::user);
  result.id = *id;
  to_.parts.push_back(result);
  const std::size_t at_result = to_.parts.size() - 1;
  nested_ = true;
  auto read = text_or_parts(*output, ".output", Role::user);
  nested_ = false;
  to_.parts[at_result].nested_count = static_cast<std::uint32_t>(to_.parts.size() - at_result - 1);
  return read;
}

Outcome ItemReader::text_or_parts(json::Value content, std::string_view key, Role role) {
  if (content.is(json::Kind::string)) {
    add_text(content, make(PartKind::text, role));
    return {};
  }
  if (!content.is(json::Kind::array))
    return wrong_type(at(key), "a string or an array", content.kind());
  std::int32_t element = 0;
  for (const json::Value value : content.elements()) {
    if (auto ok = part(value, element++, key, role); !ok) return ok;
  }
  return {};
}

Outcome ItemReader::part(json::Value value, std::int32_t element, std::string_view key, Role role) {
  const auto place = [&] { return at(key, element); };
  if (!value.is(json::Kind::object)) return wrong_type(place(), "an object", value.kind());
  const auto type = string_member(value, "type", place);
  if (!type) return std::unexpected(type.error());
  const std::string_view kind = type->text();
  const bool assistant = role == Role::assistant;
  if (kind == "input_text" || (assistant && (kind == "output_text" || kind == "refusal"))) {
    const auto text = string_member(value, kind == "refusal" ? "refusal" : "text", place);
    if (!text) return std::unexpected(text.error());
    add_text(*text, make(PartKind::text, role, element));
    return {};
  }
  if (kind == "input_image" && !assistant) {
    return image(value, make(PartKind::image, role, element));
  }
  if (kind == "input_file" && !assistant && !nested_) {
    return file(value, make(PartKind::file, role, element));
  }
  return unsupported(place() + ".type",
                     quoted(kind) + " is not taken here; supported values are: " +
                         (assistant ? "'output_text', 'refusal'"
                          : nested_ ? "'input_text', 'input_image'"
                                    : "'input_text', 'input_image', 'input_file'"));
}

Outcome ItemReader::image(json::Value value, Part part) {
  const auto [url, file_id] = value.pick<"image_url", "file_id">();
  if (!url && file_id) {
    return unsupported(
        to_.place(part, ".file_id"),
        "files are not looked up; send the image itself as a data: URL in image_url");
  }
  if (!url) return missing(to_.place(part, ".image_url"));
  return read_image(*url, part, to_);
}

Outcome ItemReader::file(json::Value value, Part part) {
  const auto [data, name, file_id, file_url] =
      value.pick<"file_data", "filename", "file_id", "file_url">();
  if (data) return read_file(*data, name, part, to_);
  if (!file_id && !file_url) return missing(to_.place(part, ".file_data"));
  return unsupported(to_.place(part, file_id ? ".file_id" : ".file_url"),
                     "files are not looked up; send the file itself as file_data");
}

void ItemReader::add_text(json::Value text, Part part) {
  if (is_blank(text)) return;
  part.text = text;
  to_.parts.push_back(part);
}

Part ItemReader::make(PartKind kind, Role role, std::int32_t element) const {
  Part part;
  part.kind = kind;
  part.role = role;
  part.message = index_;
  part.element = element;
  part.nested = nested_;
  return part;
}

std::string ItemReader::at(std::string_view rest) const {
  std::string place = "body.input[" + std::to_string(index_) + "]";
  place += rest;
  return place;
}

std::string ItemReader::at(std::string_view key, std::int32_t element) const {
  std::string place = at(key);
  place.append("[").append(std::to_string(element)).append("]");
  return place;
}

}  // namespace

Outcome read_instructions(json::Value instructions, Conversation& conversation) {
  if (!instructions.is(json::Kind::string)) {
    return wrong_type("body.instructions", "a string", instructions.kind());
  }
  if (is_blank(instructions)) return {};
  Part part;
  part.role = Role::system;
  part.first = true;
  part.message = Part::kInstructions;
  part.text = instructions;
  conversation.system.push_back(part);
  return {};
}

Outcome read_input(json::Value input, Conversation& conversation) {
  if (input.is(json::Kind::array)) return ItemReader(conversation).read(input);
  if (!input.is(json::Kind::string)) {
    return wrong_type("body.input", "a string or an array", input.kind());
  }
  if (is_blank(input)) return invalid_value("body.input", "must not be empty");
  Part part;
  part.first = true;
  part.message = Part::kWholeInput;
  part.text = input;
  conversation.parts.push_back(part);
  return {};
}

}  // namespace quarry::translate
