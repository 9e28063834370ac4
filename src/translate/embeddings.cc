#include "translate/embeddings.h"

#include "json/write.h"

#include <algorithm>
#include <array>

namespace quarry::translate {

namespace {

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

std::size_t count_characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, begins_character));
}

// Where the character `index` begins; the text's end where there are fewer.
std::size_t find_character(std::string_view text, std::size_t index) {
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if (begins_character(text[at]) && index-- == 0) break;
  }
  return at;
}

}  // namespace

void EmbeddingsRequest::clear() {
  inputs.clear();
  list = false;
  base64 = false;
  dimensions.reset();
  input_type.reset();
  truncate.reset();
  normalize.reset();
  embedding_purpose.reset();
  truncation_mode.reset();
  drop_params = false;
}

std::string EmbeddingsRequest::place(std::size_t input) const {
  std::string place = "body.input";
  if (list) place.append("[").append(std::to_string(input)).append("]");
  return place;
}

Outcome check_extensions(EmbeddingsRequest& request,
                         EmbeddingExtensions takes,
                         std::string_view model_id) {
  struct Extension {
    std::string_view name;
    std::optional<json::Value>& value;
    bool taken;
  };
  const std::array extensions{
      Extension{"input_type", request.input_type, takes.input_type},
      Extension{"truncate", request.truncate, takes.truncate},
      Extension{"normalize", request.normalize, takes.normalize},
      Extension{"embedding_purpose", request.embedding_purpose, takes.embedding_purpose},
      Extension{"truncation_mode", request.truncation_mode, takes.truncation_mode},
  };
  for (const auto& [name, value, taken] : extensions) {
    if (!value || taken) continue;
    if (!request.drop_params) {
      std::string why(model_id);
      return unsupported("body." + std::string(name),
                         why.append(" does not take it; leave it out"));
    }
    value.reset();
  }
  return {};
}

std::expected<std::string_view, openai::LineError> choose(
    const std::optional<json::Value>& extension,
    std::string_view param,
    std::span<const std::string_view> words,
    std::string_view fallback) {
  if (!extension) return fallback;
  if (!extension->is(json::Kind::string)) return wrong_type(param, "a string", extension->kind());
  const auto found = std::ranges::find(words, extension->text());
  if (found != words.end()) return *found;
  std::string why = "supported values are: ";
  for (const std::string_view word : words) why.append(word).append(", ");
  why.resize(why.size() - 2);
  return invalid_value(param, why);
}

Outcome check_fixed_size(EmbeddingsRequest& request, std::string_view model_id) {
  if (!request.dimensions) return {};
  if (!request.drop_params) {
    std::string why(model_id);
    return unsupported("body.dimensions",
                       why.append(" makes vectors of one size only; leave it out"));
  }
  request.dimensions.reset();
  return {};
}

bool is_longer(json::Value text, std::size_t characters) {
  // A character is never written in less than a byte.
  return text.raw_text().size() > characters && count_characters(text.text()) > characters;
}

void append_cut(json::Value text, std::size_t characters_max, Cut cut, std::string& out) {
  const std::string_view all = text.text();
  const std::size_t count = count_characters(all);
  if (count <= characters_max) {
    out.append(text.raw());
  } else if (cut == Cut::end) {
    json::append_string(out, all.substr(0, find_character(all, characters_max)));
  } else {
    json::append_string(out, all.substr(find_character(all, count - characters_max)));
  }
}

}  // namespace quarry::translate
