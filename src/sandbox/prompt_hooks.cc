#include "sandbox/prompt_hooks.h"

#include <charconv>

namespace quarry::sandbox {
namespace {

// What stands in the first "[[sandbox:<what> …]]"; nullopt without one.
std::optional<std::string_view> hook_text(std::string_view text, std::string_view what) {
  constexpr std::string_view kOpen = "[[sandbox:";
  for (std::size_t at = text.find(kOpen); at != std::string_view::npos; at = text.find(kOpen, at)) {
    at += kOpen.size();
    std::string_view rest = text.substr(at);
    if (!rest.starts_with(what)) continue;
    rest.remove_prefix(what.size());
    if (!rest.starts_with(' ') && !rest.starts_with("]]")) continue;
    if (rest.starts_with(' ')) rest.remove_prefix(1);
    std::size_t end = rest.find("]]");
    if (end == std::string_view::npos) return std::nullopt;
    while (end + 2 < rest.size() && rest[end + 2] == ']') ++end;
    return rest.substr(0, end);
  }
  return std::nullopt;
}

std::optional<ModelError> error_of(std::string_view text) {
  ModelError error;
  const auto [at, problem] = std::from_chars(text.data(), text.data() + text.size(), error.code);
  if (problem != std::errc{} || error.code < 400 || error.code > 599) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(at - text.data()));
  while (text.starts_with(' ')) text.remove_prefix(1);
  error.message = text.empty() ? "scripted by the request" : std::string(text);
  return error;
}

std::optional<std::string> owned(std::optional<std::string_view> text) {
  if (!text) return std::nullopt;
  return std::string(*text);
}

}  // namespace

Hooks read_hooks(std::string_view user_text) {
  Hooks hooks;
  if (user_text.find("[[sandbox:") == std::string_view::npos) return hooks;
  if (const auto text = hook_text(user_text, "error")) hooks.error = error_of(*text);
  hooks.echo = owned(hook_text(user_text, "echo"));
  hooks.reasoning = owned(hook_text(user_text, "reasoning"));
  hooks.stop = owned(hook_text(user_text, "stop"));
  hooks.tool = owned(hook_text(user_text, "tool"));
  return hooks;
}

void add_hooks(Hooks& hooks, std::string_view user_text) {
  Hooks read = read_hooks(user_text);
  if (hooks.error) read.error = std::move(hooks.error);
  hooks = std::move(read);
}

}  // namespace quarry::sandbox
