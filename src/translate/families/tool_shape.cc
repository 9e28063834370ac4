#include "translate/families/tool_shape.h"

#include "translate/tool_ids.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace quarry::translate {

namespace {

constexpr std::size_t kIdMax = 64;
constexpr std::size_t kShortId = 9;
constexpr std::string_view kHexadecimal = "0123456789abcdef";
constexpr std::string_view kAlphanumeric =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// FNV-1a: the same on every machine, today and for a line that is translated again tomorrow.
std::uint64_t hash(std::string_view text) {
  std::uint64_t value = 14695981039346656037U;
  for (const char c : text) {
    value ^= static_cast<unsigned char>(c);
    value *= 1099511628211U;
  }
  return value;
}

// The last `digits` digits of `value` in the base of `alphabet`.
void append_digits(std::uint64_t value,
                   std::size_t digits,
                   std::string_view alphabet,
                   std::string& out) {
  const std::size_t begin = out.size();
  out.resize(begin + digits);
  for (std::size_t i = digits; i > 0; --i) {
    out[begin + i - 1] = alphabet[value % alphabet.size()];
    value /= alphabet.size();
  }
}

}  // namespace

void append_parameters(const Tool& tool, std::string& out) {
  if (!tool.parameters) {
    out += R"({"type":"object","properties":{}})";
    return;
  }
  const std::size_t begin = out.size();
  tool.parameters->append_compact(out);
  if (!tool.parameters->find("type")) {
    out.insert(begin + 1, tool.parameters->empty() ? R"("type":"object")" : R"("type":"object",)");
  }
}

void append_bounded_tool_id(std::string& out, json::Value id) {
  const std::size_t begin = out.size();
  append_tool_id(out, id);
  if (out.size() - begin - 2 <= kIdMax) return;
  // Ids of one maker begin alike: what is cut off has to tell them apart.
  out.resize(begin + 1 + kIdMax - 17);
  out += '_';
  append_digits(hash(id.text()), 16, kHexadecimal, out);
  out += '"';
}

void append_short_tool_id(std::string& out, json::Value id) {
  const std::string_view text = id.text();
  out += '"';
  if (text.size() == kShortId && std::ranges::all_of(text, is_alphanumeric)) {
    out += text;
  } else {
    append_digits(hash(text), kShortId, kAlphanumeric, out);
  }
  out += '"';
}

Outcome check_may_call(const ChatRequest& request) {
  if (request.tool_choice != ToolChoice::none || request.drop_params) return {};
  return unsupported(
      "body.tool_choice",
      "this model cannot be kept from calling tools while the conversation holds tool "
      "calls; leave it out, or take the calls and their results out of the messages");
}

Outcome check_may_call_several(const ChatRequest& request) {
  if (request.parallel_tool_calls || request.drop_params) return {};
  return unsupported("body.parallel_tool_calls",
                     "this model cannot be kept from making several tool calls at once; leave it "
                     "out, or set it to true");
}

}  // namespace quarry::translate
