#include "openai/request_size.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>
#include <string_view>

namespace quarry::openai {
namespace {

// More is a limit that no model has: 2^31.
constexpr std::int64_t kCountMax = std::int64_t{1} << 31;
// The most that `n` may be (OpenAI's API reference): a line that asks for more is refused.
constexpr std::int64_t kAnswersMax = 128;
// Of a document in base64, what counts as a medium: a token for each 20, for it may hold more pages
// than one.
constexpr std::int64_t kDocumentBytesPerMedium = 32'000;

std::int64_t plus(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<std::int64_t>::max() : sum;
}

std::int64_t times(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? std::numeric_limits<std::int64_t>::max()
                                                : product;
}

// A number that says how many, or how long; nullopt: it says nothing.
std::optional<std::int64_t> count_of(json::Value value) {
  const auto count = value.integer();
  return count && *count >= 0 ? std::optional(std::min(*count, kCountMax)) : std::nullopt;
}

// Bytes of UTF-8 that the inside of a string means. An escape of half a character beyond U+FFFF
// counts as two: together they are its four.
std::int64_t unescaped_bytes(std::string_view inside) {
  auto bytes = static_cast<std::int64_t>(inside.size());
  const char* at = inside.data();
  const char* const end = at + inside.size();
  while ((at = static_cast<const char*>(
              std::memchr(at, '\\', static_cast<std::size_t>(end - at)))) != nullptr) {
    if (end - at >= 6 && at[1] == 'u') {
      const bool one = at[2] == '0' && at[3] == '0' && at[4] < '8';  // to U+007F
      const bool two = at[2] == '0' && at[3] < '8';                  // to U+07FF
      const bool half = (at[2] == 'd' || at[2] == 'D') && at[3] >= '8';
      bytes -= one ? 5 : two || half ? 4 : 3;
      at += 6;
    } else {
      --bytes;
      at += 2;
    }
    if (at >= end) break;
  }
  return bytes;
}

// What names a medium, or holds one: "url" and "image_url" of an image, "data" of a sound.
bool names_medium(std::string_view key) {
  switch (key.size()) {  // of every string there is: cheaper than as many comparisons
    case 3:
      return key == "url";
    case 4:
      return key == "data";
    case 7:
      return key == "file_id";
    case 8:
      return key == "file_url";
    case 9:
      return key == "image_url";
    default:
      return false;
  }
}

// With the head of its data URL, which weighs nothing beside it.
std::int64_t media_of_document(std::string_view data) {
  const auto bytes = static_cast<std::int64_t>(data.size());
  return std::max<std::int64_t>((bytes + kDocumentBytesPerMedium - 1) / kDocumentBytesPerMedium, 1);
}

// Schemas are read by the model as they stand, their keys too.
bool is_schema(std::string_view key) {
  return key == "parameters" || key == "schema" || key == "input_schema";
}

void add_text(std::string_view key, json::Value value, RequestSize& sum) {
  switch (value.kind()) {
    case json::Kind::object:
      if (is_schema(key)) {
        sum.text_bytes += static_cast<std::int64_t>(value.raw().size());
        return;
      }
      for (const auto [name, member] : value.members()) add_text(name, member, sum);
      return;
    case json::Kind::array:
      for (const json::Value element : value.elements()) add_text(key, element, sum);
      return;
    case json::Kind::string:
      // By its key alone: "data:;base64," before any text would make it a medium.
      if (key == "file_data") {
        sum.media += media_of_document(value.raw_text());
      } else if (names_medium(key)) {
        ++sum.media;
      } else {
        sum.text_bytes += value.has_escapes() ? unescaped_bytes(value.raw_text())
                                              : static_cast<std::int64_t>(value.raw_text().size());
      }
      return;
    case json::Kind::number:
    case json::Kind::boolean:
    case json::Kind::null:
      return;
  }
}

// messages, and an input that is a list of items.
void add_turns(json::Value turns, RequestSize& sum) {
  for (const json::Value turn : turns.elements()) {
    ++sum.messages;
    add_text("", turn, sum);
  }
}

// A prompt, or a list of them. Gives how many.
std::int64_t add_prompts(json::Value value, RequestSize& sum) {
  if (!value.is(json::Kind::array)) {
    add_text("", value, sum);
    return 1;
  }
  std::int64_t prompts = 0;
  bool tokens = false;
  for (const json::Value element : value.elements()) {
    switch (element.kind()) {
      case json::Kind::number:  // the list is one prompt
        ++sum.token_ids;
        tokens = true;
        break;
      case json::Kind::array:
        ++prompts;
        for (const json::Value token : element.elements()) {
          token.is(json::Kind::number) ? void(++sum.token_ids) : add_text("", token, sum);
        }
        break;
      case json::Kind::object:  // an item of a conversation
        ++sum.messages;
        add_text("", element, sum);
        tokens = true;
        break;
      default:
        ++prompts;
        add_text("", element, sum);
    }
  }
  return prompts + (tokens ? 1 : 0);
}

// effort: reasoning_effort, and reasoning, which holds it.
enum class Part { none, turns, prompt, text, as_it_stands, limit, answers, effort };

// By their length first: of the members of every body.
Part part_of(std::string_view key, Endpoint endpoint) {
  const bool chat = endpoint == Endpoint::chat_completions;
  const bool completions = endpoint == Endpoint::completions;
  const bool responses = endpoint == Endpoint::responses;
  const bool input = responses || endpoint == Endpoint::embeddings;
  switch (key.size()) {
    case 1:
      return key == "n" ? Part::answers : Part::none;
    case 4:
      return key == "text" ? Part::text : Part::none;
    case 5:
      return input && key == "input" ? Part::prompt : key == "tools" ? Part::text : Part::none;
    case 6:
      return completions && key == "prompt" ? Part::prompt
             : key == "suffix"              ? Part::text
                                            : Part::none;
    case 7:
      return key == "best_of" ? Part::answers : Part::none;
    case 8:
      return chat && key == "messages" ? Part::turns : Part::none;
    case 9:
      return key == "functions"   ? Part::text
             : key == "documents" ? Part::as_it_stands
             : key == "reasoning" ? Part::effort
                                  : Part::none;
    case 10:
      return (chat || completions) && key == "max_tokens" ? Part::limit : Part::none;
    case 12:
      return key == "instructions" ? Part::text : Part::none;
    case 15:
      return key == "response_format" ? Part::text : Part::none;
    case 16:
      return key == "reasoning_effort" ? Part::effort : Part::none;
    case 17:
      return responses && key == "max_output_tokens" ? Part::limit : Part::none;
    case 20:
      return key == "chat_template_kwargs" ? Part::as_it_stands : Part::none;
    case 21:
      return (chat || completions) && key == "max_completion_tokens" ? Part::limit : Part::none;
    default:
      return Part::none;
  }
}

// "high" and what is more, said anywhere: twice said, whichever holds.
bool asks_for_high_effort(json::Value value) {
  if (value.is(json::Kind::string)) return value.text() == "high" || value.text() == "xhigh";
  if (!value.is(json::Kind::object)) return false;
  for (const auto [key, member] : value.members()) {
    if (key == "effort" && member.is(json::Kind::string) && asks_for_high_effort(member)) {
      return true;
    }
  }
  return false;
}

}  // namespace

RequestSize& RequestSize::operator+=(const RequestSize& other) {
  text_bytes = plus(text_bytes, other.text_bytes);
  token_ids = plus(token_ids, other.token_ids);
  messages = plus(messages, other.messages);
  media = plus(media, other.media);
  answers = plus(answers, other.answers);
  output_tokens_max = plus(output_tokens_max, other.output_tokens_max);
  unlimited_answers = plus(unlimited_answers, other.unlimited_answers);
  high_effort_answers = plus(high_effort_answers, other.high_effort_answers);
  body_bytes = plus(body_bytes, other.body_bytes);
  return *this;
}

void RequestSize::raise_to(const RequestSize& other) {
  text_bytes = std::max(text_bytes, other.text_bytes);
  token_ids = std::max(token_ids, other.token_ids);
  messages = std::max(messages, other.messages);
  media = std::max(media, other.media);
  answers = std::max(answers, other.answers);
  output_tokens_max = std::max(output_tokens_max, other.output_tokens_max);
  unlimited_answers = std::max(unlimited_answers, other.unlimited_answers);
  high_effort_answers = std::max(high_effort_answers, other.high_effort_answers);
  body_bytes = std::max(body_bytes, other.body_bytes);
}

RequestSize size_of(json::Value body, Endpoint endpoint) {
  RequestSize size;
  size.body_bytes = static_cast<std::int64_t>(body.raw().size());
  bool high_effort = false;
  std::int64_t prompts = 1, each = 1;
  std::optional<std::int64_t> limit;
  for (const auto [key, value] : body.members()) {
    switch (part_of(key, endpoint)) {
      case Part::turns:
        if (value.is(json::Kind::array)) add_turns(value, size);
        break;
      case Part::prompt:
        // Given twice, the longer list: whichever holds, no more is asked for.
        prompts = std::max(prompts, add_prompts(value, size));
        break;
      case Part::text:
        add_text(key, value, size);
        break;
      case Part::as_it_stands:
        // Its keys are read too, and none of them makes a medium of a text.
        size.text_bytes += static_cast<std::int64_t>(value.raw().size());
        break;
      case Part::effort:
        high_effort = high_effort || asks_for_high_effort(value);
        break;
      case Part::limit:
        // Given twice, the larger one: whichever holds, no more is used.
        if (const auto count = count_of(value)) limit = std::max(limit.value_or(0), *count);
        break;
      case Part::answers:
        each = std::max(each, std::min(count_of(value).value_or(1), kAnswersMax));
        break;
      case Part::none:
        break;
    }
  }
  size.answers = times(prompts, each);
  if (limit) {
    size.output_tokens_max = times(size.answers, *limit);
    if (high_effort) size.high_effort_answers = size.answers;
  } else {
    size.unlimited_answers = size.answers;
  }
  return size;
}

}  // namespace quarry::openai
