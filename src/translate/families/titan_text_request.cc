// Amazon Titan Text (Bedrock user guide, "Amazon Titan Text models").
#include "translate/families/prompt_shape.h"
#include "translate/family.h"

namespace quarry::translate {

namespace {

constexpr FamilyRules kRules{
    .takes = {Param::max_tokens, Param::temperature, Param::top_p, Param::stop}};

// The guide's own form of a conversation: "User: …\nBot: …\nUser: …\nBot:".
Outcome append_conversation(const Conversation& conversation, std::string& out) {
  for (const Part& part : conversation.system) {
    out.append(part.text.raw_text()).append("\\n\\n");
  }
  const auto& parts = conversation.parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Part& part = parts[i];
    if (auto ok = check_tokens(conversation, part, {"\nUser:", "\nBot:"}); !ok) return ok;
    const bool turn = i == 0 || parts[i - 1].role != part.role;
    if (turn) {
      out += i == 0 ? "" : "\\n";
      out += part.role == Role::user ? "User: " : "Bot: ";
    } else {
      out += "\\n";
    }
    out += part.text.raw_text();
  }
  if (!conversation.ends_with_assistant()) out += "\\nBot:";
  return {};
}

// The guide: only these two are taken.
bool is_taken(json::Value stop) { return stop.text() == "|" || stop.text() == "User:"; }

Outcome append_stop(const ChatRequest& request,
                    const Checked& checked,
                    const catalog::Model& model,
                    std::string& out) {
  const std::size_t before = out.size();
  out += ",\"stopSequences\":[";
  const std::size_t empty = out.size();
  for (const json::Value stop : checked.stop) {
    if (is_taken(stop)) {
      out.append(stop.raw()).append(",");
    } else if (!request.drop_params) {
      return unsupported(request.stop_place(stop),
                         model.id + " takes only '|' and 'User:' as stop sequences");
    }
  }
  out.size() == empty ? out.resize(before) : void(out.back() = ']');
  return {};
}

class TitanTextRequest final : public RequestFamily {
 public:
  Outcome append_chat(const ChatRequest& request,
                      const catalog::Model& model,
                      std::string& out) override {
    if (auto ok = check_request(request, kRules, model, checked_); !ok) return ok;
    const Conversation& conversation = request.conversation;
    out += "{\"inputText\":";
    if (conversation.raw_prompt) {
      out += conversation.raw_prompt->raw();
    } else {
      out += '"';
      if (auto ok = append_conversation(conversation, out); !ok) return ok;
      out += '"';
    }
    out += ",\"textGenerationConfig\":{";
    const std::size_t empty = out.size();
    const std::int64_t tokens = checked_.max_tokens.value_or(model.output_tokens_max);
    if (tokens != 0) append_count(out, "maxTokenCount", tokens);
    append_number(out, "temperature", checked_.temperature);
    append_number(out, "topP", checked_.top_p);
    if (auto ok = append_stop(request, checked_, model, out); !ok) return ok;
    if (out.size() != empty) out.erase(empty, 1);  // the first comma
    out += "}}";
    return {};
  }

 private:
  Checked checked_;
};

}  // namespace

std::unique_ptr<RequestFamily> make_titan_text_request() {
  return std::make_unique<TitanTextRequest>();
}

}  // namespace quarry::translate
