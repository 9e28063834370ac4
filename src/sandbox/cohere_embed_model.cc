// Cohere's Embed: version 3 (texts, or one image) and version 4 (texts, images, or both mixed).

#include "sandbox/embedding_models.h"
#include "sandbox/embedding_vector.h"
#include "sandbox/malformed_input.h"
#include "sandbox/model_text.h"
#include "sandbox/prompt_hooks.h"
#include "sandbox/reply_text.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::size_t kItemsMax = 96;
constexpr std::size_t kV3CharactersMax = 2048;
constexpr std::uint64_t kV3TokensMax = 512;
constexpr std::size_t kV3Dimension = 1024;
constexpr std::int64_t kV4TokensMax = 128'000;
constexpr std::int64_t kV4DimensionDefault = 1536;

// What is embedded: one vector for each content, in the request's order.
struct Work {
  std::vector<std::string> contents;
  std::vector<std::string_view> texts;  // of the contents; hooks are read from them
  std::size_t dimension = kV3Dimension;
  std::vector<std::string_view> types;
  bool refuses_long = true;  // longer than tokens_max is an error, else it is cut in silence
  std::uint64_t tokens_max = kV3TokensMax;
};

// Data URIs of the images the model reads.
void check_images(const std::vector<std::string_view>& images,
                  const std::string& where,
                  InputFaults& faults) {
  for (std::size_t i = 0; i < images.size(); ++i) {
    const bool known = std::ranges::any_of(
        std::initializer_list<std::string_view>{"png", "jpeg", "webp", "gif"},
        [&](std::string_view kind) {
          return images[i].starts_with(fmt::format("data:image/{};base64,", kind));
        });
    if (!known)
      faults.add(fmt::format("{}/{}", where, i),
                 "string does not match pattern ^data:image/.*;base64,");
  }
}

std::expected<Work, ModelError> read_v3(const json::object& request) {
  InputFaults faults;
  ObjectCheck check(request, "#", faults);
  check.has_all({"input_type"});
  check.has_only({"texts", "images", "input_type", "truncate", "embedding_types"});
  const auto type = check.word(
      "input_type", {"search_document", "search_query", "classification", "clustering", "image"});
  const bool of_image = type == "image";
  check.has_all({of_image ? "images" : "texts"});
  if (const char* other = of_image ? "texts" : "images"; request.contains(other))
    check.fault(other, "false schema always fails");
  Work work;
  if (of_image) {
    const auto images = check.texts("images", 1, 1);
    check_images(images, "#/images", faults);
    work.contents.assign(images.begin(), images.end());
  } else {
    work.texts = check.texts("texts", 1, kItemsMax);
    for (std::size_t i = 0; i < work.texts.size(); ++i) {
      const auto fault = length_fault(work.texts[i], 1, kV3CharactersMax);
      if (!fault.empty()) faults.add(fmt::format("#/texts/{}", i), fault);
    }
    work.contents.assign(work.texts.begin(), work.texts.end());
  }
  work.refuses_long = check.word("truncate", {"NONE", "START", "END"}).value_or("NONE") == "NONE";
  work.types = check.words("embedding_types", {"float", "int8", "uint8", "binary", "ubinary"});
  if (!faults.none()) return std::unexpected(faults.error());
  return work;
}

// One entry of "inputs": its parts together are one content.
std::string read_input(ObjectCheck& input, Work& work, InputFaults& faults) {
  std::string content;
  input.has_all({"content"});
  input.has_only({"content"});
  for (auto& part : input.objects("content", 1, kAnyCount)) {
    part.has_all({"type"});
    const auto type = part.word("type", {"text", "image_url"});
    if (!type) continue;
    part.has_all({*type});
    part.has_only({"type", *type});
    const auto text = part.text(*type);
    if (!text) continue;
    if (*type == "text") work.texts.push_back(*text);
    if (*type == "image_url") check_images({*text}, part.where(), faults);
    content.append(*type).append(":").append(*text).append("\n");
  }
  return content;
}

