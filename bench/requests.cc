// The requests of the corpus: bodies of /v1/chat/completions and /v1/embeddings.

#include "corpus.h"
#include "json_style.h"
#include "random_text.h"

namespace quarry::bench {

namespace {

constexpr JsonStyle kPython{.spaced = true, .ascii = true};
constexpr JsonStyle kPythonUtf8{.spaced = true};
constexpr JsonStyle kCompact{};

JsonStyle style(Random& random) {
  const std::uint32_t percent = random.below(100);
  return percent < 50 ? kPython : percent < 75 ? kPythonUtf8 : kCompact;
}

std::string message(const JsonStyle& json, std::string_view role, const std::string& content) {
  return json.object({{"role", json.string(role)}, {"content", content}});
}

std::string body(const JsonStyle& json, const std::vector<std::string>& messages) {
  return json.object({{"model", "\"bench\""},
                      {"messages", json.array(messages)},
                      {"max_tokens", "1000"},
                      {"temperature", "0.2"}});
}

std::string chat(Random& random, std::size_t system_bytes, std::size_t user_bytes) {
  const JsonStyle json = style(random);
  return body(json, {message(json, "system", json.string(text(random, system_bytes))),
                     message(json, "user", json.string(text(random, user_bytes)))});
}

std::string short_chat(Random& random) {
  return chat(random, random.between(30, 250), random.between(40, 500));
}

std::string long_prompt(Random& random) {
  return chat(random, random.between(200, 2'000), random.between(2'000, 12'000));
}

std::string image(Random& random) {
  const JsonStyle json = style(random);
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string url = "data:image/png;base64,iVBORw0KGgoA";
  for (std::size_t left = random.between(50'000, 400'000) / 4 * 4; left > 0; --left)
    url += digits[random.below(64)];
  const std::string words = json.string(text(random, random.between(40, 300)));
  return body(
      json,
      {message(
          json, "user",
          json.array({json.object({{"type", "\"text\""}, {"text", words}}),
                      json.object({{"type", "\"image_url\""},
                                   {"image_url", json.object({{"url", json.string(url)}})}})}))});
}

std::string schema_of(Random& random, const JsonStyle& json) {
  const auto property = [&](std::string_view type) {
    return json.object({{"type", json.string(type)},
                        {"description", json.string(phrase(random, random.between(4, 15)))}});
  };
  const std::string tags =
      json.object({{"type", "\"array\""}, {"items", json.object({{"type", "\"string\""}})}});
  const std::string priority =
      json.object({{"type", "\"string\""}, {"enum", json.array({"\"low\"", "\"high\""})}});
  return json.object({{"type", "\"object\""},
                      {"properties", json.object({{"customer_id", property("string")},
                                                  {"limit", property("integer")},
                                                  {"tags", tags},
                                                  {"priority", priority}})},
                      {"required", json.array({"\"customer_id\""})},
                      {"additionalProperties", "false"}});
}

std::string tool(Random& random, const JsonStyle& json, std::size_t number) {
  const std::string function =
      json.object({{"name", "\"lookup_" + std::to_string(number) + "\""},
                   {"description", json.string(phrase(random, random.between(8, 30)))},
                   {"parameters", schema_of(random, json)}});
  return json.object({{"type", "\"function\""}, {"function", function}});
}

void append_call(std::vector<std::string>& messages, Random& random, const JsonStyle& json) {
  const std::string id = json.string("call_" + random.hex(24));
  const std::string arguments =
      R"({"customer_id": "C-)" + random.hex(8) + R"(", "limit": 5, "tags": ["open"]})";
  const std::string call = json.object(
      {{"id", id},
       {"type", "\"function\""},
       {"function",
        json.object({{"name", "\"lookup_0\""}, {"arguments", json.string(arguments)}})}});
  messages.push_back(json.object(
      {{"role", "\"assistant\""}, {"content", "null"}, {"tool_calls", json.array({call})}}));
  const std::string found = R"({"status": "open", "amount": 12.5, "note": ")" +
                            phrase(random, random.between(5, 60)) + R"("})";
  messages.push_back(
      json.object({{"role", "\"tool\""}, {"tool_call_id", id}, {"content", json.string(found)}}));
}

std::string tool_use(Random& random) {
  const JsonStyle json = style(random);
  std::vector<std::string> messages{
      message(json, "system", json.string(text(random, random.between(100, 600)))),
      message(json, "user", json.string(text(random, random.between(40, 300))))};
  for (std::size_t calls = random.between(0, 4); calls > 0; --calls)
    append_call(messages, random, json);
  std::vector<std::string> tools;
  for (std::size_t left = random.between(1, 6); left > 0; --left)
    tools.push_back(tool(random, json, tools.size()));
  return json.object({{"model", "\"bench\""},
                      {"messages", json.array(messages)},
                      {"tools", json.array(tools)},
                      {"tool_choice", "\"auto\""},
                      {"max_tokens", "1000"}});
}

std::string embedding(Random& random) {
  const JsonStyle json = style(random);
  return json.object({{"model", "\"bench\""},
                      {"input", json.string(text(random, random.between(80, 3'000)))},
                      {"encoding_format", "\"float\""}});
}

Part part(std::string_view name, int lines_of_1000, int lines, std::string (*make)(Random&)) {
  Random random(20'260'102);
  Part part{name, lines_of_1000, {}};
  for (int i = 0; i < lines; ++i) part.lines.push_back(make(random));
  return part;
}

}  // namespace

std::size_t Part::bytes() const {
  std::size_t sum = 0;
  for (const std::string& line : lines) sum += line.size();
  return sum;
}

// Half a megabyte each, as the lines of a transfer's window are: they come from the second cache.
std::vector<Part> chat_requests() {
  return {part("short", 600, 600, short_chat), part("long", 300, 60, long_prompt),
          part("tools", 95, 120, tool_use), part("images", 5, 6, image)};
}

std::vector<Part> embedding_requests() { return {part("texts", 1000, 250, embedding)}; }

}  // namespace quarry::bench
