// Amazon Titan Text (Bedrock user guide, "Amazon Titan Text models").
#include "translate/families/prompt_shape.h"
#include "translate/family.h"

namespace quarry::translate {

namespace {

constexpr FamilyRules kRules{
    .takes = {Param::max_tokens, Param::temperature, Param::top_p, Param::stop}};

// The guide's own form of a conversation: "User: …\nBot: …\nUser: …\nBot:".
// They are words, not tokens: a text that holds them itself, as a pasted chat does, may stay.
void append_conversation(const Conversation& conversation, std::string& out) {
  for (const Part& part : conversation.system) {
    out.append(part.text.raw_text()).append("\\n\\n");
  }
  const auto& parts = conversation.parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Part& part = parts[i];
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
}

// The service holds them to "^(\\|+|User:)$".
bool is_taken(json::Value stop) {
  return stop.text() == "User:" || stop.text().find_first_not_of('|') == std::string_view::npos;
}

Outcome append_stop(const ChatRequest& request,
                    const Checked& checked,
                    const catalog::Model& model,
                    std::string& out) {
  std::optional<json::Value> taken;
  for (const json::Value stop : checked.stop) {
    if (is_taken(stop) && !taken) {
      taken = stop;
    } else if (!request.drop_params) {
      return unsupported(request.stop_place(stop),
                         model.id + " takes one stop sequence, and only '|' or 'User:'");
    }
  }
  if (taken) out.append(",\"stopSequences\":[").append(taken->raw()).append("]");
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
      append_conversation(conversation, out);
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
