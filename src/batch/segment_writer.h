#pragma once
// One segment of an output or error file, made only if there is something to write.

#include "aws/deployment_set.h"
#include "aws/object_stream.h"
#include "base/transfer_memory.h"
#include "store/rows.h"

#include <memory>
#include <optional>
#include <string>

namespace quarry::batch {

class SegmentWriter {
 public:
  // memory and deployment outlive it. name: below the deployment's prefix.
  SegmentWriter(TransferMemory& memory,
                const aws::Deployment& deployment,
                std::string object_name,
                int n)
      : memory_(memory), deployment_(deployment), object_(deployment.object(object_name)), n_(n) {}

  // Writes and clears `text`.
  Task<void> write(std::string& text, Deadline deadline);
  // nullopt if nothing was written.
  Task<std::optional<store::SegmentRow>> finish(Deadline deadline);
  Awaitable<void> abort();

 private:
  TransferMemory& memory_;
  const aws::Deployment& deployment_;
  aws::S3Uri object_;
  int n_;
  std::unique_ptr<aws::ObjectWriter> writer_;
};

}  // namespace quarry::batch
