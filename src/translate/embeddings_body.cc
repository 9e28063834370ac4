#include "translate/embeddings_body.h"

#include "translate/inline_media.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace quarry::translate {

namespace {

// OpenAI API reference, "Create embeddings".
constexpr std::size_t kInputsMax = 2048;

using Slot = std::optional<json::Value> EmbeddingsRequest::*;

struct Extension {
  std::string_view name;
  Slot slot;
};

constexpr std::array kExtensions{
    Extension{"input_type", &EmbeddingsRequest::input_type},
    Extension{"truncate", &EmbeddingsRequest::truncate},
    Extension{"normalize", &EmbeddingsRequest::normalize},
    Extension{"embedding_purpose", &EmbeddingsRequest::embedding_purpose},
    Extension{"truncation_mode", &EmbeddingsRequest::truncation_mode},
};

constexpr std::string_view kTokensRefused =
    "lists of tokens are not supported, since Bedrock's models have tokenizers of their own; send "
    "the text itself";

// The members that every model takes, as the body has them.
struct Members {
  std::optional<json::Value> input;
  std::optional<json::Value> encoding_format;
  std::optional<json::Value> dimensions;
  std::optional<json::Value> stream;

  std::optional<json::Value>* find(std::string_view key) {
    if (key == "input") return &input;
    if (key == "encoding_format") return &encoding_format;
    if (key == "dimensions") return &dimensions;
    if (key == "stream") return &stream;
    return nullptr;
  }
};

std::optional<json::Value>* find_slot(std::string_view key,
                                      Members& members,
                                      EmbeddingsRequest& request) {
  if (auto* const slot = members.find(key)) return slot;
  for (const auto& [name, slot] : kExtensions) {
    if (name == key) return &(request.*slot);
  }
  return nullptr;
}

Outcome read_members(json::Value body, Members& members, EmbeddingsRequest& request) {
  for (const auto [key, value] : body.members()) {
    const bool absent = value.is(json::Kind::null);
    if (auto* const slot = find_slot(key, members, request)) {
      // A key that is given twice counts with its last value.
      *slot = absent ? std::nullopt : std::optional(value);
    } else if (!absent && key != "model" && key != "user" && !request.drop_params) {
      return unsupported("body." + std::string(key), "unknown parameter; leave it out");
    }
  }
  return {};
}

bool begins_image(std::string_view text) {
  constexpr std::string_view start = "data:image/";
  return std::ranges::equal(text.substr(0, start.size()), start, {},
                            [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
}

// A look at the first byte, since to unescape every text would cost more than all the rest.
bool may_begin_image(std::string_view raw) {
  return raw.front() == 'd' || raw.front() == 'D' || raw.front() == '\\';
}

Outcome read_input(json::Value value,
                   const catalog::Model& model,
                   const std::string& place,
                   EmbeddingsRequest& request) {
  if (value.is(json::Kind::number) || value.is(json::Kind::array)) {
    return invalid_value(place, kTokensRefused);
  }
  if (!value.is(json::Kind::string)) return wrong_type(place, "a string", value.kind());
  if (value.raw_text().empty())
    return invalid_value(place, "must not be an empty text; leave it out");
  EmbeddingInput input{value, {}, {}};
  if (may_begin_image(value.raw_text()) && begins_image(value.text())) {
    if (!model.inputs.image) return unsupported(place, model.id + " reads no images");
    const auto image = parse_image_url(value.text());
    if (!image) return invalid_value(place, image.error());
    input.media_type = image->media_type;
    input.base64 = image->base64;
  }
  request.inputs.push_back(input);
  return {};
}

Outcome read_inputs(const std::optional<json::Value>& input,
                    const catalog::Model& model,
                    EmbeddingsRequest& request) {
  if (!input) return missing("body.input");
  request.list = input->is(json::Kind::array);
  if (!request.list) {
    if (!input->is(json::Kind::string)) {
      return wrong_type("body.input", "a string or a list of strings", input->kind());
    }
    return read_input(*input, model, "body.input", request);
  }
  if (input->empty()) return invalid_value("body.input", "must hold at least one text");
  for (const json::Value element : input->elements()) {
    const std::size_t index = request.inputs.size();
    if (index == kInputsMax) {
      return invalid_value("body.input", "holds more than " + std::to_string(kInputsMax) +
                                             " texts; spread them over several lines");
    }
    if (auto read = read_input(element, model, request.place(index), request); !read) return read;
  }
  return {};
}

Outcome read_encoding(const std::optional<json::Value>& value, EmbeddingsRequest& request) {
  constexpr std::array<std::string_view, 2> words{"float", "base64"};
  const auto word = choose(value, "body.encoding_format", words, "float");
  if (!word) return std::unexpected(word.error());
  request.base64 = *word == "base64";
  return {};
}

Outcome read_dimensions(const std::optional<json::Value>& value,
                        const catalog::Model& model,
                        EmbeddingsRequest& request) {
  constexpr std::string_view param = "body.dimensions";
  if (!value) return {};
  const auto number = value->integer();
  if (!number) {
    if (!value->is(json::Kind::number)) return wrong_type(param, "an integer", value->kind());
    return invalid_value(param, "must be an integer");
  }
  if (*number < 1) return invalid_value(param, "must be at least 1");
  const auto& known_sizes = model.dimensions;
  if (!known_sizes.empty() && std::ranges::find(known_sizes, *number) == known_sizes.end()) {
    std::string why = model.id + " makes vectors of these sizes: ";
    for (const std::int64_t size : known_sizes) why.append(std::to_string(size)) += ", ";
    why.resize(why.size() - 2);
    return invalid_value(param, why);
  }
  request.dimensions = number;
  return {};
}

Outcome check_stream(const std::optional<json::Value>& value) {
  if (!value) return {};
  if (!value->is(json::Kind::boolean)) return wrong_type("body.stream", "a boolean", value->kind());
  if (!value->boolean()) return {};
  return Refusal(openai::LineError{"streaming_unsupported",
                                   "Embeddings: Streaming is not supported in the Batch API.",
                                   "body.stream"});
}

}  // namespace

Outcome read_embeddings_body(json::Value body,
                             const catalog::Model& model,
                             bool drop_params,
                             EmbeddingsRequest& request) {
  request.clear();
  request.drop_params = drop_params;
  if (!body.is(json::Kind::object)) return wrong_type("body", "an object", body.kind());
  Members members;
  if (auto read = read_members(body, members, request); !read) return read;
  if (auto fine = check_stream(members.stream); !fine) return fine;
  if (auto read = read_inputs(members.input, model, request); !read) return read;
  if (auto read = read_encoding(members.encoding_format, request); !read) return read;
  return read_dimensions(members.dimensions, model, request);
}

std::string_view note_of(const EmbeddingsRequest& request) {
  return request.base64 ? "base64" : "";
}

}  // namespace quarry::translate
