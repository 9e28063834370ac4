#include "sandbox/chat_shaped_check.h"

#include "sandbox/families.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;
using Failure = std::string;  // "" is none
using Words = std::initializer_list<std::string_view>;

constexpr std::int64_t kChoicesMax = 8;
constexpr std::size_t kStopsMax = 4;
constexpr std::int64_t kIntegerMax = std::numeric_limits<std::int64_t>::max();

// null counts as missing, as OpenAI has it.
const json::value* member(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::string_view text_of(const json::value* value) {
  return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                : std::string_view{};
}

std::string_view kind_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return "boolean";
    case json::kind::int64:
    case json::kind::uint64:
      return "integer";
    case json::kind::double_:
      return "decimal";
    case json::kind::string:
      return "string";
    case json::kind::array:
      return "array";
    case json::kind::object:
      return "object";
  }
  return "null";
}

Failure missing(std::string_view where) {
  return fmt::format("Missing required parameter: '{}'.", where);
}

Failure wrong_type(std::string_view where, std::string_view expected, const json::value& value) {
  return fmt::format("Invalid type for '{}': expected {}, but got {} {} instead.", where, expected,
                     kind_of(value) == "object" || kind_of(value) == "array" ? "an" : "a",
                     kind_of(value));
}

Failure unsupported(std::string_view value, Words supported) {
  std::string list;
  std::size_t i = 0;
  for (const std::string_view word : supported) {
    if (i > 0) list += i + 1 == supported.size() ? ", and " : ", ";
    list.append("'").append(word).append("'");
    ++i;
  }
  return fmt::format("Invalid value: '{}'. Supported values are: {}.", value, list);
}

Failure check_word(const json::object& object,
                   std::string_view name,
                   std::string_view where,
                   Words supported) {
  const json::value* value = member(object, name);
  if (value == nullptr) return {};
  if (!value->is_string()) return wrong_type(where, "a string", *value);
  if (std::ranges::find(supported, text_of(value)) == supported.end())
    return unsupported(text_of(value), supported);
  return {};
}

Failure check_range(const json::object& request, std::string_view name, double low, double high) {
  const json::value* value = member(request, name);
  if (value == nullptr) return {};
  if (!value->is_number()) return wrong_type(name, "a decimal", *value);
  const auto number = value->to_number<double>();
  if (number < low) {
    return fmt::format(
        "Invalid '{}': decimal below minimum value. Expected a value >= {}, but got {} instead.",
        name, low, number);
  }
  if (number > high) {
    return fmt::format(
        "Invalid '{}': decimal above maximum value. Expected a value <= {}, but got {} instead.",
        name, high, number);
  }
  return {};
}

Failure check_count(const json::object& request,
                    std::string_view name,
                    std::int64_t low,
                    std::int64_t high) {
  const json::value* value = member(request, name);
  if (value == nullptr) return {};
  if (!value->is_int64()) return wrong_type(name, "an integer", *value);
  if (value->get_int64() < low) {
    return fmt::format(
        "Invalid '{}': integer below minimum value. Expected a value >= {}, but got {} instead.",
        name, low, value->get_int64());
  }
  if (value->get_int64() > high) {
    return fmt::format(
        "Invalid '{}': integer above maximum value. Expected a value <= {}, but got {} instead.",
        name, high, value->get_int64());
  }
  return {};
}

// Which of these families look at pictures; an ARN that does not say its model may.
bool sees_images(std::string_view model_id) {
  if (family_of_model(model_id) == Family::unsaid) return true;
  for (const std::string_view name :
       {"-vl-", "gemma-3", "kimi-k2.5", "kimi-k2-5", "nemotron-nano-12b"}) {
    if (model_id.find(name) != std::string_view::npos) return true;
  }
  return false;
}

Failure check_part(const json::value& value, const std::string& where, std::string_view model_id) {
  if (!value.is_object()) return wrong_type(where, "an object", value);
  const json::object& part = value.get_object();
  const std::string_view type = text_of(member(part, "type"));
  if (type.empty()) return missing(where + ".type");
  if (type == "image_url") {
    if (!sees_images(model_id))
      return "Invalid content type. image_url is only supported by certain models.";
    const json::value* image = member(part, "image_url");
    if (image == nullptr || !image->is_object()) return missing(where + ".image_url");
    const std::string_view url = text_of(member(image->get_object(), "url"));
    if (url.empty()) return missing(where + ".image_url.url");
    if (!url.starts_with("data:image/"))
      return fmt::format("Invalid '{}.image_url.url': only data URLs are supported.", where);
    return {};
  }
  if (type != "text") return unsupported(type, {"text", "image_url"});
  const json::value* text = member(part, "text");
  if (text == nullptr) return missing(where + ".text");
  return text->is_string() ? Failure{} : wrong_type(where + ".text", "a string", *text);
}

