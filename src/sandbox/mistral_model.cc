// Mistral AI at InvokeModel, in its two shapes: a prompt, and chat messages. Which model takes
// which is told by its id; those of 24.02 take both.

#include "sandbox/draft.h"
#include "sandbox/families.h"
#include "sandbox/malformed_input.h"
#include "sandbox/model.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <set>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kPromptTokensDefault = 512;
constexpr std::uint64_t kChatTokensDefault = 8192;

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

bool takes_chat(std::string_view model_id) {
  return !has(model_id, "mistral-7b") && !has(model_id, "mixtral");
}

bool takes_prompt(std::string_view model_id) {
  return !takes_chat(model_id) || has(model_id, "-2402");
}

// The first chat models name the end stop_reason and count nothing; later ones are
// chat.completions.
bool early_chat(std::string_view model_id) {
  return has(model_id, "mistral-large-24") || has(model_id, "mistral-small-2402");
}

void check_prompt(const json::object& request, std::string_view model_id, InputFaults& faults) {
  ObjectCheck check(request, "#", faults);
  check.has_all({"prompt"});
  check.has_only({"prompt", "max_tokens", "stop", "temperature", "top_p", "top_k"});
  const auto prompt = check.text("prompt");
  if (prompt && prompt->empty()) check.fault("prompt", length_fault("", 1, SIZE_MAX));
  check.integer("max_tokens", 1, traits_of(model_id, Family::mistral).output_tokens_max);
  check.texts("stop", 0, 10);
  check.number("temperature", 0, 1);
  check.number("top_p", 0, 1);
  check.integer("top_k", 1, 200);
}

// "<s>[INST] a [/INST] b</s>[INST] c [/INST]"; a prompt without instructions is the user's.
Prompt read_prompt(std::string_view text) {
  constexpr std::string_view kOpen = "[INST]", kClose = "[/INST]";
  Prompt prompt;
  std::size_t at = text.find(kOpen);
  if (at == std::string_view::npos) prompt.add_user(text);
  while (at != std::string_view::npos) {
    const std::size_t begin = at + kOpen.size();
    const std::size_t end = text.find(kClose, begin);
    std::string_view turn = text.substr(begin, end == std::string_view::npos ? end : end - begin);
    while (turn.starts_with(' ')) turn.remove_prefix(1);
    while (turn.ends_with(' ')) turn.remove_suffix(1);
    prompt.add_user(turn);
    if (end == std::string_view::npos) break;
    const std::size_t next = text.find(kOpen, end);
    if (next != std::string_view::npos)
      prompt.add_assistant(text.substr(end + kClose.size(), next - end - kClose.size()));
    at = next;
  }
  return prompt;
}

ModelResult answer_prompt(const json::object& request,
                          std::string_view model_id,
                          std::string_view seed) {
  InputFaults faults;
  check_prompt(request, model_id, faults);
  if (!faults.none()) return std::unexpected(faults.error());
  const Prompt prompt = read_prompt(request.at("prompt").get_string());
  Wish wish;
  wish.tokens_max = number_in(request, "max_tokens", kPromptTokensDefault);
  wish.shows_thought = false;
  wish.stops = strings_in(request, "stop");
  TextSource source({model_id, seed, prompt.last_user()});
  auto draft = draft_answer(prompt, wish, source);
  if (!draft) return std::unexpected(std::move(draft.error()));
  const std::string reason = stop_reason(*draft, {"stop", "stop", "length", "stop"});
  return answer_of(
      *draft,
      json::serialize(json::object{
          {"outputs", json::array{json::object{{"text", draft->text}, {"stop_reason", reason}}}}}));
}

std::string_view text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string())
                                                : std::string_view{};
}

// A content's text: a string, or its text parts.
std::string content_text(const json::object& message) {
  const json::value* content = message.if_contains("content");
  std::string text;
  if (content == nullptr) return text;
  if (content->is_string()) return std::string(std::string_view(content->get_string()));
  if (!content->is_array()) return text;
  for (const json::value& part : content->get_array()) {
    if (!part.is_object() || text_of(part.get_object(), "type") != "text") continue;
    if (!text.empty()) text += ' ';
    text += text_of(part.get_object(), "text");
  }
  return text;
}

void check_parts(const json::object& message, ObjectCheck& check, bool takes_images) {
  const json::value* content = message.if_contains("content");
  if (content == nullptr || content->is_string() || content->is_null()) return;
  const json::array* parts = check.list("content", 0, SIZE_MAX);
  for (std::size_t i = 0; parts != nullptr && i < parts->size(); ++i) {
    const json::object* part = (*parts)[i].if_object();
    const std::string_view type = part == nullptr ? "" : text_of(*part, "type");
    if (type == "text" || (type == "image_url" && takes_images) || type == "thinking") continue;
    check.fault(fmt::format("content/{}", i), fmt::format("{} is not a valid enum value", type));
  }
}

