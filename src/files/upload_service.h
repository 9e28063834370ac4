#pragma once
// The Uploads API: a file that comes in parts, in any order and several at once, until the client
// names the parts that make it. Each part is an S3 object of its own; completing makes those named
// the segments of a file, so nothing is copied. (One form with a whole file: file_service.h.)

#include "access/authenticator.h"
#include "files/file_service.h"
#include "openai/upload_requests.h"
#include "store/upload_store.h"

#include <boost/asio/steady_timer.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace quarry::files {

// OpenAI's "8 GB", an hour.
inline constexpr std::uint64_t kUploadBytesMax = std::uint64_t{8} << 30;
inline constexpr std::int64_t kUploadLifeSeconds = 3600;
inline constexpr std::int64_t kUploadPartsMax = 10'000;

struct UploadView {
  store::UploadRow upload;
  std::optional<store::FileRow> file;  // once completed
};

// Loop thread. Everything it is given outlives it. Errors of every call but create: not_found (also
// another owner's), invalid_request (the upload is no longer pending).
class UploadService {
 public:
  UploadService(store::UploadStore& uploads,
                store::FileStore& files,
                const aws::DeploymentSet& deployments,
                TransferMemory& memory,
                BlockingPool& pool,
                const Clock& clock,
                FileLimits limits)
      : uploads_(uploads),
        files_(files),
        deployments_(deployments),
        memory_(memory),
        pool_(pool),
        clock_(clock),
        limits_(limits) {}

  // Errors: invalid_request (purpose, models, more bytes than kUploadBytesMax or the server's own
  // limit).
  Task<UploadView> create(openai::CreateUpload request, access::Caller caller);
  // Streams the form's part `data` into S3. Errors: those of PartReceiver::receive.
  Task<store::UploadPartRow> add_part(store::UploadId id,
                                      std::string content_type,
                                      http::BodyReader& body,
                                      access::Caller caller);
  // Reads the parts once, where there is something to learn from them: an MD5, or the lines of a
  // batch's input. A repeat with the same parts gets the same answer: SDKs repeat what they lost.
  // Errors: invalid_request (parts unknown or named twice, not `bytes` in all, another MD5, no
  // batch input), and S3's.
  Task<UploadView> complete(store::UploadId id,
                            openai::CompleteUpload request,
                            access::Caller caller);
  Task<UploadView> cancel(store::UploadId id, access::Caller caller);

 private:
  class Completing;  // holds an upload's place in completing_
  // The listed parts, in order. Errors: invalid_request.
  Result<std::vector<store::UploadPartRow>> pick(const store::UploadRow& upload,
                                                 const openai::CompleteUpload& request,
                                                 std::vector<store::UploadPartRow> parts) const;
  Task<UploadView> complete_pending(store::UploadRow upload,
                                    openai::CompleteUpload request,
                                    access::Caller caller);
  // The answer to a repeat.
  Task<UploadView> completed_before(store::UploadRow upload, openai::CompleteUpload request);
  // Reads the parts. Gives the stored scan of a batch's input, "" for other purposes.
  Task<std::string> examine(const store::UploadRow& upload,
                            const std::vector<store::SegmentRow>& segments,
                            std::string md5_hex,
                            access::Caller caller);

  store::UploadStore& uploads_;
  store::FileStore& files_;
  const aws::DeploymentSet& deployments_;
  TransferMemory& memory_;
  BlockingPool& pool_;
  const Clock& clock_;
  FileLimits limits_;
  // Uploads that are being completed now; who finds one waits for its timer, which ends with it.
  std::map<store::UploadId, std::shared_ptr<boost::asio::steady_timer>> completing_;
};

}  // namespace quarry::files