Failure check_content(const json::value& content,
                      const std::string& where,
                      std::string_view model_id) {
  if (content.is_string()) return {};
  if (!content.is_array()) return wrong_type(where, "a string or an array of objects", content);
  if (content.get_array().empty()) {
    return fmt::format(
        "Invalid '{}': empty array. Expected an array with minimum length 1, but got an empty "
        "array instead.",
        where);
  }
  for (std::size_t i = 0; i < content.get_array().size(); ++i) {
    auto failure = check_part(content.get_array()[i], fmt::format("{}[{}]", where, i), model_id);
    if (!failure.empty()) return failure;
  }
  return {};
}

Failure check_calls(const json::value& calls,
                    const std::string& where,
                    std::vector<std::string_view>& open_calls) {
  if (!calls.is_array() || calls.get_array().empty())
    return wrong_type(where, "an array of objects", calls);
  for (std::size_t i = 0; i < calls.get_array().size(); ++i) {
    const std::string place = fmt::format("{}[{}]", where, i);
    const json::value& call = calls.get_array()[i];
    if (!call.is_object()) return wrong_type(place, "an object", call);
    const std::string_view id = text_of(member(call.get_object(), "id"));
    if (id.empty()) return missing(place + ".id");
    const json::value* function = member(call.get_object(), "function");
    if (function == nullptr || !function->is_object()) return missing(place + ".function");
    for (const char* name : {"name", "arguments"}) {
      const json::value* text = member(function->get_object(), name);
      if (text == nullptr) return missing(fmt::format("{}.function.{}", place, name));
      if (!text->is_string())
        return wrong_type(fmt::format("{}.function.{}", place, name), "a string", *text);
    }
    open_calls.push_back(id);
  }
  return {};
}

Failure check_message(const json::value& value,
                      const std::string& where,
                      std::string_view model_id,
                      std::vector<std::string_view>& open_calls) {
  if (!value.is_object()) return wrong_type(where, "an object", value);
  const json::object& message = value.get_object();
  const json::value* role = member(message, "role");
  if (role == nullptr) return missing(where + ".role");
  auto failure = check_word(message, "role", where + ".role",
                            {"system", "developer", "user", "assistant", "tool"});
  if (!failure.empty()) return failure;
  const json::value* calls = member(message, "tool_calls");
  const json::value* content = member(message, "content");
  if (content != nullptr) {
    failure = check_content(*content, where + ".content", model_id);
  } else if (text_of(role) != "assistant" || calls == nullptr) {
    failure = missing(where + ".content");
  }
  if (!failure.empty()) return failure;
  if (text_of(role) == "assistant" && calls != nullptr)
    return check_calls(*calls, where + ".tool_calls", open_calls);
  if (text_of(role) != "tool") return {};
  const std::string_view id = text_of(member(message, "tool_call_id"));
  if (id.empty()) return missing(where + ".tool_call_id");
  if (std::ranges::find(open_calls, id) == open_calls.end()) {
    return "Invalid parameter: messages with role 'tool' must be a response to a preceeding "
           "message "
           "with 'tool_calls'.";
  }
  return {};
}

Failure check_messages(const json::object& request, std::string_view model_id) {
  const json::value* messages = member(request, "messages");
  if (messages == nullptr) return missing("messages");
  if (!messages->is_array()) return wrong_type("messages", "an array of objects", *messages);
  if (messages->get_array().empty()) {
    return "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an "
           "empty array instead.";
  }
  std::vector<std::string_view> open_calls;
  for (std::size_t i = 0; i < messages->get_array().size(); ++i) {
    auto failure = check_message(messages->get_array()[i], fmt::format("messages[{}]", i), model_id,
                                 open_calls);
    if (!failure.empty()) return failure;
  }
  return {};
}

Failure check_tools(const json::object& request, std::vector<std::string_view>& names) {
  const json::value* tools = member(request, "tools");
  if (tools == nullptr) return {};
  if (!tools->is_array()) return wrong_type("tools", "an array of objects", *tools);
  for (std::size_t i = 0; i < tools->get_array().size(); ++i) {
    const std::string where = fmt::format("tools[{}]", i);
    const json::value& tool = tools->get_array()[i];
    if (!tool.is_object()) return wrong_type(where, "an object", tool);
    const std::string_view type = text_of(member(tool.get_object(), "type"));
    if (type.empty()) return missing(where + ".type");
    if (type != "function") return unsupported(type, {"function"});
    const json::value* function = member(tool.get_object(), "function");
    if (function == nullptr || !function->is_object()) return missing(where + ".function");
    const std::string_view name = text_of(member(function->get_object(), "name"));
    if (name.empty()) return missing(where + ".function.name");
    const json::value* parameters = member(function->get_object(), "parameters");
    if (parameters != nullptr && !parameters->is_object())
      return wrong_type(where + ".function.parameters", "an object", *parameters);
    names.push_back(name);
  }
  return {};
}