std::expected<Work, ModelError> read_v4(const json::object& request) {
  InputFaults faults;
  ObjectCheck check(request, "#", faults);
  check.has_all({"input_type"});
  check.has_only({"texts", "images", "inputs", "input_type", "embedding_types", "output_dimension",
                  "max_tokens", "truncate"});
  check.word("input_type", {"search_document", "search_query", "classification", "clustering"});
  const auto kinds =
      std::ranges::count_if(std::initializer_list<const char*>{"texts", "images", "inputs"},
                            [&](const char* name) { return request.contains(name); });
  if (kinds != 1) faults.add("#", fmt::format("{} subschemas matched instead of one", kinds));
  Work work;
  work.texts = check.texts("texts", 1, kItemsMax);
  for (std::size_t i = 0; i < work.texts.size(); ++i) {
    if (work.texts[i].empty())
      faults.add(fmt::format("#/texts/{}", i), "expected minLength: 1, actual: 0");
  }
  work.contents.assign(work.texts.begin(), work.texts.end());
  const auto images = check.texts("images", 1, kItemsMax);
  check_images(images, "#/images", faults);
  work.contents.insert(work.contents.end(), images.begin(), images.end());
  for (auto& input : check.objects("inputs", 1, kItemsMax))
    work.contents.push_back(read_input(input, work, faults));
  work.dimension = static_cast<std::size_t>(
      check.integer_of("output_dimension", {256, 512, 1024, 1536}).value_or(kV4DimensionDefault));
  work.tokens_max = static_cast<std::uint64_t>(
      check.integer("max_tokens", 1, kV4TokensMax).value_or(kV4TokensMax));
  work.refuses_long = check.word("truncate", {"NONE", "LEFT", "RIGHT"}).value_or("RIGHT") == "NONE";
  work.types = check.words("embedding_types", {"float", "int8", "uint8", "binary", "ubinary"});
  if (!faults.none()) return std::unexpected(faults.error());
  return work;
}

// A profile's ARN does not say the version; then words that only version 3 has do.
bool is_v3(const json::object& request, std::string_view model_id) {
  if (model_id.find("embed-") != std::string_view::npos)
    return model_id.find("embed-v4") == std::string_view::npos;
  const auto has = [&](const char* name, std::string_view word) {
    const json::value* value = request.if_contains(name);
    return value != nullptr && value->is_string() && value->get_string() == word;
  };
  return has("input_type", "image") || has("truncate", "START") || has("truncate", "END");
}

std::expected<std::uint64_t, ModelError> count_tokens(const Work& work) {
  std::uint64_t total = 0;
  for (const std::string_view text : work.texts) {
    const std::uint64_t tokens = tokens_in(text);
    if (tokens > work.tokens_max && work.refuses_long) {
      return std::unexpected(ModelError{
          .code = 400,
          .message = fmt::format("invalid request: too many tokens: max tokens per text is {} but "
                                 "got {}, please set truncate",
                                 work.tokens_max, tokens)});
    }
    total += std::min(tokens, work.tokens_max);
  }
  return total;
}

void append_matrix(const std::vector<std::vector<float>>& vectors,
                   std::string_view form,
                   std::string& out) {
  out.push_back('[');
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    if (i > 0) out.push_back(',');
    append_vector(vectors[i], form, out);
  }
  out.push_back(']');
}

std::string body_of(const Work& work, const json::object& request, std::string_view id) {
  std::vector<std::vector<float>> vectors;
  for (const auto& content : work.contents) vectors.push_back(unit_vector(content, work.dimension));
  std::string body = "{\"embeddings\":";
  if (work.types.empty()) {
    append_matrix(vectors, "float", body);
  } else {
    for (std::size_t i = 0; i < work.types.size(); ++i) {
      fmt::format_to(std::back_inserter(body), "{}\"{}\":", i == 0 ? "{" : ",", work.types[i]);
      append_matrix(vectors, work.types[i], body);
    }
    body.push_back('}');
  }
  fmt::format_to(std::back_inserter(body), ",\"id\":\"{}\",\"response_type\":\"{}\"", id,
                 work.types.empty() ? "embeddings_floats" : "embeddings_by_type");
  const json::value* texts = request.if_contains("texts");
  if (texts != nullptr) body.append(",\"texts\":").append(json::serialize(*texts));
  return body.append("}");
}

}  // namespace

ModelResult answer_cohere_embed(const json::object& request,
                                std::string_view model_id,
                                std::string_view seed) {
  auto work = is_v3(request, model_id) ? read_v3(request) : read_v4(request);
  if (!work) return std::unexpected(std::move(work.error()));
  for (const std::string_view text : work->texts) {
    if (const Hooks hooks = read_hooks(text); hooks.error) return std::unexpected(*hooks.error);
  }
  const auto tokens = count_tokens(*work);
  if (!tokens) return std::unexpected(tokens.error());
  TextSource source({model_id, seed, work->contents.front()});
  ModelAnswer answer;
  answer.input_tokens = *tokens;
  answer.body = body_of(*work, request, source.letters(32));
  return answer;
}

}  // namespace quarry::sandbox
