#pragma once
// The records of a direct job, one by one from its staged input, without those that have an answer.
// It has a small buffer of its own: a run that AWS throttles may take hours, and what holds
// transfer memory for so long keeps others from planning and collecting; and there are many runs.

#include "aws/s3_client.h"
#include "base/clock.h"
#include "base/task.h"
#include "json/line_splitter.h"
#include "store/batch_store.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace quarry::batch {

struct DirectRecord {
  store::DirectResultStore::Key key;
  std::string model_input;
  SysTime due;  // not to be called before
};

class DirectInput {
 public:
  // object: the job's input. answered: sorted. s3 outlives the input.
  DirectInput(aws::S3Client& s3,
              aws::S3Uri object,
              std::vector<store::DirectResultStore::Key> answered);

  // nullopt: that was the last; said again each time. Errors: those of reading S3; corrupt.
  Task<std::optional<DirectRecord>> next();

 private:
  Result<std::optional<DirectRecord>> parsed(std::string_view line) const;

  Task<void> read_more();

  aws::S3Client& s3_;
  aws::S3Uri object_;
  std::vector<std::byte> buffer_;
  std::uint64_t offset_ = 0;
  std::string etag_;
  json::LineSplitter lines_;
  std::vector<store::DirectResultStore::Key> answered_;
  bool ended_ = false;
};

}  // namespace quarry::batch
