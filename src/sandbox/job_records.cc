#include "sandbox/job_records.h"

#include "base/bytes.h"
#include "sandbox/model.h"
#include "sandbox/model_text.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <array>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::size_t kLineBytesMax = 32 << 20;
constexpr std::size_t kReadBytes = 1 << 20;
constexpr std::size_t kFlushBytes = 512 * 1024;
constexpr std::size_t kDepthMax = 256;
constexpr std::uint64_t kCancelEvery = 512;  // records between two looks at the flag

// Parses into memory that is used again for the next record.
class RecordParser {
 public:
  // The value lives until the next call.
  const json::value* parse(std::string_view text) {
    value_.reset();
    memory_.release();
    boost::system::error_code error;
    value_.emplace(json::parse(text, error, &memory_, {.max_depth = kDepthMax}));
    return error ? nullptr : &*value_;
  }

 private:
  std::array<unsigned char, 64 * 1024> first_;
  json::monotonic_resource memory_{first_.data(), first_.size()};
  std::optional<json::value> value_;
};

std::string joined(std::string_view prefix, std::string_view rest) {
  if (prefix.empty() || prefix.ends_with('/')) return fmt::format("{}{}", prefix, rest);
  return fmt::format("{}/{}", prefix, rest);
}

// The keys that an s3Uri means: the object of that name, else everything below it.
std::vector<ObjectPtr> input_objects(const ObjectStore& objects, const S3Location& location) {
  if (!location.key.empty() && !location.key.ends_with('/')) {
    if (auto one = objects.find(location.bucket, location.key)) return {one};
  }
  std::vector<ObjectPtr> found;
  ListQuery query{.prefix = location.key.empty() ? "" : joined(location.key, ""),
                  .delimiter = {},
                  .after = {},
                  .count_max = 1000};
  for (;;) {
    const ListPage page = objects.list(location.bucket, query);
    for (const auto& object : page.objects) {
      if (object->key.ends_with(".jsonl")) found.push_back(object);
    }
    if (!page.truncated) return found;
    query.after = page.last;
  }
}

std::string file_name_of(const std::string& key, const S3Location& location) {
  if (key == location.key) return key.substr(key.rfind('/') + 1);
  const std::string prefix = location.key.empty() ? "" : joined(location.key, "");
  return key.substr(prefix.size());
}

// Finds and checks the lines of one file. "" or the reason why not.
std::string scan_file(InputFile& file,
                      const std::string& key,
                      std::uint64_t& records,
                      const JobLimits& limits,
                      const CancelFlag& cancel) {
  RecordParser parser;
  std::string failure;
  std::uint64_t at = 0, line_number = 0;
  std::string carry;
  std::vector<std::byte> block(kReadBytes);
  const auto take = [&](std::string_view line, std::uint64_t offset) {
    ++line_number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (offset == 0 && line.starts_with("\xEF\xBB\xBF")) {
      line.remove_prefix(3);
      offset += 3;
    }
    if (line.find_first_not_of(" \t") == std::string_view::npos) return true;
    const json::value* value = parser.parse(line);
    if (value == nullptr || !value->is_object()) {
      failure =
          fmt::format("The input file {} is not a valid JSONL file: line {} is not a JSON object.",
                      key, line_number);
      return false;
    }
    file.records.push_back({.offset = offset, .size = static_cast<std::uint32_t>(line.size())});
    ++records;
    return records % kCancelEvery != 0 || !cancel->load();
  };
  while (at < file.bytes->size()) {
    const std::size_t count = file.bytes->read(at, block);
    std::string_view chunk(reinterpret_cast<const char*>(block.data()), count);
    std::uint64_t begin = at;  // of what is left of chunk
    at += count;
    for (std::size_t end = chunk.find('\n'); end != std::string_view::npos;
         end = chunk.find('\n')) {
      const bool whole = carry.empty();
      if (!whole) carry.append(chunk.substr(0, end));
      const std::string_view line = whole ? chunk.substr(0, end) : std::string_view(carry);
      if (!take(line, begin + end - line.size())) return failure;
      if (records > limits.records_max) return failure;
      carry.clear();
      chunk.remove_prefix(end + 1);
      begin += end + 1;
    }
    carry.append(chunk);
    if (carry.size() > kLineBytesMax)
      return fmt::format("The input file {} has a record that is too large.", key);
  }
  if (!carry.empty()) take(carry, at - carry.size());
  return failure;
}

}  // namespace

