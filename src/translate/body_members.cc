// What the readers of the endpoints' bodies share (chat_body.h).
#include "translate/chat_body.h"
#include "translate/inline_media.h"

#include <algorithm>
#include <array>
#include <unordered_set>

namespace quarry::translate {

namespace {

// OpenAI's own book-keeping: nothing of the answer depends on it.
constexpr std::array<std::string_view, 9> kLeftOut{"model",
                                                   "user",
                                                   "metadata",
                                                   "store",
                                                   "service_tier",
                                                   "stream_options",
                                                   "prompt_cache_key",
                                                   "prompt_cache_retention",
                                                   "safety_identifier"};

// Models want the schema's type said, and it can only be an object's.
Outcome check_parameters(json::Value parameters, std::size_t index, std::string_view rest) {
  const auto place = [&] { return tool_place(index, std::string(rest) + ".parameters"); };
  if (!parameters.is(json::Kind::object))
    return wrong_type(place(), "an object", parameters.kind());
  const auto type = parameters.find("type");  // a null is not absent: it would stand beside ours
  if (type && (!type->is(json::Kind::string) || type->text() != "object")) {
    return invalid_value(place(), "its type must be 'object'");
  }
  return {};
}

}  // namespace

bool is_left_out(std::string_view key) {
  return std::ranges::find(kLeftOut, key) != kLeftOut.end();
}

bool read_param(std::string_view key, json::Value value, ChatRequest& request) {
  const std::string_view name = key == "max_completion_tokens" ? "max_tokens" : key;
  std::size_t found = 0;
  while (found < kParams && kParamNames[found] != name) ++found;
  if (found == kParams) return false;
  if (!value.is(json::Kind::null)) {
    request.values[found] = value;
    request.names[found] = key;
  }
  return true;
}

Refusal unknown_parameter(std::string_view key) {
  return unsupported("body." + std::string(key), "unknown parameter");
}

Outcome check_stream(json::Value value, std::string_view endpoint_name) {
  if (!value.is(json::Kind::boolean)) return wrong_type("body.stream", "a boolean", value.kind());
  if (!value.boolean()) return {};
  return Refusal(openai::LineError{
      "streaming_unsupported",
      std::string(endpoint_name) + ": Streaming is not supported in the Batch API.",
      "body.stream"});
}

bool is_function_name(std::string_view name) {
  constexpr std::size_t most = 64;
  return !name.empty() && name.size() <= most && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

std::string tool_place(std::size_t index, std::string_view rest) {
  std::string place = "body.tools[" + std::to_string(index) + "]";
  place += rest;
  return place;
}

Outcome read_function(json::Value function,
                      std::size_t index,
                      std::string_view rest,
                      ChatRequest& request) {
  const auto place = [&](std::string_view member) {
    return tool_place(index, std::string(rest).append(member));
  };
  if (!function.is(json::Kind::object)) return wrong_type(place(""), "an object", function.kind());
  const auto [name, description, parameters, strict] =
      function.pick<"name", "description", "parameters", "strict">();
  if (!name) return missing(place(".name"));
  if (!name->is(json::Kind::string)) return wrong_type(place(".name"), "a string", name->kind());
  if (auto ok = check_function_name(*name, [&] { return place(".name"); }); !ok) return ok;
  Tool tool{.name = *name, .description = {}, .parameters = parameters};
  if (description && !description->is(json::Kind::string)) {
    return wrong_type(place(".description"), "a string", description->kind());
  }
  if (description && !description->raw_text().empty()) tool.description = description;
  if (parameters) {
    if (auto ok = check_parameters(*parameters, index, rest); !ok) return ok;
  }
  if (strict && !strict->is(json::Kind::boolean)) {
    return wrong_type(place(".strict"), "a boolean", strict->kind());
  }
  tool.strict = strict && strict->boolean();
  tool.strict_said = strict.has_value();
  request.tools.push_back(tool);
  return {};
}

bool read_choice_word(json::Value value, ChatRequest& request) {
  if (!value.is(json::Kind::string)) return false;
  const std::string_view word = value.text();
  if (word == "none") {
    request.tool_choice = ToolChoice::none;
  } else if (word == "auto") {
    request.tool_choice = ToolChoice::automatic;
  } else if (word == "required") {
    request.tool_choice = ToolChoice::required;
  } else {
    return false;
  }
  return true;
}

Outcome read_schema(json::Value schema, const std::string& place, ChatRequest& request) {
  if (!schema.is(json::Kind::object)) return wrong_type(place, "an object", schema.kind());
  const auto [name, inner, strict] = schema.pick<"name", "schema", "strict">();
  if (!inner) return missing(place + ".schema");
  if (!inner->is(json::Kind::object))
    return wrong_type(place + ".schema", "an object", inner->kind());
  if (name && !name->is(json::Kind::string))
    return wrong_type(place + ".name", "a string", name->kind());
  if (strict && !strict->is(json::Kind::boolean))
    return wrong_type(place + ".strict", "a boolean", strict->kind());
  request.format = Format::json_schema;
  request.schema = inner;
  request.schema_name = name;
  request.schema_strict = strict && strict->boolean();
  return {};
}

Outcome check_tools(const ChatRequest& request) {
  if (request.tools.empty()) {
    if (request.conversation.uses_tools) {
      return invalid_value("body.tools",
                           "must be given when the messages hold tool calls or their results");
    }
    if (request.tool_choice == ToolChoice::required || request.tool_choice == ToolChoice::named) {
      return invalid_value("body.tool_choice", "is only allowed when tools are given");
    }
    return {};
  }
  const std::string_view at_name =
      request.conversation.body == BodyKind::responses ? ".name" : ".function.name";
  std::unordered_set<std::string_view> names;  // a line may declare very many
  for (const Tool& tool : request.tools) {
    if (names.insert(tool.name.text()).second) continue;
    return invalid_value(tool_place(names.size(), at_name), "is the name of another tool");
  }
  if (request.tool_choice != ToolChoice::named) return {};
  if (names.contains(request.tool_choice_name.text())) return {};
  return invalid_value("body.tool_choice" + std::string(at_name),
                       "is not the name of one of the tools");
}

Outcome read_system_text(json::Value content, Part part, Conversation& conversation) {
  const std::size_t before = conversation.system.size();
  const auto add = [&](json::Value text) {
    if (is_blank(text)) return;
    part.text = text;
    part.first = conversation.system.size() == before;
    conversation.system.push_back(part);
  };
  if (content.is(json::Kind::string)) {
    add(content);
    return {};
  }
  if (!content.is(json::Kind::array)) {
    return wrong_type(conversation.place(part), "a string or an array", content.kind());
  }
  for (const json::Value element : content.elements()) {
    ++part.element;
    const auto text = element.is(json::Kind::object) ? element.find_non_null("text") : std::nullopt;
    if (!text || !text->is(json::Kind::string)) {
      return invalid_value(conversation.place(part), "a system message holds text only");
    }
    add(*text);
  }
  return {};
}

Outcome read_image(json::Value url, Part part, Conversation& conversation) {
  const std::string_view rest = ".image_url";
  if (!url.is(json::Kind::string))
    return wrong_type(conversation.place(part, rest), "a string", url.kind());
  const auto image = parse_image_url(url.text());
  if (!image) return invalid_value(conversation.place(part, rest), image.error());
  part.kind = PartKind::image;
  part.text = url;
  part.media_type = image->media_type;
  part.base64 = image->base64;
  conversation.has_images = true;
  conversation.parts.push_back(part);
  return {};
}

Outcome read_file(json::Value data,
                  std::optional<json::Value> file_name,
                  Part part,
                  Conversation& conversation) {
  const std::string rest = conversation.body == BodyKind::chat ? ".file" : "";
  if (!data.is(json::Kind::string)) {
    return wrong_type(conversation.place(part, rest + ".file_data"), "a string", data.kind());
  }
  if (file_name && !file_name->is(json::Kind::string)) {
    return wrong_type(conversation.place(part, rest + ".filename"), "a string", file_name->kind());
  }
  const auto file =
      parse_file_data(data.text(), file_name ? file_name->text() : std::string_view());
  if (!file) return invalid_value(conversation.place(part, rest + ".file_data"), file.error());
  part.kind = PartKind::file;
  part.has_name = file_name && !file_name->raw_text().empty();
  if (part.has_name) part.text = *file_name;
  part.media_type = file->media_type;
  part.base64 = file->base64;
  conversation.has_files = true;
  conversation.parts.push_back(part);
  return {};
}

}  // namespace quarry::translate
