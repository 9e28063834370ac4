// Cohere Embed v3 and v4, up to 96 inputs a record. Amazon Bedrock User Guide, "Cohere Embed v3"
// and "Cohere Embed v4".
#include "json/write.h"
#include "translate/family.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>

namespace quarry::translate {

namespace {

constexpr std::size_t kInputsMax = 96;  // of a record
// v3: Bedrock counts before the model truncates, and refuses longer texts whatever `truncate` says.
constexpr std::size_t kCharactersMax = 2048;
constexpr std::size_t kImageBytesMax = std::size_t{5} << 20;  // v3

// What the four truncations are called: by v3, by v4.
enum class Truncate { unsaid, none, start, end };

struct Options {
  bool v3 = false;
  std::string_view input_type;
  Truncate truncate = Truncate::unsaid;
};

bool is_image(const EmbeddingInput& input) { return !input.media_type.empty(); }

std::size_t decoded_bytes(std::string_view base64) { return base64.size() / 4 * 3; }

std::expected<Truncate, openai::LineError> truncate_of(const EmbeddingsRequest& request) {
  // v3 and v4 have different words for the same.
  constexpr std::array<std::string_view, 5> words{"NONE", "START", "END", "LEFT", "RIGHT"};
  const auto word = choose(request.truncate, "body.truncate", words, "");
  if (!word) return std::unexpected(word.error());
  if (word->empty()) return Truncate::unsaid;
  if (*word == "NONE") return Truncate::none;
  return *word == "START" || *word == "LEFT" ? Truncate::start : Truncate::end;
}

std::string_view truncate_word(const Options& options) {
  switch (options.truncate) {
    case Truncate::start:
      return options.v3 ? "START" : "LEFT";
    case Truncate::end:
      return options.v3 ? "END" : "RIGHT";
    case Truncate::none:
      // v3's default; said aloud, Bedrock was seen to refuse texts far below the limit.
      return options.v3 ? "" : "NONE";
    case Truncate::unsaid:
      break;
  }
  return "";
}

std::expected<Options, openai::LineError> options_of(const EmbeddingsRequest& request,
                                                     const catalog::Model& model) {
  constexpr std::array<std::string_view, 5> types{"search_document", "search_query",
                                                  "classification", "clustering", "image"};
  Options options{.v3 = model.variant == "v3"};
  const auto truncate = truncate_of(request);
  if (!truncate) return std::unexpected(truncate.error());
  options.truncate = *truncate;
  const std::span words(types.data(), options.v3 ? 5 : 4);
  const auto type = choose(request.input_type, "body.input_type", words, types[0]);
  if (!type) return std::unexpected(type.error());
  options.input_type = *type;
  if (*type == "image" && !std::ranges::all_of(request.inputs, is_image)) {
    return invalid_value("body.input_type",
                         "\"image\" is for images alone, and the input has text");
  }
  return options;
}

class Writer {
 public:
  Writer(const EmbeddingsRequest& request, const Options& options, TranslatedLine& line)
      : request_(request), options_(options), line_(line) {}

  void append_texts(std::span<const EmbeddingInput> inputs) {
    std::string& out = line_.text();
    out += R"({"texts":[)";
    for (const EmbeddingInput& input : inputs) {
      append_text(input.text);
      out += ',';
    }
    out.back() = ']';
    end_record(options_.input_type);
  }

  // v3
  void append_image(const EmbeddingInput& input) {
    line_.text() += R"({"images":[)";
    append_data_uri(input);
    line_.text() += ']';
    end_record("image");
  }

  // v4
  void append_mixed(std::span<const EmbeddingInput> inputs) {
    std::string& out = line_.text();
    out += R"({"inputs":[)";
    for (const EmbeddingInput& input : inputs) {
      out += R"({"content":[{"type":)";
      if (is_image(input)) {
        out += R"("image_url","image_url":)";
        append_data_uri(input);
      } else {
        out.append(R"("text","text":)").append(input.text.raw());
      }
      out += "}]},";
    }
    out.back() = ']';
    end_record(options_.input_type);
  }

