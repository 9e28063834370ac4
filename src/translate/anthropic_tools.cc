#include "translate/anthropic_tools.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace quarry::translate {

namespace {

std::string tool_place(std::size_t index, std::string_view rest = "") {
  std::string place = "body.tools[" + std::to_string(index) + "]";
  place += rest;
  return place;
}

// Claude wants the schema's type said; OpenAI's clients leave it out for functions without
// parameters.
Outcome append_input_schema(json::Value function, std::size_t index, std::string& out) {
  const auto parameters = function.find_non_null("parameters");
  if (!parameters) {
    out += R"({"type":"object","properties":{}})";
    return {};
  }
  if (!parameters->is(json::Kind::object)) {
    return wrong_type(tool_place(index, ".function.parameters"), "an object", parameters->kind());
  }
  const std::size_t begin = out.size();
  parameters->append_compact(out);
  const auto type = parameters->find("type");  // a null is not absent: it would stand beside ours
  if (!type) {
    out.insert(begin + 1, parameters->empty() ? R"("type":"object")" : R"("type":"object",)");
  } else if (!type->is(json::Kind::string) || type->text() != "object") {
    return invalid_value(tool_place(index, ".function.parameters"), "its type must be 'object'");
  }
  return {};
}

Outcome append_tool(json::Value tool,
                    std::size_t index,
                    std::string& out,
                    std::vector<std::string_view>& names) {
  if (!tool.is(json::Kind::object)) return wrong_type(tool_place(index), "an object", tool.kind());
  const auto type = tool.find_non_null("type");
  if (!type || !type->is(json::Kind::string) || type->text() != "function") {
    return unsupported(tool_place(index, ".type"), "supported values are: 'function'");
  }
  const auto function = tool.find_non_null("function");
  if (!function) return missing(tool_place(index, ".function"));
  if (!function->is(json::Kind::object)) {
    return wrong_type(tool_place(index, ".function"), "an object", function->kind());
  }
  const auto name = function->find_non_null("name");
  if (!name) return missing(tool_place(index, ".function.name"));
  if (!name->is(json::Kind::string)) {
    return wrong_type(tool_place(index, ".function.name"), "a string", name->kind());
  }
  if (std::ranges::find(names, name->text()) != names.end()) {
    return invalid_value(tool_place(index, ".function.name"), "is the name of another tool");
  }
  names.push_back(name->text());

  out.append("{\"name\":").append(name->raw());
  if (const auto description = function->find_non_null("description")) {
    if (!description->is(json::Kind::string)) {
      return wrong_type(tool_place(index, ".function.description"), "a string",
                        description->kind());
    }
    if (!description->raw_text().empty())
      out.append(",\"description\":").append(description->raw());
  }
  out += ",\"input_schema\":";
  if (auto ok = append_input_schema(*function, index, out); !ok) return ok;
  out += '}';
  return {};
}

// The name in {"type":"function","function":{"name":…}}.
std::expected<json::Value, openai::LineError> chosen_function(json::Value choice) {
  if (!choice.is(json::Kind::object)) {
    return wrong_type("body.tool_choice", "a string or an object", choice.kind());
  }
  const auto type = choice.find_non_null("type");
  if (!type || !type->is(json::Kind::string) || type->text() != "function") {
    return unsupported("body.tool_choice", "supported types are: 'function'");
  }
  const auto function = choice.find_non_null("function");
  const auto name =
      function && function->is(json::Kind::object) ? function->find_non_null("name") : std::nullopt;
  if (!name) return missing("body.tool_choice.function.name");
  if (!name->is(json::Kind::string)) {
    return wrong_type("body.tool_choice.function.name", "a string", name->kind());
  }
  return *name;
}

Outcome append_choice(const ChatRequest& request,
                      const std::vector<std::string_view>& names,
                      std::string& out) {
  bool parallel = true;
  if (const auto& value = request.parallel_tool_calls) {
    if (!value->is(json::Kind::boolean)) {
      return wrong_type("body.parallel_tool_calls", "a boolean", value->kind());
    }
    parallel = value->boolean();
  }
  if (!request.tool_choice && parallel) return {};

  bool may_call = true;
  out += ",\"tool_choice\":";
  if (!request.tool_choice) {
    out += R"({"type":"auto")";
  } else if (request.tool_choice->is(json::Kind::string)) {
    const std::string_view choice = request.tool_choice->text();
    if (choice != "auto" && choice != "none" && choice != "required") {
      return invalid_value("body.tool_choice", "supported values are: 'none', 'auto', 'required'");
    }
    out += choice == "auto"   ? R"({"type":"auto")"
           : choice == "none" ? R"({"type":"none")"
                              : R"({"type":"any")";
    may_call = choice != "none";
  } else {
    const auto name = chosen_function(*request.tool_choice);
    if (!name) return std::unexpected(name.error());
    if (std::ranges::find(names, name->text()) == names.end()) {
      return invalid_value("body.tool_choice.function.name", "is not the name of one of the tools");
    }
    out.append(R"({"type":"tool","name":)").append(name->raw());
  }
  out += !parallel && may_call ? R"(,"disable_parallel_tool_use":true})" : "}";
  return {};
}

// Without tools only a choice that calls none is possible.
Outcome check_choice_without_tools(const ChatRequest& request) {
  if (!request.tool_choice) return {};
  const bool text = request.tool_choice->is(json::Kind::string);
  if (text && (request.tool_choice->text() == "none" || request.tool_choice->text() == "auto"))
    return {};
  return invalid_value("body.tool_choice", "is only allowed when tools are given");
}

}  // namespace

Outcome append_anthropic_tools(const ChatRequest& request, bool needed, std::string& out) {
  if (request.tools && !request.tools->is(json::Kind::array)) {
    return wrong_type("body.tools", "an array", request.tools->kind());
  }
  if (!request.tools || request.tools->empty()) {
    if (needed) {
      return invalid_value("body.tools",
                           "must be given when the messages hold tool calls or their results");
    }
    return check_choice_without_tools(request);
  }
  std::vector<std::string_view> names;
  out += ",\"tools\":[";
  std::size_t index = 0;
  for (const json::Value tool : request.tools->elements()) {
    if (index != 0) out += ',';
    if (auto ok = append_tool(tool, index++, out, names); !ok) return ok;
  }
  out += ']';
  return append_choice(request, names, out);
}

}  // namespace quarry::translate
