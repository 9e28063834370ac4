#pragma once
// The records of a job: found and checked in its input objects, answered in a shuffled order,
// written as the output objects. Blocking: for the pool. Memory: 16 bytes a record and one record's
// text.

#include "sandbox/digest.h"
#include "sandbox/disk.h"
#include "sandbox/jobs.h"
#include "sandbox/object_store.h"

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

namespace quarry::sandbox {

struct JobLimits {
  std::uint64_t records_min = 100;
  std::uint64_t records_max = 50'000;
  std::uint64_t file_bytes_max = std::uint64_t{1} << 30;
  std::uint64_t job_bytes_max = std::uint64_t{5} << 30;
};

struct RecordSpan {
  std::uint64_t offset = 0;
  std::uint32_t size = 0;
};

struct InputFile {
  std::string name;  // its key below the job's prefix: "input.jsonl"
  std::shared_ptr<StoredBytes> bytes;
  std::vector<RecordSpan> records;
};

// Raised by whoever wants the work to end early.
using CancelFlag = std::shared_ptr<std::atomic<bool>>;

// What Validating looks at: the objects are there and end in .jsonl, every line is a JSON object,
// the counts and sizes are within the limits. The error is the job's message.
std::expected<std::vector<InputFile>, std::string> read_job_input(const ObjectStore& objects,
                                                                  const Job& job,
                                                                  const JobLimits& limits,
                                                                  const CancelFlag& cancel);

struct RecordCounts {
  std::uint64_t processed = 0;
  std::uint64_t success = 0;
  std::uint64_t error = 0;
  std::uint64_t input_tokens = 0;
  std::uint64_t output_tokens = 0;
};

// Answers one input file's records in an order that only the job's id decides.
class RecordRunner {
 public:
  RecordRunner(std::string job_id,
               std::string model_id,
               bool converse,
               InputFile file,
               const std::filesystem::path& temp_folder);

  bool done() const { return next_ == file_.records.size(); }
  // The next `count` records; adds to `counts`.
  void run(std::size_t count, RecordCounts& counts);
  // Makes what has been written so far the object. The runner is of no use afterwards.
  Answer<ObjectPtr> commit(ObjectStore& objects,
                           const std::string& bucket,
                           const std::string& key,
                           SysTime now);
  const std::string& name() const { return file_.name; }

 private:
  void shuffle();
  std::string answer_line(std::string_view line, std::size_t index, RecordCounts& counts) const;
  void flush();

  std::string job_id_;
  std::string model_id_;
  bool converse_;
  InputFile file_;
  std::size_t next_ = 0;
  TempFile output_;
  std::unique_ptr<Digest> md5_;
  std::uint64_t written_ = 0;
  std::string pending_;  // lines not yet written
  std::string line_;
};

// A small object: manifest.json.out.
Answer<ObjectPtr> put_text(ObjectStore& objects,
                           const std::string& bucket,
                           const std::string& key,
                           std::string_view text,
                           SysTime now);

// The members of a JSON object as they stand in its text: no value is parsed or copied. `object`
// must be well-formed JSON; nullopt if it is no object.
struct RawMember {
  std::string_view key;    // without quotes, escapes as written
  std::string_view value;  // the token
};
std::optional<std::vector<RawMember>> raw_members(std::string_view object);

}  // namespace quarry::sandbox
