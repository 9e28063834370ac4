#include "translate/families/chat_shape.h"

#include "json/write.h"
#include "translate/families/tool_shape.h"

#include <optional>
#include <span>
#include <string_view>

namespace quarry::translate {

namespace {

// Between two messages of one role, and between two texts of one message; inside a JSON string.
constexpr std::string_view kBetweenMessages = R"(\n\n)";
constexpr std::string_view kBetweenTexts = R"(\n)";

// Writes the turns of a conversation.
class Turns {
 public:
  Turns(const Conversation& conversation,
        ChatTurns turns,
        json::Document& scratch,
        std::string& out)
      : conversation_(conversation),
        parts_(conversation.parts),
        turns_(turns),
        scratch_(scratch),
        out_(out) {}

  Outcome append();

 private:
  using Parts = std::span<const Part>;

  // How many of the parts from `begin` on are one message.
  std::size_t message_end(std::size_t begin) const;
  void append_system();
  void append_user(Parts parts);
  Outcome append_assistant(Parts parts, bool last);
  Outcome append_call(const Part& call);
  Outcome append_result(const Part& result);
  void append_texts(Parts parts, bool joined);
  void append_content_parts(Parts parts);
  void open(std::string_view role) {
    out_.append(out_.back() == '[' ? R"({"role":")" : R"(,{"role":")").append(role).append("\"");
  }
  void append_id(json::Value id) {
    turns_.short_ids ? append_short_tool_id(out_, id) : void(out_ += id.raw());
  }

  const Conversation& conversation_;
  Parts parts_;
  ChatTurns turns_;
  json::Document& scratch_;
  std::string& out_;
  std::string arguments_;
};

Outcome no_files(const Conversation& conversation) {
  for (const Part& part : conversation.parts) {
    if (part.kind == PartKind::file)
      return unsupported(conversation.place(part), "this model reads no files");
    if (part.kind == PartKind::image && part.nested) {
      return unsupported(conversation.place(part),
                         "this model reads no images in the results of tools; give the image in a "
                         "message of the user");
    }
  }
  return {};
}

Outcome Turns::append() {
  if (auto ok = no_files(conversation_); !ok) return ok;
  out_ += "\"messages\":[";
  if (turns_.system_apart) append_system();
  bool after_tool = false;
  for (std::size_t i = 0; i < parts_.size();) {
    const std::size_t end = message_end(i);
    const Part& first = parts_[i];
    const Parts message = parts_.subspan(i, end - i);
    if (first.kind == PartKind::tool_result) {
      if (auto ok = append_result(first); !ok) return ok;
    } else if (first.role == Role::assistant) {
      if (auto ok = append_assistant(message, end == parts_.size()); !ok) return ok;
    } else if (after_tool && !turns_.user_after_tool) {
      return invalid_value(conversation_.place(first),
                           "for this model a message of the assistant must stand between a tool's "
                           "result and the next message of the user");
    } else {
      append_user(message);
    }
    after_tool = first.kind == PartKind::tool_result;
    i = end;
  }
  out_ += ']';
  return {};
}

std::size_t Turns::message_end(std::size_t begin) const {
  const Part& first = parts_[begin];
  if (first.kind == PartKind::tool_result) return begin + 1 + first.nested_count;
  std::size_t end = begin + 1;
  while (end < parts_.size() && parts_[end].role == first.role &&
         parts_[end].kind != PartKind::tool_result) {
    ++end;
  }
  return end;
}

void Turns::append_system() {
  if (conversation_.system.empty()) return;
  open("system");
  out_ += ",\"content\":\"";
  append_texts(conversation_.system, false);
  out_ += "\"}";
}

// The texts among the parts, as the inside of one JSON string. joined: what came before is text
// too.
void Turns::append_texts(Parts parts, bool joined) {
  for (const Part& part : parts) {
    if (part.kind != PartKind::text) continue;
    if (joined) out_ += part.first ? kBetweenMessages : kBetweenTexts;
    joined = true;
    out_ += part.text.raw_text();
  }
}

void Turns::append_user(Parts parts) {
  open("user");
  out_ += ",\"content\":";
  // The system's text opens the first message.
  const bool with_system =
      !turns_.system_apart && parts.data() == parts_.data() && !conversation_.system.empty();
  bool images = false;
  for (const Part& part : parts) images |= part.kind == PartKind::image;
  if (images) {
    out_ += '[';
    if (with_system) append_content_parts(conversation_.system);
    append_content_parts(parts);
    out_.back() = ']';
  } else {
    out_ += '"';
    if (with_system) append_texts(conversation_.system, false);
    append_texts(parts, with_system);
    out_ += '"';
  }
  out_ += '}';
}

void Turns::append_content_parts(Parts parts) {
  for (const Part& part : parts) {
    if (part.kind == PartKind::image) {
      out_.append(R"({"type":"image_url","image_url":{"url":"data:)").append(part.media_type);
      out_.append(";base64,").append(part.base64).append("\"}},");
    } else {
      out_.append(R"({"type":"text","text":)").append(part.text.raw()).append("},");
    }
  }
}

Outcome Turns::append_assistant(Parts parts, bool last) {
  open("assistant");
  // Empty beside tool calls: some templates write null out in letters.
  out_ += ",\"content\":\"";
  append_texts(parts, false);
  out_ += '"';
  bool calls = false;
  for (const Part& part : parts) {
    if (part.kind != PartKind::tool_call) continue;
    out_ += calls ? "," : ",\"tool_calls\":[";
    calls = true;
    if (auto ok = append_call(part); !ok) return ok;
  }
  if (calls) out_ += ']';
  if (last && !calls && turns_.prefix) out_ += ",\"prefix\":true";
  out_ += '}';
  return {};
}

Outcome Turns::append_call(const Part& call) {
  out_ += "{\"id\":";
  append_id(call.id);
  out_.append(R"(,"type":"function","function":{"name":)").append(call.name.raw());
  arguments_.clear();
  if (auto ok = append_arguments(conversation_, call, scratch_, arguments_); !ok) return ok;
  out_ += ",\"arguments\":";
  json::append_string(out_, arguments_);
  out_ += "}}";
  return {};
}

Outcome Turns::append_result(const Part& result) {
  open("tool");
  out_ += ",\"tool_call_id\":";
  append_id(result.id);
  out_ += ",\"content\":\"";
  const Part* const nested = &result + 1;  // the list's elements lie together
  append_texts({nested, result.nested_count}, false);
  out_ += "\"}";
  return {};
}

}  // namespace

Outcome append_chat_messages(const Conversation& conversation,
                             ChatTurns turns,
                             json::Document& scratch,
                             std::string& out) {
  return Turns(conversation, turns, scratch, out).append();
}

void append_sampling(const Checked& checked, std::string_view max_tokens_name, std::string& out) {
  if (checked.max_tokens) {
    out.append(",\"").append(max_tokens_name).append("\":");
    json::append_integer(out, *checked.max_tokens);
  }
  if (checked.temperature) out.append(",\"temperature\":").append(checked.temperature->raw.raw());
  if (checked.top_p) out.append(",\"top_p\":").append(checked.top_p->raw.raw());
  if (checked.top_k) out.append(",\"top_k\":").append(checked.top_k->raw());
}

void append_stop(const Checked& checked, std::string& out) {
  if (checked.stop.empty()) return;
  out += ",\"stop\":[";
  for (const json::Value stop : checked.stop) out.append(stop.raw()).append(",");
  out.back() = ']';
}

void append_param(const Checked& checked, Param param, std::string& out) {
  const auto& value = checked.value(param);
  if (!value) return;
  out.append(",\"").append(name_of(param)).append("\":");
  value->append_compact(out);
}

void append_chat_tools(const ChatRequest& request,
                       std::optional<json::Value> only,
                       bool strict,
                       std::string& out) {
  out += ",\"tools\":[";
  for (const Tool& tool : request.tools) {
    if (only && tool.name.text() != only->text()) continue;
    out.append(R"({"type":"function","function":{"name":)").append(tool.name.raw());
    if (tool.description) out.append(",\"description\":").append(tool.description->raw());
    out += ",\"parameters\":";
    append_parameters(tool, out);
    if (strict && tool.strict) out += ",\"strict\":true";
    out += "}},";
  }
  out.back() = ']';
}

void append_response_format(const ChatRequest& request, const Checked& checked, std::string& out) {
  if (checked.format == Format::json_object) out += R"(,"response_format":{"type":"json_object"})";
  if (checked.format != Format::json_schema) return;
  out += R"(,"response_format":{"type":"json_schema","json_schema":{"name":)";
  out += request.schema_name ? request.schema_name->raw() : "\"response\"";
  out += ",\"schema\":";
  request.schema->append_compact(out);
  if (request.schema_strict) out += ",\"strict\":true";
  out += "}}";
}

}  // namespace quarry::translate
