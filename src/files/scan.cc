#include "files/scan.h"

#include "files/custom_id_set.h"
#include "json/line_splitter.h"
#include "openai/batch_line.h"

#include <boost/json.hpp>
#include <fmt/format.h>

namespace quarry::files {

namespace {

// OpenAI's words, which begin with the API that the request is for.
std::string streaming_message(std::string_view url) {
  std::string_view api = "Chat Completions";
  switch (openai::parse_endpoint(url).value_or(openai::Endpoint::chat_completions)) {
    case openai::Endpoint::chat_completions:
      break;
    case openai::Endpoint::completions:
      api = "Completions";
      break;
    case openai::Endpoint::embeddings:
      api = "Embeddings";
      break;
    case openai::Endpoint::responses:
      api = "Responses";
      break;
  }
  return fmt::format("{}: Streaming is not supported in the Batch API.", api);
}

}  // namespace

struct Scanner::State {
  explicit State(std::size_t max) : line_bytes_max(max), splitter(max) { scan.sizes.emplace(); }

  std::size_t line_bytes_max;
  json::LineSplitter splitter;
  openai::BatchLineReader reader;
  CustomIdSet custom_ids;
  Scan scan;
  // Where the model of the last line is counted: most files have one. nullptr: none yet.
  std::uint64_t* lines_of_model = nullptr;
  openai::RequestSize* size_of_model = nullptr;
  openai::RequestSize* largest_of_model = nullptr;
  std::string last_model;

  void line(const json::LineSplitter::Line& line);
  void count(const openai::BatchLine& line);
  void add_error(std::uint64_t number, std::string code, std::string message, std::string param);
  bool room_for_another(std::size_t names);
};

Scanner::Scanner(std::size_t line_bytes_max) : state_(std::make_unique<State>(line_bytes_max)) {}
Scanner::~Scanner() = default;

void Scanner::State::add_error(std::uint64_t number,
                               std::string code,
                               std::string message,
                               std::string param) {
  ++scan.error_count;
  if (scan.errors.size() < kScanErrorsMax) {
    scan.errors.push_back(
        {std::move(code), std::move(message), std::move(param), static_cast<std::int64_t>(number)});
  }
}

bool Scanner::State::room_for_another(std::size_t names) {
  if (names < kScanNamesMax) return true;
  scan.names_overflow = true;
  return false;
}

// Models beyond those that are remembered are counted nowhere: such a file makes no batch.
void Scanner::State::count(const openai::BatchLine& line) {
  if (!size_of_model || line.model != last_model) {
    last_model = line.model;
    const bool named = !last_model.empty();
    if (!named) scan.without_model = true;
    const bool room =
        !named || scan.models.contains(last_model) || room_for_another(scan.models.size());
    lines_of_model = named && room ? &scan.models[last_model] : nullptr;
    size_of_model = room ? &(*scan.sizes)[last_model] : nullptr;
    largest_of_model = room ? &scan.largest[last_model] : nullptr;
  }
  if (lines_of_model) ++*lines_of_model;
  if (!size_of_model || !largest_of_model) return;
  const openai::RequestSize size = reader.size();
  *size_of_model += size;
  largest_of_model->raise_to(size);
}

void Scanner::State::line(const json::LineSplitter::Line& line) {
  ++scan.lines;
  if (line.too_long) {
    add_error(line.number, "invalid_request",
              fmt::format("This line is longer than the maximum of {} bytes.", line_bytes_max), "");
    return;
  }
  const auto read = reader.read(line.text);
  if (!read) {
    if (scan.lines == 1) {
      scan.first_line_is_json = read.error().code != "invalid_json_line" &&
                                (line.text.starts_with('{') || line.text.starts_with('['));
    }
    add_error(line.number, read.error().code, read.error().message, read.error().param);
    return;
  }
  if (scan.lines == 1) scan.first_line_is_json = true;
  if (read->url.size() > kNameBytesMax || read->model.size() > kNameBytesMax) {
    const bool url_too_long = read->url.size() > kNameBytesMax;
    add_error(line.number, "invalid_request",
              fmt::format("{} is longer than the maximum of {} bytes.",
                          url_too_long ? "url" : "body.model", kNameBytesMax),
              url_too_long ? "url" : "body.model");
    return;
  }
  const std::string url(read->url);
  if (!scan.urls.contains(url) && room_for_another(scan.urls.size())) scan.urls.insert(url);
  count(*read);
  if (read->custom_id.size() > kCustomIdBytesMax) {
    add_error(line.number, "invalid_request",
              fmt::format("custom_id is longer than the maximum of {} bytes.", kCustomIdBytesMax),
              "custom_id");
  } else if (!custom_ids.insert(read->custom_id)) {
    add_error(line.number, "duplicate_custom_id",
              "The custom_id for this request is a duplicate of another request.", "custom_id");
  }
  if (read->stream) {
    add_error(line.number, "streaming_unsupported", streaming_message(read->url), "body.stream");
  }
}

void Scanner::feed(std::span<const std::byte> bytes) {
  state_->splitter.feed(bytes);
  json::LineSplitter::Line line;
  while (state_->splitter.next(line)) state_->line(line);
}

Scan Scanner::finish() {
  json::LineSplitter::Line line;
  if (state_->splitter.finish(line)) state_->line(line);
  return std::move(state_->scan);
}

namespace {

// One list a model, for there may be hundreds of a file.
boost::json::array numbers_of(const openai::RequestSize& size) {
  return {size.text_bytes, size.token_ids,         size.messages,          size.media,
          size.answers,    size.output_tokens_max, size.unlimited_answers, size.high_effort_answers,
          size.body_bytes};
}

boost::json::value lists_of(const std::map<std::string, openai::RequestSize>& sizes) {
  boost::json::object lists;
  for (const auto& [model, size] : sizes) lists[model] = numbers_of(size);
  return lists;
}

openai::RequestSize size_of_numbers(const boost::json::value& numbers) {
  // A version that looked at less wrote a shorter list.
  const boost::json::array& list = numbers.as_array();
  const auto at = [&](std::size_t i) {
    return i < list.size() ? list.at(i).to_number<std::int64_t>() : 0;
  };
  return {at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7), at(8)};
}

std::map<std::string, openai::RequestSize> sizes_of_lists(const boost::json::object& lists) {
  std::map<std::string, openai::RequestSize> sizes;
  for (const auto& [model, numbers] : lists) sizes.emplace(model, size_of_numbers(numbers));
  return sizes;
}

}  // namespace