Failure check_tool_choice(const json::object& request, const std::vector<std::string_view>& tools) {
  const json::value* choice = member(request, "tool_choice");
  if (choice == nullptr || text_of(choice) == "none") return {};
  if (tools.empty()) return "'tool_choice' is only allowed when 'tools' are specified.";
  if (choice->is_string())
    return check_word(request, "tool_choice", "tool_choice", {"none", "auto", "required"});
  if (!choice->is_object()) return wrong_type("tool_choice", "a string or an object", *choice);
  const json::value* function = member(choice->get_object(), "function");
  const std::string_view name = function != nullptr && function->is_object()
                                    ? text_of(member(function->get_object(), "name"))
                                    : std::string_view{};
  if (name.empty()) return missing("tool_choice.function.name");
  if (std::ranges::find(tools, name) == tools.end())
    return fmt::format("Tool choice '{}' not found in 'tools' parameter.", name);
  return {};
}

Failure check_format(const json::object& request) {
  const json::value* format = member(request, "response_format");
  if (format == nullptr) return {};
  if (!format->is_object()) return wrong_type("response_format", "an object", *format);
  const json::value* type = member(format->get_object(), "type");
  if (type == nullptr) return missing("response_format.type");
  auto failure = check_word(format->get_object(), "type", "response_format.type",
                            {"text", "json_object", "json_schema"});
  if (!failure.empty() || text_of(type) != "json_schema") return failure;
  const json::value* schema = member(format->get_object(), "json_schema");
  if (schema == nullptr || !schema->is_object()) return missing("response_format.json_schema");
  if (text_of(member(schema->get_object(), "name")).empty())
    return missing("response_format.json_schema.name");
  const json::value* inner = member(schema->get_object(), "schema");
  if (inner == nullptr) return missing("response_format.json_schema.schema");
  return inner->is_object() ? Failure{}
                            : wrong_type("response_format.json_schema.schema", "an object", *inner);
}

Failure check_stop(const json::object& request) {
  const json::value* stop = member(request, "stop");
  if (stop == nullptr || stop->is_string()) return {};
  if (!stop->is_array()) return wrong_type("stop", "a string or an array of strings", *stop);
  if (stop->get_array().size() > kStopsMax) {
    return fmt::format(
        "Invalid 'stop': array too long. Expected an array with maximum length {}, but got an "
        "array with length {} instead.",
        kStopsMax, stop->get_array().size());
  }
  for (const auto& item : stop->get_array()) {
    if (!item.is_string()) return wrong_type("stop", "an array of strings", *stop);
  }
  return {};
}

Failure check_flags(const json::object& request, std::string_view model_id) {
  for (const char* name : {"stream", "logprobs", "parallel_tool_calls"}) {
    const json::value* value = member(request, name);
    if (value != nullptr && !value->is_bool()) return wrong_type(name, "a boolean", *value);
  }
  const json::value* stream = member(request, "stream");
  if (stream != nullptr && stream->get_bool())
    return "Invalid value for 'stream': InvokeModel does not stream. Omit it or set it to false.";
  const json::value* logprobs = member(request, "logprobs");
  if (member(request, "top_logprobs") != nullptr && (logprobs == nullptr || !logprobs->get_bool()))
    return "Invalid value for 'top_logprobs': it needs 'logprobs' to be true.";
  if (model_id.find("gpt-oss") != std::string_view::npos)
    return check_word(request, "reasoning_effort", "reasoning_effort", {"low", "medium", "high"});
  return {};
}

}  // namespace

std::string check_openai_request(const json::object& request, std::string_view model_id) {
  if (auto failure = check_messages(request, model_id); !failure.empty()) return failure;
  std::vector<std::string_view> tools;
  if (auto failure = check_tools(request, tools); !failure.empty()) return failure;
  if (auto failure = check_tool_choice(request, tools); !failure.empty()) return failure;
  for (const auto check : {check_format, check_stop}) {
    if (auto failure = check(request); !failure.empty()) return failure;
  }
  if (auto failure = check_flags(request, model_id); !failure.empty()) return failure;
  if (auto failure = check_range(request, "temperature", 0, 2); !failure.empty()) return failure;
  if (auto failure = check_range(request, "top_p", 0, 1); !failure.empty()) return failure;
  for (const char* name : {"frequency_penalty", "presence_penalty"}) {
    if (auto failure = check_range(request, name, -2, 2); !failure.empty()) return failure;
  }
  for (const char* name : {"max_tokens", "max_completion_tokens"}) {
    if (auto failure = check_count(request, name, 1, kIntegerMax); !failure.empty()) return failure;
  }
  if (auto failure = check_count(request, "top_logprobs", 0, 20); !failure.empty()) return failure;
  return check_count(request, "n", 1, kChoicesMax);
}

}  // namespace quarry::sandbox
