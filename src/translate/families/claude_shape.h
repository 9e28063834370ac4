#pragma once
// What Claude asks of a request, in its own body and by Converse alike (Anthropic API reference,
// "Extended thinking", "Adaptive thinking", "Structured outputs").

#include "catalog/catalog.h"
#include "translate/chat_request.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace quarry::translate {

// How it is to think: a budget of tokens, or an effort.
struct ClaudeThinking {
  std::optional<json::Value> raw;      // as the client wrote it
  std::optional<std::int64_t> budget;  // its budget_tokens, or what an effort comes to
  std::string_view effort;             // of output_config
  bool on = false;

  // For max_tokens, against which thinking counts: what to allow for it, where nothing was said.
  std::int64_t tokens() const;
};

// Reads thinking and reasoning_effort. With drop_params there is none where Claude could not think:
// after tool calls that it is not shown its thoughts of.
std::expected<ClaudeThinking, openai::LineError> read_claude_thinking(const ChatRequest& request,
                                                                      const Checked& checked,
                                                                      const catalog::Model& model);
// What the client said, else enough for an answer beside the thinking, which counts against it.
std::int64_t claude_max_tokens(const Checked& checked,
                               const catalog::Model& model,
                               const ClaudeThinking& thinking);
// The value of "thinking", which must be on or raw.
void append_claude_thinking(const ClaudeThinking& thinking, std::string& out);

// Refuses what does not go together, or takes it out of `checked` with drop_params: sampling and
// forced calls with thinking, a begun answer with thinking or a schema, a schema of unknown words,
// stop sequences of whitespace. max_tokens: what is to be written; nullopt where nothing is.
Outcome check_claude(const ChatRequest& request,
                     const catalog::Model& model,
                     const ClaudeThinking& thinking,
                     std::optional<std::int64_t> max_tokens,
                     Checked& checked);

// A schema that Claude's answer or a strict call has to follow: objects have to be closed, and what
// binds numbers and texts is not known.
Outcome check_claude_schema(json::Value schema, std::string_view place);

}  // namespace quarry::translate
