// Amazon Nova Multimodal Embeddings: one text, image, audio or video a request. What lies in S3 is
// embedded by its URI.

#include "sandbox/embedding_models.h"
#include "sandbox/embedding_vector.h"
#include "sandbox/malformed_input.h"
#include "sandbox/prompt_hooks.h"
#include "sandbox/reply_text.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::size_t kTextCharactersMax = 50'000;
constexpr std::uint64_t kTokensMax = 8192;
constexpr std::int64_t kDimensionDefault = 3072;
constexpr std::string_view kParams = "#/singleEmbeddingParams";

// What is embedded; more than one kind is an audio and video pair.
struct Work {
  std::string content;
  std::vector<std::string> kinds;  // embeddingType of each embedding
  std::string_view text;
  bool refuses_long = false;
  std::size_t dimension = 0;
};

// {"bytes": base64} or {"s3Location": {"uri"}}; gives what stands for the content.
std::string read_source(ObjectCheck& owner, bool bytes_allowed, InputFaults& faults) {
  const json::object* source = owner.object("source");
  if (source == nullptr) return {};
  ObjectCheck check(*source, owner.place("source"), faults);
  if (bytes_allowed && source->contains("bytes")) {
    check.has_only({"bytes"});
    return std::string(check.text("bytes").value_or(""));
  }
  check.has_all({"s3Location"});
  check.has_only({"s3Location"});
  const json::object* location = check.object("s3Location");
  if (location == nullptr) return {};
  ObjectCheck inner(*location, check.place("s3Location"), faults);
  inner.has_all({"uri"});
  inner.has_only({"uri", "bucketOwner"});
  return std::string(inner.text("uri").value_or(""));
}

void read_text(const json::object& text,
               const std::string& where,
               Work& work,
               InputFaults& faults) {
  ObjectCheck check(text, where, faults);
  check.has_all({"truncationMode"});
  check.has_only({"truncationMode", "value", "source"});
  work.refuses_long = check.word("truncationMode", {"START", "END", "NONE"}) == "NONE";
  if (text.contains("value") == text.contains("source")) {
    faults.add(where, "exactly one of [value] and [source] is required");
    return;
  }
  work.content = read_source(check, false, faults);
  if (const auto value = check.text("value")) {
    const auto fault = length_fault(*value, 1, kTextCharactersMax);
    if (!fault.empty()) check.fault("value", fault);
    work.text = *value;
    work.content = *value;
  }
  work.kinds = {"TEXT"};
}

void read_media(const json::object& media,
                const std::string& kind,
                const std::string& where,
                Work& work,
                InputFaults& faults) {
  ObjectCheck check(media, where, faults);
  check.has_all({"format", "source"});
  if (kind == "image") {
    check.has_only({"detailLevel", "format", "source"});
    check.word("detailLevel", {"STANDARD_IMAGE", "DOCUMENT_IMAGE"});
    check.word("format", {"png", "jpeg", "gif", "webp"});
    work.kinds = {"IMAGE"};
  } else if (kind == "audio") {
    check.has_only({"format", "source"});
    check.word("format", {"mp3", "wav", "ogg"});
    work.kinds = {"AUDIO"};
  } else {
    check.has_all({"embeddingMode"});
    check.has_only({"format", "source", "embeddingMode"});
    check.word("format", {"mp4", "mov", "mkv", "webm", "flv", "mpeg", "mpg", "wmv", "3gp"});
    const auto mode = check.word("embeddingMode", {"AUDIO_VIDEO_COMBINED", "AUDIO_VIDEO_SEPARATE"});
    work.kinds = {"AUDIO_VIDEO_COMBINED"};
    if (mode == "AUDIO_VIDEO_SEPARATE") work.kinds = {"VIDEO", "AUDIO"};
  }
  work.content = read_source(check, true, faults);
}

void read_params(const json::object& params, Work& work, InputFaults& faults) {
  ObjectCheck check(params, std::string(kParams), faults);
  check.has_all({"embeddingPurpose"});
  check.has_only({"embeddingPurpose", "embeddingDimension", "text", "image", "audio", "video"});
  check.word("embeddingPurpose", {"GENERIC_INDEX", "GENERIC_RETRIEVAL", "TEXT_RETRIEVAL",
                                  "IMAGE_RETRIEVAL", "VIDEO_RETRIEVAL", "DOCUMENT_RETRIEVAL",
                                  "AUDIO_RETRIEVAL", "CLASSIFICATION", "CLUSTERING"});
  work.dimension = static_cast<std::size_t>(
      check.integer_of("embeddingDimension", {256, 384, 1024, 3072}).value_or(kDimensionDefault));
  std::size_t count = 0;
  for (const char* kind : {"text", "image", "audio", "video"}) {
    if (!params.contains(kind)) continue;
    ++count;
    const json::object* content = check.object(kind);
    if (content == nullptr) continue;
    if (std::string_view(kind) == "text") {
      read_text(*content, check.place(kind), work, faults);
    } else {
      read_media(*content, kind, check.place(kind), work, faults);
    }
  }
  if (count != 1)
    faults.add(kParams, "exactly one of [text], [image], [audio] and [video] is required");
}

std::expected<Work, ModelError> read_request(const json::object& request) {
  InputFaults faults;
  ObjectCheck check(request, "#", faults);
  check.has_all({"taskType", "singleEmbeddingParams"});
  check.has_only({"schemaVersion", "taskType", "singleEmbeddingParams"});
  check.word("schemaVersion", {"nova-multimodal-embed-v1"});
  check.word("taskType", {"SINGLE_EMBEDDING"});  // SEGMENTED_EMBEDDING is StartAsyncInvoke's alone
  Work work;
  if (const json::object* params = check.object("singleEmbeddingParams"))
    read_params(*params, work, faults);
  if (!faults.none()) return std::unexpected(faults.error());
  return work;
}

}  // namespace

ModelResult answer_nova_embed(const json::object& request,
                              std::string_view /*model_id*/,
                              std::string_view /*seed*/) {
  const auto work = read_request(request);
  if (!work) return std::unexpected(work.error());
  if (const Hooks hooks = read_hooks(work->text); hooks.error) return std::unexpected(*hooks.error);
  const std::uint64_t tokens = tokens_in(work->text);
  if (tokens > kTokensMax && work->refuses_long) {
    return std::unexpected(ModelError{
        .code = 400,
        .message = fmt::format("Too many input tokens. Max input tokens: {}, request input token "
                               "count: {}",
                               kTokensMax, tokens)});
  }
  ModelAnswer answer;
  answer.input_tokens = std::min(tokens, kTokensMax);
  answer.body = "{\"embeddings\":[";
  for (std::size_t i = 0; i < work->kinds.size(); ++i) {
    // Of a pair each has its own vector; anything else is embedded by its content alone.
    const std::string content =
        work->kinds.size() == 1 ? work->content : work->kinds[i] + work->content;
    answer.body += fmt::format("{}{{\"embeddingType\":\"{}\",\"embedding\":", i == 0 ? "" : ",",
                               work->kinds[i]);
    append_vector(unit_vector(content, work->dimension), "float", answer.body);
    if (tokens > kTokensMax)
      answer.body += fmt::format(",\"truncatedCharLength\":{}",
                                 characters_in(work->text.substr(0, kTokensMax * 4)));
    answer.body.push_back('}');
  }
  answer.body += "]}";
  return answer;
}

}  // namespace quarry::sandbox
