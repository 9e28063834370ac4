#include "sandbox/chat_shaped_models.h"

#include "sandbox/chat_shaped_check.h"
#include "sandbox/families.h"
#include "sandbox/model_text.h"
#include "sandbox/prompt_hooks.h"
#include "sandbox/reply_text.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::int64_t kCreated = 1767323045;  // the answers' time is always 2026-01-02T03:04:05Z
constexpr std::int64_t kJambaTokensDefault = 4096;

// How a model shows that it reasons.
enum class Reasoning : std::uint8_t { none, member, tags };

// null counts as missing.
const json::value* member(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

// What of a request without faults the answer depends on.
struct Prompt {
  std::string system;
  std::string last_user;
  std::uint64_t tokens = 0;
  bool ends_with_tool_result = false;
  Hooks hooks;
  std::vector<std::string_view> stops;
  std::uint64_t tokens_max = std::numeric_limits<std::int64_t>::max();
  std::int64_t choice_count = 1;
};

std::string text_of_content(const json::value* content) {
  std::string text;
  if (content == nullptr) return text;
  if (content->is_string()) return std::string(std::string_view(content->get_string()));
  for (const auto& part : content->get_array()) {
    const json::value* piece = member(part.get_object(), "text");
    if (piece == nullptr || !piece->is_string()) continue;
    if (!text.empty()) text.push_back(' ');
    text += std::string_view(piece->get_string());
  }
  return text;
}

void read_messages(const json::object& request, Prompt& prompt) {
  std::size_t bytes = 0;
  const json::array& messages = request.at("messages").get_array();
  for (const auto& value : messages) {
    const json::object& message = value.get_object();
    const std::string_view role(message.at("role").get_string());
    std::string text = text_of_content(member(message, "content"));
    bytes += text.size();
    if (const json::value* calls = member(message, "tool_calls"))
      bytes += json::serialize(*calls).size();
    prompt.ends_with_tool_result = role == "tool";
    if (role == "system" || role == "developer") {
      if (!prompt.system.empty()) prompt.system.push_back('\n');
      prompt.system += text;
    } else if (role == "user") {
      add_hooks(prompt.hooks, text);
      prompt.last_user = std::move(text);
    }
  }
  for (const char* name : {"tools", "documents"}) {
    if (const json::value* value = member(request, name)) bytes += json::serialize(*value).size();
  }
  prompt.tokens = (bytes + 3) / 4 + 4 * messages.size() + 3;
}

Prompt read_prompt(const json::object& request) {
  Prompt prompt;
  read_messages(request, prompt);
  if (const json::value* stop = member(request, "stop")) {
    if (stop->is_string()) {
      prompt.stops.emplace_back(stop->get_string());
    } else {
      for (const auto& item : stop->get_array()) prompt.stops.emplace_back(item.get_string());
    }
  }
  for (const char* name : {"max_tokens", "max_completion_tokens"}) {
    if (const json::value* limit = member(request, name))
      prompt.tokens_max = static_cast<std::uint64_t>(limit->get_int64());
  }
  if (const json::value* n = member(request, "n")) prompt.choice_count = n->get_int64();
  return prompt;
}

const json::object* tool_named(const json::object& request, std::string_view name) {
  const json::value* tools = member(request, "tools");
  if (tools == nullptr) return nullptr;
  for (const auto& tool : tools->get_array()) {
    const json::object& function = tool.at("function").get_object();
    if (name.empty() || std::string_view(function.at("name").get_string()) == name)
      return &function;
  }
  return nullptr;
}

// The function that the request or a hook makes the model call.
const json::object* called_tool(const json::object& request, const Prompt& prompt) {
  const json::value* choice = member(request, "tool_choice");
  if (choice != nullptr && choice->is_object()) {
    return tool_named(
        request, std::string_view(choice->get_object().at("function").at("name").get_string()));
  }
  if (choice != nullptr && choice->get_string() == "none") return nullptr;
  if (prompt.hooks.tool && !prompt.ends_with_tool_result)
    return tool_named(request, *prompt.hooks.tool);
  if (choice != nullptr && choice->get_string() == "required") return tool_named(request, "");
  return nullptr;
}

json::value call_of(const json::object& function, const Prompt& prompt, TextSource& source) {
  const json::value* schema = member(function, "parameters");
  json::value arguments =
      schema == nullptr ? json::object{} : sample_of_schema(*schema, prompt.last_user, source);
  if (!arguments.is_object()) arguments = json::object{};
  return {{"id", "chatcmpl-tool-" + source.letters(32)},
          {"type", "function"},
          {"function", {{"name", function.at("name")}, {"arguments", json::serialize(arguments)}}}};
}

std::string content_of(const json::object& request, const Prompt& prompt, TextSource& source) {
  if (prompt.hooks.echo) return *prompt.hooks.echo;
  std::string text;
  const json::value* format = member(request, "response_format");
  const std::string_view type =
      format == nullptr ? "text" : std::string_view(format->at("type").get_string());
  if (type == "json_schema") {
    return json::serialize(
        sample_of_schema(format->at("json_schema").at("schema"), prompt.last_user, source));
  }
  text = compose_answer(prompt.system, prompt.last_user, source);
  if (type == "json_object") return json::serialize(json::object{{"answer", text}});
  return text;
}

// A token for each word, as if the model had been sure of it.
json::value logprobs_of(const json::object& request, std::string_view content, TextSource& source) {
  const json::value* wanted = member(request, "logprobs");
  if (wanted == nullptr || !wanted->get_bool()) return nullptr;
  const json::value* top = member(request, "top_logprobs");
  json::array tokens;
  while (!content.empty()) {
    const std::string_view word = content.substr(0, content.find(' ', 1));
    content.remove_prefix(word.size());
    json::array bytes;
    for (const char c : word) bytes.emplace_back(static_cast<unsigned char>(c));
    json::object token{{"token", word},
                       {"logprob", -static_cast<double>(source.pick(64)) / 64},
                       {"bytes", std::move(bytes)}};
    json::array likely;
    if (top != nullptr && top->get_int64() > 0) likely.emplace_back(token);
    token["top_logprobs"] = std::move(likely);
    tokens.emplace_back(std::move(token));
  }
  return json::object{{"content", std::move(tokens)}, {"refusal", nullptr}};
}

struct Choice {
  json::object message;
  std::string finish_reason = "stop";
  json::value logprobs;
  std::uint64_t tokens = 0;
};

std::string thought_of(const Prompt& prompt, Reasoning reasoning, TextSource& source) {
  if (prompt.hooks.reasoning) return *prompt.hooks.reasoning;
  if (prompt.hooks.echo || reasoning == Reasoning::none) return {};
  return compose_thought(prompt.last_user, source);
}

Choice make_choice(const json::object& request,
                   const Prompt& prompt,
                   Reasoning reasoning,
                   TextSource& source) {
  Choice choice;
  std::string thought = thought_of(prompt, reasoning, source);
  const bool cut_short = end_reply(thought, {}, prompt.tokens_max) == ReplyEnd::tokens_max;
  choice.tokens = tokens_in(thought);
  const json::object* function = cut_short ? nullptr : called_tool(request, prompt);
  std::string content = function == nullptr ? content_of(request, prompt, source) : std::string();
  const ReplyEnd end = end_reply(content, prompt.stops, prompt.tokens_max - choice.tokens);
  choice.tokens = std::max<std::uint64_t>(1, choice.tokens + tokens_in(content));
  if (end == ReplyEnd::tokens_max || cut_short) choice.finish_reason = "length";
  choice.message = {{"role", "assistant"}};
  choice.logprobs = function == nullptr ? logprobs_of(request, content, source) : nullptr;
  if (!thought.empty() && reasoning == Reasoning::tags)
    content = fmt::format("<reasoning>{}</reasoning>{}", thought, content);
  if (function != nullptr && content.empty()) {
    choice.message["content"] = nullptr;
  } else {
    choice.message["content"] = std::move(content);
  }
  if (!thought.empty() && reasoning != Reasoning::tags)
    choice.message["reasoning_content"] = std::move(thought);
  if (function != nullptr) {
    json::array calls{call_of(*function, prompt, source)};
    choice.tokens += tokens_in(json::serialize(calls));
    choice.message["tool_calls"] = std::move(calls);
    choice.finish_reason = "tool_calls";
  }
  if (prompt.hooks.stop) choice.finish_reason = *prompt.hooks.stop;
  return choice;
}

// The choices of an answer, and what they cost.
json::array make_choices(const json::object& request,
                         const Prompt& prompt,
                         Reasoning reasoning,
                         TextSource& source,
                         std::uint64_t& tokens) {
  json::array choices;
  for (std::int64_t i = 0; i < prompt.choice_count; ++i) {
    Choice choice = make_choice(request, prompt, reasoning, source);
    tokens += choice.tokens;
    choices.push_back(json::object{{"index", i},
                                   {"message", std::move(choice.message)},
                                   {"logprobs", std::move(choice.logprobs)},
                                   {"finish_reason", choice.finish_reason}});
  }
  return choices;
}

json::object usage_of(const ModelAnswer& answer) {
  return {{"prompt_tokens", answer.input_tokens},
          {"completion_tokens", answer.output_tokens},
          {"total_tokens", answer.input_tokens + answer.output_tokens}};
}

Reasoning reasoning_of(std::string_view model_id) {
  const auto is = [&](std::string_view name) {
    return model_id.find(name) != std::string_view::npos;
  };
  if (is("gpt-oss")) return Reasoning::tags;
  return is("thinking") || is("minimax") ? Reasoning::member : Reasoning::none;
}

// "ai21.jamba-1-5-large-v1:0" calls itself "jamba-1.5-large".
std::string_view jamba_name(std::string_view model_id) {
  if (model_id.find("jamba-1-5-mini") != std::string_view::npos) return "jamba-1.5-mini";
  if (model_id.find("jamba-instruct") != std::string_view::npos) return "jamba-instruct";
  return "jamba-1.5-large";
}

}  // namespace

