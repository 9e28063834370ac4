#pragma once
// One POST /v1/uploads/{id}/parts on its way into S3: the form's part `data` is streamed into an
// object of its own as it comes.

#include "aws/deployment_set.h"
#include "base/transfer_memory.h"
#include "http/message.h"

#include <cstdint>
#include <memory>
#include <string>

namespace quarry::aws {
class ObjectWriter;
}

namespace quarry::files {

// 64 MiB: OpenAI's "64 MB", which its SDKs' default part size takes for MiB.
inline constexpr std::uint64_t kUploadPartBytesMax = std::uint64_t{64} << 20;

class PartReceiver {
 public:
  // deployment and memory outlive it.
  PartReceiver(const aws::Deployment& deployment, TransferMemory& memory, aws::S3Uri object);
  ~PartReceiver();
  // Once. Gives the part's size. On an error nothing is left in S3. Errors: invalid_request (form,
  // no or several parts `data`, empty, too large: reason "body_too_large"), and S3's.
  Task<std::uint64_t> receive(std::string content_type, http::BodyReader& body, Deadline deadline);

 private:
  struct Form;
  Task<void> stream(std::string content_type, http::BodyReader& body, Deadline deadline);
  Task<void> take_bytes(Deadline deadline);

  const aws::Deployment& deployment_;
  TransferMemory& memory_;
  aws::S3Uri object_;
  std::unique_ptr<Form> form_;
  std::unique_ptr<aws::ObjectWriter> writer_;
};

}  // namespace quarry::files