 private:
  void append_text(json::Value text) {
    if (!options_.v3) {
      line_.text().append(text.raw());
      return;
    }
    const Cut cut = options_.truncate == Truncate::start ? Cut::start : Cut::end;
    if (is_longer(text, kCharactersMax)) {
      append_cut(text, kCharactersMax, cut, line_.text());
    } else {
      line_.text().append(text.raw());
    }
  }

  // With the media type that the data begins with, whatever the client called it.
  void append_data_uri(const EmbeddingInput& input) {
    line_.text().append("\"data:").append(input.media_type).append(";base64,");
    line_.text().append(input.base64).append("\"");
  }

  void end_record(std::string_view input_type) {
    std::string& out = line_.text();
    out.append(R"(,"input_type":")").append(input_type).append("\"");
    const std::string_view truncate = truncate_word(options_);
    if (!truncate.empty() && input_type != "image") {
      out.append(R"(,"truncate":")").append(truncate).append("\"");
    }
    if (request_.dimensions && !options_.v3) {
      out += R"(,"output_dimension":)";
      json::append_integer(out, *request_.dimensions);
    }
    out += '}';
    line_.end_record();
  }

  const EmbeddingsRequest& request_;
  const Options& options_;
  TranslatedLine& line_;
};

// What v3 refuses.
Outcome check_inputs(const EmbeddingsRequest& request,
                     const Options& options,
                     const catalog::Model& model) {
  const bool cuts = options.truncate == Truncate::start || options.truncate == Truncate::end;
  for (std::size_t i = 0; i < request.inputs.size(); ++i) {
    const EmbeddingInput& input = request.inputs[i];
    if (!is_image(input)) {
      if (cuts || !is_longer(input.text, kCharactersMax)) continue;
      return invalid_value(request.place(i),
                           "is over " + std::to_string(kCharactersMax) +
                               " characters, the most that " + model.id +
                               " reads; split it, or set truncate to \"END\" or \"START\"");
    }
    if (input.media_type != "image/png" && input.media_type != "image/jpeg") {
      return invalid_value(request.place(i),
                           model.id + " reads images in PNG and JPEG only; convert it");
    }
    if (decoded_bytes(input.base64) > kImageBytesMax) {
      return invalid_value(request.place(i), "is over 5 MiB, the most that " + model.id +
                                                 " reads of an image; make it smaller");
    }
  }
  return {};
}

class CohereEmbedRequest final : public RequestFamily {
 public:
  Outcome append_embeddings(EmbeddingsRequest& request,
                            const catalog::Model& model,
                            TranslatedLine& line) override {
    auto fine = check_extensions(request, {.input_type = true, .truncate = true}, model.id);
    if (!fine) return fine;
    const auto options = options_of(request, model);
    if (!options) return std::unexpected(options.error());
    if (options->v3) {
      if (model.dimensions.empty()) fine = check_fixed_size(request, model.id);
      if (fine) fine = check_inputs(request, *options, model);
      if (!fine) return fine;
    }
    Writer writer(request, *options, line);
    options->v3 ? write_v3(request.inputs, writer) : write_v4(request.inputs, writer);
    return {};
  }

 private:
  // Texts together, images alone; in order, since the vectors come back in order.
  static void write_v3(std::span<const EmbeddingInput> inputs, Writer& writer) {
    while (!inputs.empty()) {
      const auto end =
          std::ranges::find_if(inputs.first(std::min(inputs.size(), kInputsMax)), is_image);
      const auto texts = static_cast<std::size_t>(end - inputs.begin());
      texts == 0 ? writer.append_image(inputs.front()) : writer.append_texts(inputs.first(texts));
      inputs = inputs.subspan(std::max<std::size_t>(texts, 1));
    }
  }

  static void write_v4(std::span<const EmbeddingInput> inputs, Writer& writer) {
    while (!inputs.empty()) {
      const auto record = inputs.first(std::min(inputs.size(), kInputsMax));
      std::ranges::any_of(record, is_image) ? writer.append_mixed(record)
                                            : writer.append_texts(record);
      inputs = inputs.subspan(record.size());
    }
  }
};

}  // namespace

std::unique_ptr<RequestFamily> make_cohere_embed_request() {
  return std::make_unique<CohereEmbedRequest>();
}

}  // namespace quarry::translate