std::string to_json(const Scan& scan) {
  boost::json::value sizes;
  if (scan.sizes) sizes = lists_of(*scan.sizes);
  return boost::json::serialize(
      boost::json::value{{"lines", scan.lines},
                         {"error_count", scan.error_count},
                         {"errors", openai::to_json(scan.errors)},
                         {"models", boost::json::value_from(scan.models)},
                         {"sizes", std::move(sizes)},
                         {"largest", lists_of(scan.largest)},
                         {"urls", boost::json::value_from(scan.urls)},
                         {"names_overflow", scan.names_overflow},
                         {"without_model", scan.without_model},
                         {"first_line_is_json", scan.first_line_is_json}});
}

Result<Scan> parse_scan(std::string_view text) {
  try {
    const boost::json::value value = boost::json::parse(text);
    auto errors = openai::parse_batch_errors(boost::json::serialize(value.at("errors")));
    if (!errors) return fail(std::move(errors.error()));
    Scan scan;
    scan.lines = value.at("lines").to_number<std::uint64_t>();
    scan.error_count = value.at("error_count").to_number<std::uint64_t>();
    scan.errors = std::move(*errors);
    scan.models = boost::json::value_to<std::map<std::string, std::uint64_t>>(value.at("models"));
    scan.urls = boost::json::value_to<std::set<std::string>>(value.at("urls"));
    scan.names_overflow = value.at("names_overflow").as_bool();
    scan.without_model = value.at("without_model").as_bool();
    scan.first_line_is_json = value.at("first_line_is_json").as_bool();
    if (const auto* sizes = value.as_object().if_contains("sizes"); sizes && sizes->is_object()) {
      scan.sizes = sizes_of_lists(sizes->as_object());
    }
    if (const auto* largest = value.as_object().if_contains("largest")) {
      scan.largest = sizes_of_lists(largest->as_object());
    }
    return scan;
  } catch (const std::exception& e) {
    return fail(Errc::corrupt,
                fmt::format("the stored scan of the file is not readable: {}", e.what()));
  }
}

}  // namespace quarry::files
