#include "sandbox/model_text.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::size_t kQuoteBytesMax = 60;
constexpr int kSchemaDepthMax = 12;

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// The start of the text on one line, cut between words.
std::string short_quote(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (space && (line.empty() || line.back() == ' ')) continue;
    line.push_back(space ? ' ' : c);
    if (line.size() > 4 * kQuoteBytesMax) break;
  }
  while (line.ends_with(' ')) line.pop_back();
  if (line.size() <= kQuoteBytesMax) return line;
  std::size_t end = line.rfind(' ', kQuoteBytesMax);
  if (end == std::string::npos || end == 0) {
    end = kQuoteBytesMax;
    while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) --end;
  }
  return line.substr(0, end) + "...";
}

bool is_greeting(std::string_view user) {
  if (user.size() > 40) return false;
  const std::string text = lowered(user);
  for (const std::string_view word :
       {"hello", "hi", "hey", "good morning", "good evening", "greetings"}) {
    if (!text.starts_with(word)) continue;
    if (text.size() == word.size()) return true;
    const char next = text[word.size()];
    if (next < 'a' || next > 'z') return true;
  }
  return false;
}

constexpr std::array<std::string_view, 4> kGreetings{
    "Hello! How can I help you today?", "Hi there! What can I do for you?",
    "Hello! It's nice to hear from you. What would you like to talk about?",
    "Hello! I'm ready when you are. What's on your mind?"};

constexpr std::array<std::string_view, 4> kUnhelpful{
    "I heard you, and I have decided to do nothing about it. You're welcome.",
    "Great question. I wrote the answer on a napkin and then lost the napkin.",
    "I could help with that, but then what would you learn? Try asking a houseplant.",
    "The answer is somewhere between Tuesday and a potato. That's all I'm prepared to say."};

constexpr std::array<std::string_view, 5> kOpenings{
    "Here is a short answer to \"{}\".", "You asked: \"{}\". Let me take it step by step.",
    "Thanks for the question about \"{}\".",
    "In brief, on \"{}\":", "That's worth a careful look: \"{}\"."};

constexpr std::array<std::string_view, 6> kMiddles{
    "The main thing is to separate what is known from what is assumed, and to check the "
    "assumptions first.",
    "It usually comes down to a trade-off between simplicity and flexibility, and the simpler "
    "choice tends to last longer.",
    "Most of the difficulty lies in the details, so start with a small example and work outward "
    "from there.",
    "There are a few common approaches, and the right one depends on how much time and precision "
    "you need.",
    "A good first step is to write down the goal in one sentence, then list what stands in the "
    "way.",
    "Experience suggests that the first idea is rarely the best one, so it pays to compare two or "
    "three."};

constexpr std::array<std::string_view, 5> kClosings{
    "If you tell me more about your situation, I can be more specific.", "I hope that helps.",
    "Would you like me to go deeper into any part of this?",
    "Let me know if you would like an example.", "That should be enough to get you started."};

// The last capitalised word that does not start a sentence, else the last word: what a request is
// often about.
std::string topic_of(std::string_view user) {
  std::string word, last, named;
  bool starts_sentence = true, this_starts = true;
  const auto end_word = [&] {
    if (word.empty()) return;
    last = word;
    if (word[0] >= 'A' && word[0] <= 'Z' && !this_starts) named = word;
    word.clear();
  };
  for (const char c : user) {
    const bool part = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || static_cast<unsigned char>(c) >= 0x80;
    if (part) {
      if (word.empty()) this_starts = std::exchange(starts_sentence, false);
      if (word.size() < kQuoteBytesMax) word.push_back(c);
    } else {
      end_word();
      if (c == '.' || c == '!' || c == '?' || c == ':') starts_sentence = true;
    }
  }
  end_word();
  if (!named.empty()) return named;
  return last.empty() ? "example" : last;
}

class Sampler {
 public:
  Sampler(const json::value& root, std::string_view user, TextSource& source)
      : root_(root), topic_(topic_of(user)), source_(source) {}

  json::value sample(const json::value& schema, int depth) {
    if (!schema.is_object() || depth > kSchemaDepthMax) return nullptr;
    const json::object& object = schema.get_object();
    if (const json::value* fixed = object.if_contains("const")) return *fixed;
    if (const json::value* choices = object.if_contains("enum");
        choices && choices->is_array() && !choices->get_array().empty()) {
      return choices->get_array()[source_.pick(choices->get_array().size())];
    }
    if (const json::value* reference = object.if_contains("$ref"))
      return sample(resolve(*reference), depth + 1);
    for (const char* name : {"anyOf", "oneOf", "allOf"}) {
      const json::value* options = object.if_contains(name);
      if (options && options->is_array() && !options->get_array().empty())
        return sample(options->get_array()[0], depth + 1);
    }
    return of_type(object, type_of(object), depth);
  }

 private:
  const json::value& resolve(const json::value& reference) const {
    static const json::value none;
    if (!reference.is_string() || !reference.get_string().starts_with("#/")) return none;
    boost::system::error_code error;
    const json::value* found = root_.find_pointer(reference.get_string().subview(1), error);
    return found == nullptr ? none : *found;
  }

