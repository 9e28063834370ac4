#include "sandbox/draft.h"

#include "sandbox/reply_text.h"

#include <boost/json.hpp>

#include <algorithm>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

std::uint64_t tokens_of(std::size_t bytes) { return (bytes + 3) / 4; }

const DeclaredTool* called_tool(const Prompt& prompt, const Wish& wish) {
  const auto named = [&](std::string_view name) {
    const auto found = std::ranges::find(wish.tools, name, &DeclaredTool::name);
    return found == wish.tools.end() ? nullptr : &*found;
  };
  if (prompt.hooks().tool) {
    if (const DeclaredTool* tool = named(*prompt.hooks().tool)) return tool;
  }
  if (!wish.forces_tool || wish.tools.empty()) return nullptr;
  return wish.forced_tool.empty() ? &wish.tools.front() : named(wish.forced_tool);
}

void call_tool(const DeclaredTool& tool, const Prompt& prompt, TextSource& source, Draft& draft) {
  draft.tool = tool.name;
  draft.ending = Ending::tool;
  if (tool.schema == nullptr) return;
  json::value made = sample_of_schema(*tool.schema, prompt.last_user(), source);
  if (made.is_object()) draft.arguments = std::move(made.get_object());
}

// Where a stop sequence or the limit ends the text; what was thought counts against the limit.
void end_text(const Wish& wish, Draft& draft) {
  const std::vector<std::string_view> stops(wish.stops.begin(), wish.stops.end());
  const std::uint64_t thought = tokens_in(draft.thought);
  switch (end_reply(draft.text, stops, wish.tokens_max > thought ? wish.tokens_max - thought : 0)) {
    case ReplyEnd::stop_sequence:
      draft.ending = Ending::stop;
      break;
    case ReplyEnd::tokens_max:
      draft.ending = Ending::length;
      break;
    case ReplyEnd::natural:
      break;
  }
}

}  // namespace

void Prompt::add_system(std::string_view text) {
  if (!system_.empty()) system_ += '\n';
  system_ += text;
  bytes_ += text.size();
}

void Prompt::add_user(std::string_view text) {
  last_user_ = text;
  add_hooks(hooks_, text);
  bytes_ += text.size();
  ++turns_;
}

void Prompt::add_assistant(std::string_view text) {
  bytes_ += text.size();
  ++turns_;
}

void Prompt::add_tool_result(std::string_view text) {
  add_hooks(hooks_, "");
  if (!text.empty()) last_user_ = text;
  bytes_ += text.size();
  ++turns_;
}

std::uint64_t Prompt::input_tokens() const { return tokens_of(bytes_) + 4 * turns_ + 4; }

std::string stop_reason(const Draft& draft, const EndingNames& names) {
  if (draft.scripted_stop) return *draft.scripted_stop;
  switch (draft.ending) {
    case Ending::stop:
      return std::string(names.stop);
    case Ending::length:
      return std::string(names.length);
    case Ending::tool:
      return std::string(names.tool);
    case Ending::turn:
      break;
  }
  return std::string(names.turn);
}

std::expected<Draft, ModelError> draft_answer(const Prompt& prompt,
                                              const Wish& wish,
                                              TextSource& source) {
  const Hooks& hooks = prompt.hooks();
  if (hooks.error) return std::unexpected(*hooks.error);
  Draft draft;
  draft.scripted_stop = hooks.stop;
  if (hooks.reasoning && wish.shows_thought) {
    draft.thought = *hooks.reasoning;
  } else if (wish.thinks && wish.shows_thought) {
    draft.thought = compose_thought(prompt.last_user(), source);
  }
  const DeclaredTool* tool = called_tool(prompt, wish);
  if (tool != nullptr) call_tool(*tool, prompt, source, draft);
  if (hooks.echo) {
    draft.text = *hooks.echo;
  } else if (tool == nullptr) {
    draft.text =
        wish.answer_schema != nullptr
            ? json::serialize(sample_of_schema(*wish.answer_schema, prompt.last_user(), source))
            : compose_answer(prompt.system(), prompt.last_user(), source);
    end_text(wish, draft);
  }
  std::size_t bytes = draft.text.size() + draft.thought.size();
  if (draft.tool) bytes += json::serialize(draft.arguments).size() + 24;
  std::size_t declared = 0;
  for (const DeclaredTool& each : wish.tools) {
    declared += each.name.size();
    if (each.schema != nullptr) declared += json::serialize(*each.schema).size();
  }
  draft.input_tokens = prompt.input_tokens() + tokens_of(declared);
  draft.output_tokens = std::max<std::uint64_t>(1, tokens_of(bytes));
  return draft;
}

ModelAnswer answer_of(const Draft& draft, std::string body) {
  return {.body = std::move(body),
          .input_tokens = draft.input_tokens,
          .output_tokens = draft.output_tokens};
}

std::vector<std::string> strings_in(const json::object& object, std::string_view name) {
  std::vector<std::string> out;
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_array()) return out;
  for (const json::value& item : value->get_array()) {
    if (item.is_string()) out.emplace_back(std::string_view(item.get_string()));
  }
  return out;
}

std::uint64_t number_in(const json::object& object, std::string_view name, std::uint64_t fallback) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_int64() || value->get_int64() < 0) return fallback;
  return static_cast<std::uint64_t>(value->get_int64());
}

}  // namespace quarry::sandbox
