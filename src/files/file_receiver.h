#pragma once
// One POST /v1/files on its way into S3: form parts in any order, the file streamed, scanned and
// stored as it comes.

#include "files/file_form.h"
#include "files/file_service.h"
#include "files/scan.h"

#include <memory>
#include <string>
#include <vector>

namespace quarry::aws {
class ObjectWriter;
}

namespace quarry::files {

struct Received {
  store::FileRow file;
  store::SegmentRow segment;
};

class FileReceiver {
 public:
  FileReceiver(const aws::DeploymentSet& deployments,
               TransferMemory& memory,
               BlockingPool& pool,
               const Clock& clock,
               const FileLimits& limits);
  ~FileReceiver();
  // Once. On an error nothing is left in S3.
  Task<Received> receive(std::string content_type, http::BodyReader& body, access::Caller caller);
  // What was received is not to be kept after all.
  Awaitable<void> discard();

 private:
  struct Form;
  Task<void> stream(std::string content_type, http::BodyReader& body);
  Task<void> take_file_bytes();
  Task<void> open_object();
  Task<Received> conclude();

  const aws::DeploymentSet& deployments_;
  TransferMemory& memory_;
  BlockingPool& pool_;
  const Clock& clock_;
  const FileLimits& limits_;
  access::Caller caller_;
  Deadline deadline_;
  FileId id_;
  aws::DeploymentPtr deployment_;
  std::unique_ptr<Form> form_;
  std::unique_ptr<Scanner> scanner_;
  std::unique_ptr<aws::ObjectWriter> writer_;
};

}  // namespace quarry::files