  static std::string type_of(const json::object& schema) {
    const json::value* type = schema.if_contains("type");
    if (type != nullptr && type->is_array() && !type->get_array().empty())
      type = &type->get_array()[0];
    if (type != nullptr && type->is_string())
      return std::string(std::string_view(type->get_string()));
    return schema.if_contains("properties") != nullptr ? "object" : "string";
  }

  static double number_in(const json::object& schema, const char* name, double fallback) {
    const json::value* value = schema.if_contains(name);
    return value != nullptr && value->is_number() ? value->to_number<double>() : fallback;
  }

  json::value of_type(const json::object& schema, const std::string& type, int depth) {
    if (type == "null") return nullptr;
    if (type == "boolean") return source_.pick(2) == 0;
    if (type == "integer" || type == "number") {
      const double low = number_in(schema, "minimum", number_in(schema, "exclusiveMinimum", 0) + 1);
      const double high = std::max(low, number_in(schema, "maximum", low + 41));
      const auto span = static_cast<std::size_t>(std::min(high - low, 1000.0));
      const double value = low + static_cast<double>(source_.pick(span + 1));
      if (type == "integer") return static_cast<std::int64_t>(value);
      return value;
    }
    if (type == "array") {
      json::array items;
      const auto count =
          static_cast<std::size_t>(std::clamp(number_in(schema, "minItems", 1), 1.0, 16.0));
      const json::value* item = schema.if_contains("items");
      for (std::size_t i = 0; item != nullptr && i < count; ++i)
        items.push_back(sample(*item, depth + 1));
      return items;
    }
    if (type == "object") return object_of(schema, depth);
    return string_of(schema);
  }

  json::value object_of(const json::object& schema, int depth) {
    json::object made;
    const json::value* properties = schema.if_contains("properties");
    if (properties == nullptr || !properties->is_object()) return made;
    const json::value* required = schema.if_contains("required");
    const bool has_required = required != nullptr && required->is_array();
    for (const auto& property : properties->get_object()) {
      const bool wanted =
          !has_required || std::ranges::any_of(required->get_array(), [&](const json::value& name) {
            return name.is_string() && name.get_string() == property.key();
          });
      if (wanted) made[property.key()] = sample(property.value(), depth + 1);
    }
    return made;
  }

  json::value string_of(const json::object& schema) const {
    const json::value* format = schema.if_contains("format");
    const std::string_view kind =
        format != nullptr && format->is_string() ? std::string_view(format->get_string()) : "";
    if (kind == "date") return "2026-01-02";
    if (kind == "date-time") return "2026-01-02T03:04:05Z";
    if (kind == "time") return "03:04:05Z";
    if (kind == "email") return "someone@example.com";
    if (kind == "uri") return "https://example.com/";
    if (kind == "uuid") return "00000000-0000-4000-8000-000000000000";
    std::string text = topic_;
    const auto longest =
        static_cast<std::size_t>(std::clamp(number_in(schema, "maxLength", 200), 0.0, 200.0));
    const auto shortest =
        static_cast<std::size_t>(std::clamp(number_in(schema, "minLength", 0), 0.0, 200.0));
    if (text.size() > longest) text = std::string(longest, 'a');
    if (text.size() < shortest) text.append(shortest - text.size(), 'a');
    return json::value(text);
  }

  const json::value& root_;
  std::string topic_;
  TextSource& source_;
};

}  // namespace

TextSource::TextSource(std::initializer_list<std::string_view> from)
    : state_(0xcbf29ce484222325ULL) {
  for (const std::string_view text :
       from) {  // FNV-1a; 0xff is in no UTF-8 text and so keeps the pieces apart
    for (const char c : text) state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    state_ = (state_ ^ 0xff) * 0x100000001b3ULL;
  }
}

std::uint64_t TextSource::next() {  // splitmix64
  state_ += 0x9e3779b97f4a7c15ULL;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

std::string TextSource::letters(std::size_t count) {
  constexpr std::string_view kLetters =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out.push_back(kLetters[pick(kLetters.size())]);
  return out;
}

std::string compose_answer(std::string_view system, std::string_view user, TextSource& source) {
  if (lowered(system).find("unhelpful") != std::string::npos)
    return std::string(kUnhelpful[source.pick(kUnhelpful.size())]);
  if (is_greeting(user)) return std::string(kGreetings[source.pick(kGreetings.size())]);
  std::string answer =
      fmt::format(fmt::runtime(kOpenings[source.pick(kOpenings.size())]), short_quote(user));
  const std::size_t first = source.pick(kMiddles.size());
  const std::size_t count = 1 + source.pick(3);
  for (std::size_t i = 0; i < count; ++i)
    answer.append(" ").append(kMiddles[(first + i) % kMiddles.size()]);
  return answer.append(" ").append(kClosings[source.pick(kClosings.size())]);
}

std::string compose_thought(std::string_view user, TextSource& source) {
  return fmt::format("The user wrote \"{}\". {} I'll keep the answer short.", short_quote(user),
                     kMiddles[source.pick(kMiddles.size())]);
}

json::value sample_of_schema(const json::value& schema, std::string_view user, TextSource& source) {
  return Sampler(schema, user, source).sample(schema, 0);
}

}  // namespace quarry::sandbox