// What has been said before a message decides which may follow.
struct Course {
  bool takes_images = false;
  std::set<std::string, std::less<>> open_calls;
  std::string_view last_role;
};

void check_message(const json::object& message,
                   const std::string& where,
                   Course& course,
                   InputFaults& faults) {
  ObjectCheck check(message, where, faults);
  check.has_all({"role"});
  check.has_only({"role", "content", "tool_calls", "tool_call_id", "name", "prefix"});
  course.last_role = check.word("role", {"system", "user", "assistant", "tool"}).value_or("");
  check_parts(message, check, course.takes_images);
  if (course.last_role == "tool") {
    if (course.open_calls.erase(std::string(text_of(message, "tool_call_id"))) == 0)
      check.fault("tool_call_id", "no tool call has this id");
    return;
  }
  course.open_calls.clear();
  if (course.last_role != "assistant") {
    check.has_all({"content"});
    if (message.if_contains("tool_calls") != nullptr)
      faults.add(where, "extraneous key [tool_calls] is not permitted");
    return;
  }
  if (check.flag("prefix").value_or(false)) course.last_role = "user";
  const json::value* calls = message.if_contains("tool_calls");
  if (calls == nullptr || calls->is_null() || check.list("tool_calls", 0, SIZE_MAX) == nullptr)
    return;
  for (const json::value& call : calls->get_array()) {
    if (call.is_object()) course.open_calls.emplace(text_of(call.get_object(), "id"));
  }
}

void check_messages(const json::array& messages, bool takes_images, InputFaults& faults) {
  Course course{.takes_images = takes_images, .open_calls = {}, .last_role = {}};
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const std::string where = fmt::format("#/messages/{}", i);
    if (const json::object* message = messages[i].if_object()) {
      check_message(*message, where, course, faults);
    } else {
      faults.add(where, "expected type: JSONObject");
    }
  }
  if (faults.none() && course.last_role != "user" && course.last_role != "tool") {
    faults.add("#/messages",
               fmt::format("Expected last role User or Tool (or Assistant with prefix "
                           "True) for serving but got {}",
                           course.last_role));
  }
}

void check_tool(const json::value& value, const std::string& where, InputFaults& faults) {
  const json::object* tool = value.if_object();
  if (tool == nullptr) return faults.add(where, "expected type: JSONObject");
  ObjectCheck check(*tool, where, faults);
  check.has_all({"function"});
  check.has_only({"type", "function"});
  const json::object* function = check.object("function");
  if (function == nullptr) return;
  ObjectCheck inner(*function, where + "/function", faults);
  inner.has_all({"name"});
  inner.has_only({"name", "description", "parameters", "strict"});
  inner.text("name");
}

void check_tool_choice(const json::object& request, bool early, InputFaults& faults) {
  const json::value* choice = request.if_contains("tool_choice");
  if (choice == nullptr) return;
  ObjectCheck check(request, "#", faults);
  if (early) {
    check.word("tool_choice", {"auto", "any", "none"});
  } else if (choice->is_string()) {
    check.word("tool_choice", {"auto", "any", "none", "required"});
  } else if (const json::object* named = check.object("tool_choice")) {
    ObjectCheck inner(*named, "#/tool_choice", faults);
    inner.has_all({"function"});
    inner.object("function");
  }
}

void check_chat(const json::object& request, std::string_view model_id, InputFaults& faults) {
  const ModelTraits traits = traits_of(model_id, Family::mistral);
  const bool early = early_chat(model_id);
  ObjectCheck check(request, "#", faults);
  check.has_all({"messages"});
  if (early) {
    check.has_only(
        {"messages", "tools", "tool_choice", "max_tokens", "temperature", "top_p", "stop"});
  } else {
    check.has_only({"messages", "tools", "tool_choice", "max_tokens", "temperature", "top_p",
                    "stop", "model", "n", "stream", "seed", "random_seed", "response_format",
                    "presence_penalty", "frequency_penalty", "parallel_tool_calls", "prompt_mode",
                    "reasoning_effort", "safe_prompt"});
  }
  if (const json::array* messages = check.list("messages", 1, SIZE_MAX))
    check_messages(*messages, traits.takes_images, faults);
  const json::array* tools = check.list("tools", 0, SIZE_MAX);
  for (std::size_t i = 0; tools != nullptr && i < tools->size(); ++i)
    check_tool((*tools)[i], fmt::format("#/tools/{}", i), faults);
  check_tool_choice(request, early, faults);
  check.integer("max_tokens", 1, traits.output_tokens_max);
  check.number("temperature", 0, early ? 1 : 1.5);
  check.number("top_p", 0, 1);
  if (const json::value* stop = request.if_contains("stop"); stop != nullptr && !stop->is_string())
    check.texts("stop", 0, 10);
}

