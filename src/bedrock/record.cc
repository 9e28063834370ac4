#include "bedrock/record.h"

#include "json/reader.h"
#include "json/write.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace quarry::bedrock {

namespace {

constexpr std::size_t kRecordIdDigits = 10;
constexpr char kLineLetter = 'r';
constexpr char kPartLetter = 'p';
constexpr int kLineBase = 10;
constexpr int kPartBase = 36;
// 36^10: whatever a key of several may be, its id has room for it.
static_assert((kSeveralLineMax + 1) * kPartsMax <= 3'656'158'440'062'976);
// A record wraps what a line held, and a model's answer may be as deep again.
constexpr std::size_t kRecordDepthMax = 4 * json::kDepthMax;
constexpr int kErrorCodeUnknown = 500;

// A count, also written as a string; nullopt for anything else.
std::optional<std::int64_t> count_of(const std::optional<json::Value>& value) {
  if (!value) return std::nullopt;
  std::int64_t count = 0;
  const std::string_view digits = value->is(json::Kind::string) ? value->text() : value->raw();
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  const bool whole = failed == std::errc() && end == digits.data() + digits.size();
  return whole && count >= 0 ? std::optional(count) : std::nullopt;
}

bool true_at(json::Value object, std::string_view key) {
  const auto value = object.find(key);
  return value && value->is(json::Kind::boolean) && value->boolean();
}

int error_code(json::Value error) {
  const auto value = error.find_non_null("errorCode");
  if (!value) return kErrorCodeUnknown;
  int code = kErrorCodeUnknown;
  const std::string_view digits = value->is(json::Kind::string) ? value->text() : value->raw();
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), code);
  const bool whole = failed == std::errc() && end == digits.data() + digits.size();
  return whole && code >= 100 && code <= 599 ? code : kErrorCodeUnknown;
}

RecordError record_error(json::Value value) {
  RecordError error{.code = kErrorCodeUnknown, .message = {}, .expired = false, .retryable = false};
  if (value.is(json::Kind::string)) {
    error.message = value.text();
  } else if (value.is(json::Kind::object)) {
    error.code = error_code(value);
    const auto message = value.find_non_null("errorMessage");
    if (message && message->is(json::Kind::string)) error.message = message->text();
    error.expired = true_at(value, "expired");
    error.retryable = true_at(value, "retryable");
  } else {
    error.message = value.raw();
  }
  return error;
}

std::unexpected<Error> corrupt(std::string_view what, std::string_view why) {
  std::string message(what);
  message.append(": ").append(why);
  return fail(Errc::corrupt, std::move(message));
}

}  // namespace

std::string record_id(const RecordKey& key) {
  const std::uint64_t number = key.part ? key.line * kPartsMax + *key.part : key.line;
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number,
                                 key.part ? kPartBase : kLineBase)
                       .ptr;
  const auto count = static_cast<std::size_t>(end - digits.data());
  std::string id(1, key.part ? kPartLetter : kLineLetter);
  id.append(kRecordIdDigits - std::min(count, kRecordIdDigits), '0');
  id.append(digits.data(), count);
  return id;
}

std::optional<RecordKey> parse_record_id(std::string_view id) {
  if (id.size() != kRecordIdDigits + 1) return std::nullopt;
  const bool several = id.front() == kPartLetter;
  if (!several && id.front() != kLineLetter) return std::nullopt;
  // from_chars takes capitals for digits too, which we never write.
  if (std::ranges::any_of(id, [](char c) { return c >= 'A' && c <= 'Z'; })) return std::nullopt;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(id.data() + 1, id.data() + id.size(), number,
                                            several ? kPartBase : kLineBase);
  if (error != std::errc() || end != id.data() + id.size()) return std::nullopt;
  if (!several) return RecordKey{number, std::nullopt};
  return RecordKey{number / kPartsMax, static_cast<std::uint32_t>(number % kPartsMax)};
}

void append_input_record(std::string& out, const RecordKey& key, std::string_view model_input) {
  out.append(R"({"recordId":")").append(record_id(key));
  out.append(R"(","modelInput":)").append(model_input).append("}\n");
}

struct OutputRecordReader::State {
  json::Document document{kRecordDepthMax};
};

OutputRecordReader::OutputRecordReader() : state_(std::make_unique<State>()) {}
OutputRecordReader::~OutputRecordReader() = default;

Result<OutputRecord> OutputRecordReader::read(std::string_view line) {
  const auto root = state_->document.parse(line);
  if (!root) return corrupt("output record", json::message(root.error()));
  if (!root->is(json::Kind::object)) return corrupt("output record", "not an object");

  OutputRecord record;
  bool named = false;
  for (const auto [key, value] : root->members()) {
    if (value.is(json::Kind::null)) continue;  // Bedrock writes null for what is absent
    if (key == "recordId" && value.is(json::Kind::string)) {
      record.record_id = value.text();
      named = true;
    } else if (key == "modelOutput") {
      record.model_output = value.raw();
    } else if (key == "error") {
      record.error = record_error(value);
    }
  }
  if (!named) return corrupt("output record", "no recordId");
  if (!record.model_output && !record.error) {
    return corrupt("output record", "neither modelOutput nor error");
  }
  return record;
}

Result<InputRecord> parse_input_record(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  // The exact form that append_input_record writes, so that the views are into `line`.
  constexpr std::string_view head = R"({"recordId":")";
  constexpr std::string_view middle = R"(","modelInput":)";
  const std::size_t id_end = head.size() + kRecordIdDigits + 1;
  const std::size_t input_begin = id_end + middle.size();
  const bool ours = line.size() > input_begin + 1 && line.starts_with(head) &&
                    line.substr(id_end, middle.size()) == middle && line.ends_with('}');
  if (!ours) return corrupt("input record", "not a record that was written here");
  InputRecord record{.record_id = line.substr(head.size(), kRecordIdDigits + 1),
                     .model_input = line.substr(input_begin, line.size() - input_begin - 1)};
  if (!parse_record_id(record.record_id)) return corrupt("input record", "foreign recordId");
  json::Document document(kRecordDepthMax);
  const auto input = document.parse(record.model_input);
  if (!input) return corrupt("input record", json::message(input.error()));
  return record;
}

Result<Manifest> parse_manifest(std::string_view json) {
  json::Document document;
  const auto root = document.parse(json);
  if (!root) return corrupt("manifest", json::message(root.error()));
  if (!root->is(json::Kind::object)) return corrupt("manifest", "not an object");

  Manifest manifest;
  manifest.total_records = count_of(root->find("totalRecordCount"));
  manifest.processed_records = count_of(root->find("processedRecordCount"));
  manifest.success_records = count_of(root->find("successRecordCount"));
  manifest.error_records = count_of(root->find("errorRecordCount"));
  manifest.input_tokens = count_of(root->find("inputTokenCount"));
  manifest.output_tokens = count_of(root->find("outputTokenCount"));
  manifest.cache_read_tokens = count_of(root->find("cacheReadInputTokenCount"));
  manifest.cache_write_tokens = count_of(root->find("cacheWriteInputTokenCount"));
  return manifest;
}

}  // namespace quarry::bedrock
