#include "sandbox/record_runner.h"

#include "base/bytes.h"
#include "sandbox/job_access.h"
#include "sandbox/model_text.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::size_t kFlushBytes = 512 * 1024;
constexpr std::size_t kCopyBytes = 1 << 20;

RecordError refusal(int code, std::string_view why) {
  return {.code = code,
          .message = fmt::format("Malformed input request: {}, please reformat your input and try "
                                 "again.",
                                 why),
          .retryable = false};
}

Answer<ObjectPtr> commit_file(ObjectStore& objects,
                              const std::string& bucket,
                              const std::string& key,
                              SysTime now,
                              const StoredBytes::Piece& piece,
                              std::string etag,
                              const ObjectHeaders& encryption) {
  ObjectMeta object;
  object.key = key;
  object.size = piece.size;
  object.etag = std::move(etag);
  object.modified = now;
  object.headers = encryption;
  object.headers.emplace_back("content-type", "application/octet-stream");
  return objects.commit(bucket, std::move(object), {piece}, {});
}

}  // namespace

RecordRunner::RecordRunner(const Job& job,
                           InputFile file,
                           std::shared_ptr<const RowFaults> faults,
                           const std::filesystem::path& temp_folder)
    : job_id_(job.id),
      encryption_(output_encryption(job)),
      model_id_(job.text("modelId")),
      converse_(job.text("modelInvocationType") == "Converse"),
      file_(std::move(file)),
      faults_(std::move(faults)),
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
  for (; count > 0 && !done(); --count) {
    const std::uint64_t index = file_.records[next_].index;
    const Record record = read_next();
    const std::size_t begin = pending_.size();
    ++counts.processed;
    if (const RecordError* error = faults_->error_of(index)) {
      ++counts.error;
      append_error(record, *error, false);
    } else if (const ModelResult result = answer(record); result) {
      ++counts.success;
      counts.input_tokens += result->input_tokens;
      counts.output_tokens += result->output_tokens;
      append_result(record, result);
    } else {
      ++counts.error;
      append_result(record, result);
    }
    if (const RowFate fate = faults_->fate_of(index); fate != RowFate::normal)
      spoil_row(begin, fate);
    if (pending_.size() >= kFlushBytes) flush();
  }
  flush();
}

void RecordRunner::expire_rest() {
  const RecordError error{.code = 408,
                          .message = "The record was not processed before the job expired.",
                          .retryable = true};
  while (!done()) {
    append_error(read_next(), error, true);
    if (pending_.size() >= kFlushBytes) flush();
  }
  flush();
}

void RecordRunner::add_unknown(std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    fmt::format_to(std::back_inserter(pending_),
                   "{{\"modelInput\":{{}},\"modelOutput\":{{}},\"recordId\":\"unknown{:07}\"}}\n",
                   i + 1);
  }
  flush();
}

RecordRunner::Record RecordRunner::read_next() {
  const RecordSpan& span = file_.records[next_++];
  line_.resize(span.size);
  file_.bytes->read(span.offset, std::as_writable_bytes(std::span(line_)));
  Record record;
  for (const RawMember& member : raw_members(line_).value_or(std::vector<RawMember>{})) {
    if (member.key == "modelInput") record.input = member.value;
    if (member.key == "recordId") record.id = member.value;
  }
  // Bedrock adds an id where the record has none.
  if (record.id.empty()) {
    made_id_ = fmt::format("\"CALL{:07}\"", next_);
    record.id = made_id_;
  }
  return record;
}

ModelResult RecordRunner::answer(const Record& record) const {
  const auto malformed = [](std::string_view why) {
    const RecordError error = refusal(400, why);
    return std::unexpected(ModelError{.code = error.code, .message = error.message});
  };
  if (record.input.empty()) return malformed("#: required key [modelInput] not found");
  thread_local RecordParser parser;
  const json::value* request = parser.parse(record.input);
  if (request == nullptr || !request->is_object()) return malformed("expected type: JSONObject");
  const std::string seed = fmt::format("{}{}", job_id_, record.id);
  return converse_ ? answer_converse(request->get_object(), model_id_, seed, ConverseIn::batch)
                   : answer_native(request->get_object(), model_id_, seed);
}

void RecordRunner::append_result(const Record& record, const ModelResult& result) {
  if (!result) {
    const ModelError& error = result.error();
    append_error(record,
                 {.code = error.code, .message = error.message, .retryable = error.retryable()},
                 false);
    return;
  }
  pending_.append("{\"modelInput\":").append(record.input);
  pending_.append(",\"modelOutput\":").append(result->body);
  pending_.append(",\"recordId\":").append(record.id).append("}\n");
}

void RecordRunner::append_error(const Record& record, const RecordError& error, bool expired) {
  fmt::format_to(
      std::back_inserter(pending_),
      "{{\"recordId\":{},\"modelInput\":{},\"error\":{{\"errorCode\":{},\"errorMessage\":{},"
      "\"expired\":{},\"retryable\":{}}}}}\n",
      record.id, record.input.empty() ? "null" : record.input, error.code,
      json::serialize(json::string(error.message)), expired, error.retryable);
}

// The row that begins at `begin` of what is pending and ends there.
void RecordRunner::spoil_row(std::size_t begin, RowFate fate) {
  switch (fate) {
    case RowFate::normal:
      return;
    case RowFate::missing:
      pending_.resize(begin);
      return;
    case RowFate::duplicate:
      pending_.append(pending_.substr(begin));
      return;
    case RowFate::unreadable:
      pending_.resize(begin + (pending_.size() - begin) / 2);
      pending_.push_back('\n');
      return;
    case RowFate::huge:
      pending_.resize(pending_.size() - 2);  // "}\n"
      pending_.append(",\"padding\":\"").append(faults_->huge_bytes(), 'x').append("\"}\n");
      return;
  }
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
  return commit_file(objects, bucket, key, now, {.file = output_.path(), .size = written_},
                     hex(as_bytes(md5_->finish())), encryption_);
}

Answer<ObjectPtr> RecordRunner::commit_cut(ObjectStore& objects,
                                           const std::string& bucket,
                                           const std::string& key,
                                           SysTime now,
                                           std::uint64_t bytes) const {
  const StoredBytes written({{.file = output_.path(), .size = written_}});
  std::byte last{};
  if (bytes > 0 && written.read(bytes - 1, {&last, 1}) == 1 && last == std::byte{'\n'}) --bytes;
  TempFile copy(objects.temp_folder());
  const auto md5 = make_digest(DigestKind::md5);
  std::vector<std::byte> block(kCopyBytes);
  for (std::uint64_t at = 0; at < bytes;) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(bytes - at, kCopyBytes));
    const std::size_t count = written.read(at, std::span(block).first(want));
    md5->update(std::span(block).first(count));
    copy.write(std::span(block).first(count));
    at += count;
  }
  copy.close();
  return commit_file(objects, bucket, key, now, {.file = copy.path(), .size = bytes},
                     hex(as_bytes(md5->finish())), encryption_);
}

Answer<ObjectPtr> put_text(ObjectStore& objects,
                           const std::string& bucket,
                           const std::string& key,
                           std::string_view text,
                           const ObjectHeaders& encryption,
                           SysTime now) {
  TempFile file(objects.temp_folder());
  file.write(as_bytes(text));
  file.close();
  return commit_file(objects, bucket, key, now, {.file = file.path(), .size = text.size()},
                     hex(md5(as_bytes(text))), encryption);
}

}  // namespace quarry::sandbox