std::expected<std::vector<InputFile>, std::string> read_job_input(const ObjectStore& objects,
                                                                  const Job& job,
                                                                  const JobLimits& limits,
                                                                  const CancelFlag& cancel) {
  const auto say = [](std::string message) { return std::unexpected(std::move(message)); };
  const S3Location input = s3_location(job.input_uri());
  const S3Location output = s3_location(job.output_uri());
  for (const std::string& bucket : {input.bucket, output.bucket}) {
    if (!objects.bucket(bucket))
      return say(
          fmt::format("The S3 bucket {} does not exist or the role cannot access it.", bucket));
  }
  const auto found = input_objects(objects, input);
  if (found.empty()) {
    return say(fmt::format("Batch job {} has no input: no .jsonl file was found at {}.", job.arn,
                           job.input_uri()));
  }
  std::vector<InputFile> files;
  std::uint64_t records = 0, bytes = 0;
  for (const auto& object : found) {
    if (!object->key.ends_with(".jsonl"))
      return say(fmt::format("The input file {} does not end in .jsonl.", object->key));
    auto [opened, content] = objects.open(input.bucket, object->key);
    if (!opened) return say(fmt::format("The input file {} was deleted.", object->key));
    bytes += opened->size;
    if (opened->size > limits.file_bytes_max) {
      return say(fmt::format(
          "Batch job {} contains an input file of {} bytes, more than the allowed maximum of: {}",
          job.arn, opened->size, limits.file_bytes_max));
    }
    if (bytes > limits.job_bytes_max) {
      return say(fmt::format("Batch job {} is larger than the allowed maximum of: {} bytes",
                             job.arn, limits.job_bytes_max));
    }
    InputFile file{
        .name = file_name_of(object->key, input), .bytes = std::move(content), .records = {}};
    auto failure = scan_file(file, object->key, records, limits, cancel);
    if (!failure.empty()) return say(std::move(failure));
    if (records > limits.records_max) {
      return say(fmt::format("Batch job {} contains more records than the allowed maximum of: {}",
                             job.arn, limits.records_max));
    }
    files.push_back(std::move(file));
  }
  if (records < limits.records_min) {
    return say(
        fmt::format("Batch job {} contains less records ({}) than the required minimum of: {}",
                    job.arn, records, limits.records_min));
  }
  return files;
}

RecordRunner::RecordRunner(std::string job_id,
                           std::string model_id,
                           bool converse,
                           InputFile file,
                           const std::filesystem::path& temp_folder)
    : job_id_(std::move(job_id)),
      model_id_(std::move(model_id)),
      converse_(converse),
      file_(std::move(file)),
      output_(temp_folder),
      md5_(make_digest(DigestKind::md5)) {
  shuffle();
}

void RecordRunner::shuffle() {
  TextSource source({job_id_, file_.name});
  auto& records = file_.records;
  for (std::size_t i = records.size(); i > 1; --i)
    std::swap(records[i - 1], records[source.pick(i)]);
}

void RecordRunner::run(std::size_t count, RecordCounts& counts) {
  for (; count > 0 && !done(); --count, ++next_) {
    const RecordSpan& span = file_.records[next_];
    line_.resize(span.size);
    file_.bytes->read(span.offset, std::as_writable_bytes(std::span(line_)));
    pending_ += answer_line(line_, next_, counts);
    if (pending_.size() >= kFlushBytes) flush();
  }
  flush();
}