Prompt read_messages(const json::object& request) {
  Prompt prompt;
  for (const json::value& value : request.at("messages").get_array()) {
    const json::object& message = value.get_object();
    const std::string_view role = text_of(message, "role");
    const std::string text = content_text(message);
    if (role == "system") {
      prompt.add_system(text);
    } else if (role == "user") {
      prompt.add_user(text);
    } else if (role == "tool") {
      prompt.add_tool_result(text);
    } else {
      prompt.add_assistant(text);
    }
  }
  return prompt;
}

Wish read_wish(const json::object& request) {
  Wish wish;
  wish.tokens_max = number_in(request, "max_tokens", kChatTokensDefault);
  wish.stops = strings_in(request, "stop");
  if (const std::string_view stop = text_of(request, "stop"); !stop.empty())
    wish.stops.emplace_back(stop);
  if (const json::value* tools = request.if_contains("tools")) {
    for (const json::value& tool : tools->get_array()) {
      const json::object& function = tool.get_object().at("function").get_object();
      wish.tools.push_back({.name = std::string(text_of(function, "name")),
                            .schema = function.if_contains("parameters")});
    }
  }
  const json::value* choice = request.if_contains("tool_choice");
  if (choice != nullptr && choice->is_object()) {
    wish.forces_tool = true;
    wish.forced_tool = text_of(choice->get_object().at("function").get_object(), "name");
  } else if (choice != nullptr) {
    wish.forces_tool = *choice == "any" || *choice == "required";
    if (*choice == "none") wish.tools.clear();
  }
  // {"type":"json_schema","json_schema":{"schema":{…}}}
  boost::system::error_code error;
  if (const json::value* format = request.if_contains("response_format"))
    wish.answer_schema = format->find_pointer("/json_schema/schema", error);
  return wish;
}

ModelResult answer_chat(const json::object& request,
                        std::string_view model_id,
                        std::string_view seed) {
  InputFaults faults;
  check_chat(request, model_id, faults);
  if (!faults.none()) return std::unexpected(faults.error());
  const Prompt prompt = read_messages(request);
  Wish wish = read_wish(request);
  wish.shows_thought = has(model_id, "magistral");
  TextSource source({model_id, seed, prompt.system(), prompt.last_user()});
  auto draft = draft_answer(prompt, wish, source);
  if (!draft) return std::unexpected(std::move(draft.error()));
  json::object message{{"role", "assistant"}, {"content", draft->text}};
  if (!draft->thought.empty()) {
    // A chunk of thought before the text.
    message["content"] = json::array{
        json::object{
            {"type", "thinking"},
            {"thinking", json::array{json::object{{"type", "text"}, {"text", draft->thought}}}}},
        json::object{{"type", "text"}, {"text", draft->text}}};
  }
  if (draft->tool) {
    message["tool_calls"] = json::array{json::object{
        {"id", source.letters(9)},
        {"type", "function"},
        {"function", {{"name", *draft->tool}, {"arguments", json::serialize(draft->arguments)}}}}};
  }
  const std::string reason = stop_reason(*draft, {"stop", "stop", "length", "tool_calls"});
  json::object choice{{"index", 0}, {"message", std::move(message)}};
  choice[early_chat(model_id) ? "stop_reason" : "finish_reason"] = reason;
  json::object body{{"choices", json::array{std::move(choice)}}};
  if (!early_chat(model_id)) {
    body["id"] = "chatcmpl-" + source.letters(24);
    body["object"] = "chat.completion";
    body["created"] = 1767322445;
    body["model"] = base_model(model_id);
    body["usage"] = {{"prompt_tokens", draft->input_tokens},
                     {"completion_tokens", draft->output_tokens},
                     {"total_tokens", draft->input_tokens + draft->output_tokens}};
  }
  return answer_of(*draft, json::serialize(body));
}

}  // namespace

ModelResult answer_mistral(const json::object& request,
                           std::string_view model_id,
                           std::string_view seed) {
  const bool chat = takes_chat(model_id) &&
                    (!takes_prompt(model_id) || request.if_contains("messages") != nullptr);
  return chat ? answer_chat(request, model_id, seed) : answer_prompt(request, model_id, seed);
}

}  // namespace quarry::sandbox
