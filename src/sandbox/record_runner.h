#pragma once
// Answers one input file's records and writes the rows of its output. Blocking: for the pool.
// Memory: one record's text and half a megabyte of rows.

#include "sandbox/digest.h"
#include "sandbox/disk.h"
#include "sandbox/job_records.h"
#include "sandbox/model.h"
#include "sandbox/object_store.h"
#include "sandbox/row_faults.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace quarry::sandbox {

struct RecordCounts {
  std::uint64_t processed = 0;
  std::uint64_t success = 0;
  std::uint64_t error = 0;
  std::uint64_t input_tokens = 0;
  std::uint64_t output_tokens = 0;
};

using ObjectHeaders = std::vector<std::pair<std::string, std::string>>;

// The records come in an order that only the job's id decides.
class RecordRunner {
 public:
  RecordRunner(const Job& job,
               InputFile file,
               std::shared_ptr<const RowFaults> faults,
               const std::filesystem::path& temp_folder);

  bool done() const { return next_ == file_.records.size(); }
  // The next `count` records; adds to `counts`.
  void run(std::size_t count, RecordCounts& counts);
  // Rows that say of every record left that its time ran out.
  void expire_rest();
  // Rows of records that nobody sent.
  void add_unknown(std::uint64_t count);
  // Makes what has been written so far the object. The runner is of no use afterwards.
  Answer<ObjectPtr> commit(ObjectStore& objects,
                           const std::string& bucket,
                           const std::string& key,
                           SysTime now);
  // An object of the first so many bytes, without a line's end at its end. The runner goes on.
  Answer<ObjectPtr> commit_cut(ObjectStore& objects,
                               const std::string& bucket,
                               const std::string& key,
                               SysTime now,
                               std::uint64_t bytes) const;
  std::uint64_t written_bytes() const { return written_; }
  const std::string& name() const { return file_.name; }

 private:
  struct Record {
    std::string_view id;     // a JSON token
    std::string_view input;  // a JSON token; "" when there is none
  };

  void shuffle();
  Record read_next();
  ModelResult answer(const Record& record) const;
  void append_result(const Record& record, const ModelResult& result);
  void append_error(const Record& record, const RecordError& error, bool expired);
  void spoil_row(std::size_t begin, RowFate fate);
  void flush();

  std::string job_id_;
  ObjectHeaders encryption_;  // of what is written
  std::string model_id_;
  bool converse_;
  InputFile file_;
  std::shared_ptr<const RowFaults> faults_;
  std::size_t next_ = 0;
  TempFile output_;
  std::unique_ptr<Digest> md5_;
  std::uint64_t written_ = 0;
  std::string pending_;  // rows not yet written
  std::string line_;
  std::string made_id_;
};

// A small object: manifest.json.out.
Answer<ObjectPtr> put_text(ObjectStore& objects,
                           const std::string& bucket,
                           const std::string& key,
                           std::string_view text,
                           const ObjectHeaders& encryption,
                           SysTime now);

}  // namespace quarry::sandbox