std::string RecordRunner::answer_line(std::string_view line,
                                      std::size_t index,
                                      RecordCounts& counts) const {
  std::string_view input, record_id;
  for (const RawMember& member : raw_members(line).value_or(std::vector<RawMember>{})) {
    if (member.key == "modelInput") input = member.value;
    if (member.key == "recordId") record_id = member.value;
  }
  // Bedrock adds an id where the record has none.
  const std::string made_id = fmt::format("\"CALL{:07}\"", index + 1);
  if (record_id.empty()) record_id = made_id;
  ModelResult result = std::unexpected(
      ModelError{.code = 400,
                 .message = "Malformed input request: #: required key [modelInput] not found, "
                            "please reformat your input and try again."});
  if (!input.empty()) {
    thread_local RecordParser parser;
    const json::value* request = parser.parse(input);
    if (request == nullptr || !request->is_object()) {
      result = std::unexpected(
          ModelError{.code = 400,
                     .message = "Malformed input request: expected type: JSONObject, please "
                                "reformat your input and try again."});
    } else {
      const std::string seed = fmt::format("{}{}", job_id_, record_id);
      result = converse_
                   ? answer_converse(request->get_object(), model_id_, seed, ConverseIn::batch)
                   : answer_native(request->get_object(), model_id_, seed);
    }
  }
  ++counts.processed;
  if (input.empty()) input = "null";
  if (result) {
    ++counts.success;
    counts.input_tokens += result->input_tokens;
    counts.output_tokens += result->output_tokens;
    return fmt::format("{{\"modelInput\":{},\"modelOutput\":{},\"recordId\":{}}}\n", input,
                       result->body, record_id);
  }
  ++counts.error;
  const ModelError& error = result.error();
  return fmt::format(
      "{{\"recordId\":{},\"modelInput\":{},\"error\":{{\"errorCode\":{},\"errorMessage\":{},"
      "\"expired\":false,\"retryable\":{}}}}}\n",
      record_id, input, error.code, json::serialize(json::string(error.message)),
      error.retryable());
}

void RecordRunner::flush() {
  const auto bytes = as_bytes(pending_);
  md5_->update(bytes);
  output_.write(bytes);
  written_ += bytes.size();
  pending_.clear();
}

Answer<ObjectPtr> RecordRunner::commit(ObjectStore& objects,
                                       const std::string& bucket,
                                       const std::string& key,
                                       SysTime now) {
  output_.close();
  ObjectMeta object;
  object.key = key;
  object.size = written_;
  object.etag = hex(as_bytes(md5_->finish()));
  object.modified = now;
  object.headers = {{"content-type", "application/octet-stream"},
                    {"x-amz-server-side-encryption", "AES256"}};
  return objects.commit(bucket, std::move(object), {{.file = output_.path(), .size = written_}},
                        {});
}

Answer<ObjectPtr> put_text(ObjectStore& objects,
                           const std::string& bucket,
                           const std::string& key,
                           std::string_view text,
                           SysTime now) {
  TempFile file(objects.temp_folder());
  file.write(as_bytes(text));
  file.close();
  ObjectMeta object;
  object.key = key;
  object.size = text.size();
  object.etag = hex(md5(as_bytes(text)));
  object.modified = now;
  object.headers = {{"content-type", "application/octet-stream"},
                    {"x-amz-server-side-encryption", "AES256"}};
  return objects.commit(bucket, std::move(object), {{.file = file.path(), .size = text.size()}},
                        {});
}

std::optional<std::vector<RawMember>> raw_members(std::string_view object) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto skip_space = [&](std::size_t at) {
    return std::min(object.find_first_not_of(kSpace, at), object.size());
  };
  const auto string_end = [&](std::size_t at) {  // past the closing quote
    for (++at; at < object.size() && object[at] != '"'; ++at) {
      if (object[at] == '\\') ++at;
    }
    return std::min(at + 1, object.size());
  };
  const auto value_end = [&](std::size_t at) {
    int depth = 0;
    while (at < object.size()) {
      const char c = object[at];
      if (c == '"') {
        at = string_end(at);
        if (depth == 0) return at;
        continue;
      }
      if (depth == 0 && (c == ',' || c == '}' || kSpace.find(c) != std::string_view::npos))
        return at;
      if (c == '{' || c == '[') ++depth;
      if ((c == '}' || c == ']') && --depth == 0) return at + 1;
      ++at;
    }
    return at;
  };
  std::vector<RawMember> members;
  std::size_t at = skip_space(0);
  if (at == object.size() || object[at] != '{') return std::nullopt;
  at = skip_space(at + 1);
  while (at < object.size() && object[at] == '"') {
    const std::size_t key_end = string_end(at);
    const std::string_view key = object.substr(at + 1, key_end - at - 2);
    const std::size_t colon = skip_space(key_end);
    const std::size_t begin = skip_space(colon + 1);
    if (begin >= object.size()) return std::nullopt;
    const std::size_t end = value_end(begin);
    members.push_back({.key = key, .value = object.substr(begin, end - begin)});
    at = skip_space(end);
    if (at >= object.size() || object[at] != ',') break;
    at = skip_space(at + 1);
  }
  return members;
}

}  // namespace quarry::sandbox
