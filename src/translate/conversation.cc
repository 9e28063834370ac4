#include "translate/conversation.h"

namespace quarry::translate {

namespace {

constexpr std::string_view kSpaces = " \t\r\n\f\v";

std::string chat_place(const Part& part) {
  std::string place = "body.messages[" + std::to_string(part.message) + "]";
  if (part.kind == PartKind::tool_call) {
    return place + ".tool_calls[" + std::to_string(part.element) + "]";
  }
  place += ".content";
  if (part.element >= 0) place += "[" + std::to_string(part.element) + "]";
  return place;
}

std::string responses_place(const Part& part) {
  if (part.role == Role::system && part.message == Part::kInstructions) return "body.instructions";
  if (part.message == Part::kWholeInput) return "body.input";
  std::string place = "body.input[" + std::to_string(part.message) + "]";
  if (part.kind == PartKind::tool_call) return place;
  place += part.nested || part.kind == PartKind::tool_result ? ".output" : ".content";
  if (part.element >= 0) place += "[" + std::to_string(part.element) + "]";
  return place;
}

std::string completions_place(const Part& part) {
  return part.element >= 0 ? "body.prompt[" + std::to_string(part.element) + "]" : "body.prompt";
}

}  // namespace

void Conversation::clear() {
  body = BodyKind::chat;
  system.clear();
  parts.clear();
  uses_tools = false;
  has_images = false;
  has_files = false;
  raw_prompt.reset();
}

std::string Conversation::place(const Part& part, std::string_view rest) const {
  std::string place = body == BodyKind::chat        ? chat_place(part)
                      : body == BodyKind::responses ? responses_place(part)
                                                    : completions_place(part);
  place += rest;
  return place;
}

bool is_blank(json::Value text) {
  const std::string_view raw = text.raw_text();
  if (raw.empty()) return true;
  // Nearly every text tells by its first character.
  if (raw.front() != '\\' && kSpaces.find(raw.front()) == kSpaces.npos) return false;
  if (raw.starts_with("\\u") && !raw.starts_with("\\u00")) return false;
  return text.text().find_first_not_of(kSpaces) == std::string_view::npos;
}

Outcome append_arguments(const Conversation& conversation,
                         const Part& call,
                         json::Document& scratch,
                         std::string& out) {
  if (!call.has_arguments ||
      is_blank(call.text)) {  // clients write "" for a call without arguments
    out += "{}";
    return {};
  }
  const std::string_view rest =
      conversation.body == BodyKind::chat ? ".function.arguments" : ".arguments";
  const auto input = scratch.parse(call.text.text());
  if (!input) {
    return invalid_value(conversation.place(call, rest), json::message(input.error()));
  }
  if (!input->is(json::Kind::object)) {
    return invalid_value(conversation.place(call, rest), "is not the text of a JSON object");
  }
  input->append_compact(out);
  return {};
}

}  // namespace quarry::translate
