#include "translate/families/converse_shape.h"

#include "json/write.h"
#include "translate/families/effort.h"
#include "translate/families/tool_shape.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

namespace quarry::translate {

namespace {

constexpr std::string_view kSpaces = " \t\r\n\f\v";
constexpr std::size_t kDocumentNameMax = 200;

// The names in use, each with the last number that was tried to tell another one from it.
using DocumentNames = std::unordered_map<std::string, std::size_t>;

// Writes the turns of a conversation.
class Turns {
 public:
  Turns(const Conversation& conversation,
        ConverseTurns turns,
        json::Document& scratch,
        std::string& out)
      : conversation_(conversation), turns_(turns), scratch_(scratch), out_(out) {}

  Outcome append();

 private:
  Outcome append_part(std::size_t index);
  void append_text(const Part& part, bool last);
  void append_image(const Part& part);
  void append_document(const Part& part);
  void append_result(std::size_t index);
  Outcome close_turn();
  void open_block() {
    if (!first_block_) out_ += ',';
    first_block_ = false;
  }

  const Conversation& conversation_;
  ConverseTurns turns_;
  json::Document& scratch_;
  std::string& out_;
  DocumentNames taken_names_;
  const Part* document_ = nullptr;  // of the turn at hand
  bool has_text_ = false;           // the turn at hand
  bool first_block_ = true;
};

Outcome Turns::append() {
  out_ += "\"messages\":[";
  const auto& parts = conversation_.parts;
  std::optional<Role> role;
  for (std::size_t i = 0; i < parts.size(); i += 1 + parts[i].nested_count) {
    if (role != parts[i].role) {
      if (role) {
        if (auto ok = close_turn(); !ok) return ok;
        out_ += ',';
      }
      out_ += parts[i].role == Role::assistant ? R"({"role":"assistant","content":[)"
                                               : R"({"role":"user","content":[)";
      first_block_ = true;
      if (!role && !turns_.system_apart) {
        for (const Part& system : conversation_.system) append_text(system, false);
      }
      role = parts[i].role;
    }
    if (auto ok = append_part(i); !ok) return ok;
  }
  if (role) {
    if (auto ok = close_turn(); !ok) return ok;
  }
  out_ += ']';
  return {};
}

Outcome Turns::append_part(std::size_t index) {
  const Part& part = conversation_.parts[index];
  switch (part.kind) {
    case PartKind::text:
      append_text(part, index + 1 == conversation_.parts.size() && part.role == Role::assistant);
      return {};
    case PartKind::image:
      append_image(part);
      return {};
    case PartKind::file:
      append_document(part);
      return {};
    case PartKind::tool_call:
      open_block();
      out_ += R"({"toolUse":{"toolUseId":)";
      append_bounded_tool_id(out_, part.id);
      out_.append(",\"name\":").append(part.name.raw()).append(",\"input\":");
      if (auto ok = append_arguments(conversation_, part, scratch_, out_); !ok) return ok;
      out_ += "}}";
      return {};
    case PartKind::tool_result:
      append_result(index);
      return {};
  }
  return {};
}

void Turns::append_text(const Part& part, bool last) {
  has_text_ = true;
  const std::string_view raw = part.text.raw_text();
  const bool trim = last && turns_.trim_last &&
                    (kSpaces.find(raw.back()) != kSpaces.npos || part.text.has_escapes());
  const std::string_view comma = std::exchange(first_block_, false) ? "" : ",";
  if (!trim) {
    json::append_all(out_, comma, "{\"text\":", part.text.raw(), "}");
    return;
  }
  const std::string_view whole = part.text.text();
  json::append_all(out_, comma, "{\"text\":");
  json::append_string(out_, whole.substr(0, whole.find_last_not_of(kSpaces) + 1));
  out_ += '}';
}

void Turns::append_image(const Part& part) {
  open_block();
  // image/png, image/jpeg, image/gif, image/webp: the formats' own names.
  out_.append(R"({"image":{"format":")")
      .append(part.media_type.substr(part.media_type.find('/') + 1));
  out_.append(R"(","source":{"bytes":")").append(part.base64).append("\"}}}");
}

// Converse takes letters, digits, single spaces and - ( ) [ ] in a document's name, and no name
// twice in one request.
std::string document_name(const Part& part, DocumentNames& taken) {
  std::string name;
  std::string_view given = part.has_name ? part.text.text() : std::string_view();
  if (given.size() > 4 && given.ends_with(".pdf")) given.remove_suffix(4);
  for (const char c : given) {
    const bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      std::string_view("-()[]").contains(c);
    const bool space = kSpaces.find(c) != kSpaces.npos;
    // The bytes of a letter that is not ASCII become one '-' together.
    const char put = space ? ' ' : kept ? c : '-';
    if (!kept && !name.empty() && name.back() == put) continue;
    if (space && name.empty()) continue;
    name += put;
  }
  name.resize(std::min(name.size(), kDocumentNameMax - 8));  // room for a number
  while (name.ends_with(' ')) name.pop_back();
  if (name.find_first_not_of("- ") == std::string::npos) name = "document";
  const std::string base = name;
  std::size_t n = taken[base];
  while (taken[name] != 0) name = base + " (" + std::to_string(++n) + ")";
  taken[base] = n;
  taken[name] = std::max<std::size_t>(taken[name], 1);
  return name;
}

void Turns::append_document(const Part& part) {
  document_ = &part;
  open_block();
  out_.append(R"({"document":{"format":"pdf","name":")").append(document_name(part, taken_names_));
  out_.append(R"(","source":{"bytes":")").append(part.base64).append("\"}}}");
}

void Turns::append_result(std::size_t index) {
  const Part& result = conversation_.parts[index];
  open_block();
  out_ += R"({"toolResult":{"toolUseId":)";
  append_bounded_tool_id(out_, result.id);
  out_ += ",\"content\":[";
  first_block_ = true;
  for (std::size_t i = index + 1; i <= index + result.nested_count; ++i) {
    const Part& part = conversation_.parts[i];
    part.kind == PartKind::image ? append_image(part) : append_text(part, false);
  }
  // The list must not be empty, nor a text blank; that the tool said nothing is an empty object.
  if (first_block_) out_ += R"({"json":{}})";
  out_ += "]}}";
  first_block_ = false;
}

Outcome Turns::close_turn() {
  out_ += "]}";
  const Part* document = std::exchange(document_, nullptr);
  const bool has_text = std::exchange(has_text_, false);
  if (document == nullptr || has_text) return {};
  return invalid_value(conversation_.place(*document),
                       "a file needs a text beside it in its message for this model");
}

void append_member(std::string_view key, std::string_view value, std::string& out) {
  json::append_all(out, "\"", key, "\":", value, ",");
}

// Nova knows type, properties and required at the top of the parameters, and overlooks tools that
// have more: what only describes or closes them is left out.
void append_nova_schema(const Tool& tool, std::string& out) {
  constexpr std::array<std::string_view, 4> kUnknown{"$schema", "title", "description",
                                                     "additionalProperties"};
  const auto unknown = [&](const json::Member& member) {
    return std::ranges::find(kUnknown, member.key) != kUnknown.end();
  };
  bool has_unknown = false;
  if (tool.parameters) {
    for (const json::Member member : tool.parameters->members())
      has_unknown = has_unknown || unknown(member);
  }
  if (!has_unknown) {
    append_parameters(tool, out);
    return;
  }
  out += '{';
  if (!tool.parameters->find("type")) out += R"("type":"object",)";
  for (const json::Member member : tool.parameters->members()) {
    if (unknown(member)) continue;
    json::append_string(out, member.key);
    out += ':';
    member.value.append_compact(out);
    out += ',';
  }
  out.back() == ',' ? void(out.back() = '}') : void(out += '}');
}

}  // namespace

Outcome append_converse_messages(const Conversation& conversation,
                                 ConverseTurns turns,
                                 json::Document& scratch,
                                 std::string& out) {
  return Turns(conversation, turns, scratch, out).append();
}

void append_converse_system(const Conversation& conversation, std::string& out) {
  if (conversation.system.empty()) return;
  out += ",\"system\":[";
  for (const Part& part : conversation.system) {
    json::append_all(out, "{\"text\":", part.text.raw(), "},");
  }
  out.back() = ']';
}

void append_inference_config(const Checked& checked, bool top_k, std::string& out) {
  const std::size_t before = out.size();
  out += ",\"inferenceConfig\":{";
  const std::size_t empty = out.size();
  if (checked.max_tokens) append_member("maxTokens", json::Digits(*checked.max_tokens), out);
  if (checked.temperature) append_member("temperature", checked.temperature->raw.raw(), out);
  if (checked.top_p) append_member("topP", checked.top_p->raw.raw(), out);
  if (top_k && checked.top_k) append_member("topK", checked.top_k->raw(), out);
  if (!checked.stop.empty()) {
    out += "\"stopSequences\":[";
    for (const json::Value stop : checked.stop) out.append(stop.raw()).append(",");
    out.back() = ']';
    out += ',';
  }
  out.size() == empty ? out.resize(before) : void(out.back() = '}');
}

Outcome append_tool_config(const ChatRequest& request, std::string& out) {
  if (request.conversation.uses_tools) {
    if (auto ok = check_may_call(request); !ok) return ok;
  } else if (request.tool_choice == ToolChoice::none) {
    return {};  // there is no such choice: without tools none can be called
  }
  if (auto ok = check_may_call_several(request); !ok) return ok;
  out += ",\"toolConfig\":{\"tools\":[";
  for (const Tool& tool : request.tools) {
    out.append(R"({"toolSpec":{"name":)").append(tool.name.raw());
    if (tool.description) out.append(",\"description\":").append(tool.description->raw());
    out += R"(,"inputSchema":{"json":)";
    append_nova_schema(tool, out);
    out += "}}},";
  }
  out.back() = ']';
  switch (request.tool_choice) {
    case ToolChoice::unsaid:
    case ToolChoice::none:
      break;
    case ToolChoice::automatic:
      out += R"(,"toolChoice":{"auto":{}})";
      break;
    case ToolChoice::required:
      out += R"(,"toolChoice":{"any":{}})";
      break;
    case ToolChoice::named:
      out.append(R"(,"toolChoice":{"tool":{"name":)").append(request.tool_choice_name.raw());
      out += "}}";
      break;
  }
  out += '}';
  return {};
}

std::expected<std::string_view, openai::LineError> nova_effort(const ChatRequest& request,
                                                               Checked& checked) {
  const std::string_view effort = effort_of(checked);
  if (effort != "high") return effort;
  if (!request.drop_params) {
    const auto refuse = [&](Param param) {
      return unsupported(request.param(param),
                         "this model does not take it at high reasoning effort; leave it "
                         "out, or ask for 'medium'");
    };
    if (checked.max_tokens) return refuse(Param::max_tokens);
    if (checked.temperature) return refuse(Param::temperature);
    if (checked.top_p) return refuse(Param::top_p);
    if (checked.top_k) return refuse(Param::top_k);
  }
  checked.max_tokens.reset();
  checked.temperature.reset();
  checked.top_p.reset();
  checked.top_k.reset();
  return effort;
}

}  // namespace quarry::translate
