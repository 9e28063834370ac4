#pragma once
// Files as clients know them: received, listed, read, deleted. Bytes live in S3 as segments, what
// is known of them in the database.

#include "access/authenticator.h"
#include "aws/deployment_set.h"
#include "base/blocking_pool.h"
#include "base/clock.h"
#include "base/transfer_memory.h"
#include "http/message.h"
#include "store/file_store.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace quarry::files {

// How long a transfer waits for memory that others hold before it is refused: well within an SDK's
// 300 s.
inline constexpr std::chrono::seconds kMemoryWaitMax{60};

struct FileLimits {
  std::uint64_t upload_bytes_max = std::uint64_t{16} << 30;
  std::size_t line_bytes_max = std::size_t{16} << 20;
  std::chrono::hours transfer_time_max{6};
};

struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

struct Content {
  store::FileRow file;
  std::uint64_t bytes = 0;  // of the stream
  std::unique_ptr<http::BodyReader> stream;
};

// Loop thread. Everything it is given outlives it.
class FileService {
 public:
  FileService(store::FileStore& store,
              const aws::DeploymentSet& deployments,
              TransferMemory& memory,
              BlockingPool& pool,
              const Clock& clock,
              FileLimits limits)
      : store_(store),
        deployments_(deployments),
        memory_(memory),
        pool_(pool),
        clock_(clock),
        limits_(limits) {}

  // Streams a multipart form into S3 while scanning it; the row is written once all bytes are safe.
  // Nothing of a failed upload remains, but for parts that the janitor finds if S3 was gone too.
  // Errors: invalid_request (form, purpose, first line not JSON, too large: reason
  // "body_too_large", too many lines), limited (files of a day: before a byte is read), and S3's.
  Task<store::FileRow> receive(std::string content_type,
                               http::BodyReader& body,
                               access::Caller caller);

  Task<store::FileRow> find(FileId id, access::Caller caller);
  Task<store::Page<store::FileRow>> list(store::ListQuery query);
  Task<void> remove(FileId id, access::Caller caller);
  // The whole file, or a range of it that lies inside. Its first bytes are read before this
  // returns, so that what S3 refuses is an answer. The stream holds two transfer buffers until it
  // is read or destroyed. Errors: not_found; unavailable when a segment's deployment is no longer
  // configured; S3's, but for corrupt where it does not have the object.
  Task<Content> open(FileId id, access::Caller caller, std::optional<ByteRange> range);

 private:
  store::FileStore& store_;
  const aws::DeploymentSet& deployments_;
  TransferMemory& memory_;
  BlockingPool& pool_;
  const Clock& clock_;
  FileLimits limits_;
};

// A file's bytes, segment after segment. deployments and memory outlive it.
std::unique_ptr<http::BodyReader> read_segments(std::vector<store::SegmentRow> segments,
                                                const aws::DeploymentSet& deployments,
                                                TransferMemory& memory,
                                                std::optional<ByteRange> range,
                                                Deadline deadline);

}  // namespace quarry::files
