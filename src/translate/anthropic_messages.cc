#include "translate/anthropic_messages.h"

#include "json/write.h"
#include "translate/image.h"

#include <algorithm>
#include <array>

namespace quarry::translate {

namespace {

constexpr std::string_view kSpaces = " \t\r\n\f\v";

bool blank(json::Value text) {
  const std::string_view raw = text.raw_text();
  const bool starts_with_text =
      !raw.empty() && raw.front() != '\\' && kSpaces.find(raw.front()) == kSpaces.npos;
  return !starts_with_text && text.text().find_first_not_of(kSpaces) == std::string_view::npos;
}

// Claude's ids are [a-zA-Z0-9_-]+; a call and its result are changed alike.
void append_tool_id(std::string& out, std::string_view id) {
  out += '"';
  const std::size_t begin = out.size();
  out += id;
  for (std::size_t i = begin; i < out.size(); ++i) {
    const char c = out[i];
    const bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || c == '_' || c == '-';
    if (!allowed) out[i] = '_';
  }
  out += '"';
}

// A member that must be a string. place(): the object, asked for only to say what is wrong.
template <class Place>
std::expected<std::string_view, openai::LineError> string_member(
    const std::optional<json::Value>& value, std::string_view key, const Place& place) {
  if (value && value->is(json::Kind::string)) return value->text();
  const std::string param = place() + "." + std::string(key);
  if (!value) return missing(param);
  return wrong_type(param, "a string", value->kind());
}

}  // namespace

AnthropicMessages::AnthropicMessages(Scratch& scratch, std::string& out)
    : arguments_(scratch.arguments),
      system_(scratch.system),
      open_calls_(scratch.open_calls),
      out_(out) {
  system_.clear();
  open_calls_.clear();
}

Outcome AnthropicMessages::append(json::Value messages) {
  if (!messages.is(json::Kind::array))
    return wrong_type("body.messages", "an array", messages.kind());
  // The last one of the conversation: system messages move out of it.
  std::size_t last = 0;
  std::size_t i = 0;
  for (const json::Value element : messages.elements()) {
    const auto role = element.is(json::Kind::object) ? element.find_non_null("role") : std::nullopt;
    const bool system = role && role->is(json::Kind::string) &&
                        (role->text() == "system" || role->text() == "developer");
    if (!system) last = i;
    ++i;
  }

  out_ += "\"messages\":[";
  index_ = 0;
  for (const json::Value element : messages.elements()) {
    if (auto ok = message(element, index_ == last); !ok) return ok;
    ++index_;
  }
  if (auto ok = all_calls_answered(); !ok) return ok;
  if (turn_ == Role::none) {
    return invalid_value("body.messages",
                         "there must be a user message; a system message alone is no conversation");
  }
  out_ += "]}]";
  append_system();
  return {};
}

Outcome AnthropicMessages::message(json::Value value, bool last) {
  if (!value.is(json::Kind::object)) return wrong_type(at(), "an object", value.kind());
  const auto [role_value, content, tool_calls, tool_call_id, refusal, function_call, audio] =
      value.pick(std::array<std::string_view, 7>{"role", "content", "tool_calls", "tool_call_id",
                                                 "refusal", "function_call", "audio"});
  const auto role = string_member(role_value, "role", [&] { return at(); });
  if (!role) return std::unexpected(role.error());

  if (*role == "user") {
    if (auto ok = all_calls_answered(); !ok) return ok;
    return content ? user_message(*content) : missing(at(".content"));
  }
  if (*role == "assistant") {
    if (function_call) return unsupported(at(".function_call"), "functions are replaced by tools");
    if (audio) return unsupported(at(".audio"), "this model does not take it");
    return assistant_message({content, refusal, tool_calls}, last);
  }
  if (*role == "tool") return tool_message(tool_call_id, content);
  if (*role == "system" || *role == "developer") {
    return content ? system_message(*content) : missing(at(".content"));
  }
  if (*role == "function") {
    return unsupported(at(".role"), "functions are replaced by tools; use the role 'tool'");
  }
  return invalid_value(at(".role"),
                       "supported values are: 'system', 'developer', 'user', 'assistant', 'tool'");
}

Outcome AnthropicMessages::system_message(json::Value content) {
  if (content.is(json::Kind::string)) {
    if (!blank(content)) system_.push_back(content);
    return {};
  }
  if (!content.is(json::Kind::array))
    return wrong_type(at(".content"), "a string or an array", content.kind());
  std::size_t index = 0;
  for (const json::Value part : content.elements()) {
    const auto text = part.is(json::Kind::object) ? part.find_non_null("text") : std::nullopt;
    if (!text || !text->is(json::Kind::string)) {
      return invalid_value(at_part(index), "a system message holds text only");
    }
    if (!blank(*text)) system_.push_back(*text);
    ++index;
  }
  return {};
}

Outcome AnthropicMessages::user_message(json::Value content) {
  open_turn(Role::user);
  const std::size_t before = out_.size();
  if (auto ok = text_or_parts(content, true, false); !ok) return ok;
  if (out_.size() == before) return invalid_value(at(".content"), "must not be empty");
  return {};
}

Outcome AnthropicMessages::assistant_message(const Assistant& message, bool last) {
  if (auto ok = all_calls_answered(); !ok) return ok;
  if (turn_ == Role::none) {
    return invalid_value(at(".role"),
                         "the first message that is not a system message must be of the user");
  }
  const auto& [content, refusal, calls] = message;
  if (calls && !calls->is(json::Kind::array)) {
    return wrong_type(at(".tool_calls"), "an array", calls->kind());
  }
  const bool calling = calls && !calls->empty();

  open_turn(Role::assistant);
  const std::size_t before = out_.size();
  if (content) {
    if (auto ok = text_or_parts(*content, false, last && !calling); !ok) return ok;
  }
  if (refusal) {
    if (!refusal->is(json::Kind::string))
      return wrong_type(at(".refusal"), "a string", refusal->kind());
    text_block(*refusal, last && !calling);
  }
  if (calling) {
    calls_at_ = index_;
    std::size_t index = 0;
    for (const json::Value call : calls->elements()) {
      if (auto ok = tool_call(call, index++); !ok) return ok;
    }
  }
  if (out_.size() == before) {
    return invalid_value(at(".content"), "must not be empty without tool calls");
  }
  return {};
}

Outcome AnthropicMessages::tool_message(const std::optional<json::Value>& call_id,
                                        const std::optional<json::Value>& content) {
  uses_tools_ = true;
  const auto id = string_member(call_id, "tool_call_id", [&] { return at(); });
  if (!id) return std::unexpected(id.error());
  const auto call = std::ranges::find(open_calls_, *id);
  if (call == open_calls_.end()) {
    return invalid_value(
        at(".tool_call_id"),
        "no tool call without a result in the assistant message before has this id");
  }
  open_calls_.erase(call);

  open_turn(Role::user);
  open_block();
  out_ += R"("type":"tool_result","tool_use_id":)";
  append_tool_id(out_, *id);
  if (!content) return missing(at(".content"));
  if (content->is(json::Kind::string)) {
    if (!blank(*content)) out_.append(",\"content\":").append(content->raw());
  } else {
    const std::size_t before = out_.size();
    out_ += ",\"content\":[";
    const std::size_t empty = out_.size();
    first_block_ = true;
    if (auto ok = text_or_parts(*content, true, false); !ok) return ok;
    first_block_ = false;
    out_.size() == empty ? out_.resize(before) : void(out_ += ']');
  }
  out_ += '}';
  return {};
}

Outcome AnthropicMessages::text_or_parts(json::Value content, bool images, bool trim) {
  if (content.is(json::Kind::string)) {
    text_block(content, trim);
    return {};
  }
  if (!content.is(json::Kind::array))
    return wrong_type(at(".content"), "a string or an array", content.kind());
  std::size_t count = 0;
  if (trim) {
    for ([[maybe_unused]] const json::Value element : content.elements()) ++count;
  }
  std::size_t index = 0;
  for (const json::Value element : content.elements()) {
    if (auto ok = part(element, index, images, trim && index + 1 == count); !ok) return ok;
    ++index;
  }
  return {};
}

Outcome AnthropicMessages::part(json::Value part, std::size_t index, bool images, bool trim) {
  if (!part.is(json::Kind::object)) return wrong_type(at_part(index), "an object", part.kind());
  const auto [type_value, text_value, refusal_value, image_url] =
      part.pick(std::array<std::string_view, 4>{"type", "text", "refusal", "image_url"});
  const auto type = string_member(type_value, "type", [&] { return at_part(index); });
  if (!type) return std::unexpected(type.error());
  const bool refusal = *type == "refusal" && !images;
  if (*type == "text" || refusal) {
    const auto& text = refusal ? refusal_value : text_value;
    if (!text) return missing(at_part(index, refusal ? ".refusal" : ".text"));
    if (!text->is(json::Kind::string)) {
      return wrong_type(at_part(index, refusal ? ".refusal" : ".text"), "a string", text->kind());
    }
    text_block(*text, trim);
    return {};
  }
  if (*type == "image_url" && images) return image(image_url, index);
  return unsupported(at_part(index), "this model does not take content of type '" +
                                         std::string(type->substr(0, 40)) + "' here");
}

Outcome AnthropicMessages::image(std::optional<json::Value> url, std::size_t index) {
  if (url && url->is(json::Kind::object)) url = url->find_non_null("url");
  if (!url) return missing(at_part(index, ".image_url.url"));
  if (!url->is(json::Kind::string)) {
    return wrong_type(at_part(index, ".image_url.url"), "a string", url->kind());
  }
  const auto image = parse_image_url(url->text());
  if (!image) return invalid_value(at_part(index, ".image_url"), image.error());
  open_block();
  out_.append(R"("type":"image","source":{"type":"base64","media_type":")")
      .append(image->media_type);
  out_.append(R"(","data":")").append(image->base64).append("\"}}");
  return {};
}

Outcome AnthropicMessages::tool_call(json::Value call, std::size_t index) {
  uses_tools_ = true;
  const auto place = [&] { return at(".tool_calls[" + std::to_string(index) + "]"); };
  if (!call.is(json::Kind::object)) return wrong_type(place(), "an object", call.kind());
  const auto [type, id_value, function] =
      call.pick(std::array<std::string_view, 3>{"type", "id", "function"});
  if (type && (!type->is(json::Kind::string) || type->text() != "function")) {
    return unsupported(place() + ".type", "supported values are: 'function'");
  }
  const auto id = string_member(id_value, "id", place);
  if (!id) return std::unexpected(id.error());
  if (id->empty()) return invalid_value(place() + ".id", "must not be empty");
  if (std::ranges::find(open_calls_, *id) != open_calls_.end()) {
    return invalid_value(place() + ".id", "is the id of another call of this message");
  }
  if (!function) return missing(place() + ".function");
  if (!function->is(json::Kind::object)) {
    return wrong_type(place() + ".function", "an object", function->kind());
  }
  const auto [name_value, arguments] =
      function->pick(std::array<std::string_view, 2>{"name", "arguments"});
  const auto name = string_member(name_value, "name", [&] { return place() + ".function"; });
  if (!name) return std::unexpected(name.error());

  open_calls_.push_back(*id);
  open_block();
  out_ += R"("type":"tool_use","id":)";
  append_tool_id(out_, *id);
  out_ += ",\"name\":";
  json::append_string(out_, *name);
  return tool_input(arguments, index);
}

Outcome AnthropicMessages::tool_input(const std::optional<json::Value>& arguments,
                                      std::size_t index) {
  const auto place = [&] {
    return at(".tool_calls[" + std::to_string(index) + "].function.arguments");
  };
  out_ += ",\"input\":";
  if (arguments && !arguments->is(json::Kind::string)) {
    return wrong_type(place(), "a string", arguments->kind());
  }
  if (!arguments || blank(*arguments)) {  // clients write "" for a call without arguments
    out_ += "{}}";
    return {};
  }
  const auto input = arguments_.parse(arguments->text());
  if (!input) return invalid_value(place(), json::message(input.error()));
  if (!input->is(json::Kind::object))
    return invalid_value(place(), "is not the text of a JSON object");
  input->append_compact(out_);
  out_ += '}';
  return {};
}

// trim: Claude refuses a last assistant message that ends in whitespace.
void AnthropicMessages::text_block(json::Value text, bool trim) {
  if (blank(text)) return;
  open_block();
  out_ += R"("type":"text","text":)";
  const std::string_view raw = text.raw_text();
  if (trim && (kSpaces.find(raw.back()) != kSpaces.npos || text.has_escapes())) {
    const std::string_view whole = text.text();
    json::append_string(out_, whole.substr(0, whole.find_last_not_of(kSpaces) + 1));
  } else {
    out_ += text.raw();
  }
  out_ += '}';
}

void AnthropicMessages::open_turn(Role role) {
  if (turn_ == role) return;
  if (turn_ != Role::none) out_ += "]},";
  out_ +=
      role == Role::user ? R"({"role":"user","content":[)" : R"({"role":"assistant","content":[)";
  turn_ = role;
  first_block_ = true;
}

void AnthropicMessages::open_block() {
  out_ += first_block_ ? "{" : ",{";
  first_block_ = false;
}

Outcome AnthropicMessages::all_calls_answered() const {
  if (open_calls_.empty()) return {};
  return invalid_value(
      "body.messages[" + std::to_string(calls_at_) + "].tool_calls",
      "each tool call must be followed by a message of the role 'tool' with its id");
}

void AnthropicMessages::append_system() {
  if (system_.empty()) return;
  out_ += ",\"system\":";
  if (system_.size() == 1) {
    out_ += system_.front().raw();
    return;
  }
  out_ += '[';
  for (const json::Value text : system_) {
    out_.append(R"({"type":"text","text":)").append(text.raw()).append("},");
  }
  out_.back() = ']';
}

std::string AnthropicMessages::at(std::string_view rest) const {
  std::string place = "body.messages[" + std::to_string(index_) + "]";
  place += rest;
  return place;
}

std::string AnthropicMessages::at_part(std::size_t index, std::string_view rest) const {
  std::string place = at(".content[" + std::to_string(index) + "]");
  place += rest;
  return place;
}

}  // namespace quarry::translate