ModelResult answer_jamba(const json::object& request,
                         std::string_view model_id,
                         std::string_view seed) {
  if (const auto fine = check_jamba_request(request, model_id); !fine)
    return std::unexpected(fine.error());
  Prompt prompt = read_prompt(request);
  if (prompt.hooks.error) return std::unexpected(*prompt.hooks.error);
  if (member(request, "max_tokens") == nullptr) prompt.tokens_max = kJambaTokensDefault;
  prompt.hooks.reasoning.reset();  // Jamba has no form for it
  TextSource source({model_id, seed, prompt.system, prompt.last_user});
  ModelAnswer answer;
  answer.input_tokens = prompt.tokens;
  json::array choices =
      make_choices(request, prompt, Reasoning::none, source, answer.output_tokens);
  for (auto& choice : choices) {
    choice.get_object().erase("logprobs");
    json::object& message = choice.get_object().at("message").get_object();
    if (!message.contains("tool_calls")) message["tool_calls"] = nullptr;
  }
  answer.body = json::serialize(json::object{{"id", "chatcmpl-" + source.letters(32)},
                                             {"model", jamba_name(model_id)},
                                             {"usage", usage_of(answer)},
                                             {"choices", std::move(choices)},
                                             {"meta", {{"requestDurationMillis", 1}}}});
  return answer;
}

ModelResult answer_openai_shaped(const json::object& request,
                                 std::string_view model_id,
                                 std::string_view seed) {
  if (auto failure = check_openai_request(request, model_id); !failure.empty())
    return std::unexpected(ModelError{.code = 400, .message = std::move(failure)});
  const Prompt prompt = read_prompt(request);
  if (prompt.hooks.error) return std::unexpected(*prompt.hooks.error);
  TextSource source({model_id, seed, prompt.system, prompt.last_user});
  ModelAnswer answer;
  answer.input_tokens = prompt.tokens;
  json::array choices =
      make_choices(request, prompt, reasoning_of(model_id), source, answer.output_tokens);
  answer.body = json::serialize(json::object{{"id", "chatcmpl-" + source.letters(32)},
                                             {"object", "chat.completion"},
                                             {"created", kCreated},
                                             {"model", base_model(model_id)},
                                             {"choices", std::move(choices)},
                                             {"usage", usage_of(answer)},
                                             {"system_fingerprint", nullptr}});
  return answer;
}

}  // namespace quarry::sandbox
