#pragma once
// Objects of any size through buffers of one size: read by ranges, written by parts.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "aws/s3_client.h"
#include "base/transfer_memory.h"

namespace quarry::aws {

// Writes one object. At most one part is in flight while the next is filled, so it holds two buffers at most. An object that fits
// in one buffer is a single PutObject. Bytes become visible in S3 only with finish().
class ObjectWriter {
 public:
  // Takes `buffers` (two, from TransferMemory::acquire). s3 outlives the writer.
  ObjectWriter(S3Client& s3, S3Uri object, std::vector<TransferBuffer> buffers);
  ~ObjectWriter();
  ObjectWriter(const ObjectWriter&) = delete;
  ObjectWriter& operator=(const ObjectWriter&) = delete;

  // Errors: as S3Client. After one, only abort() may follow.
  Task<void> write(std::span<const std::byte> bytes, Deadline deadline);
  // Sends what is left and makes the object. Gives its size. An empty object is made too.
  Task<std::uint64_t> finish(Deadline deadline);
  // Drops the multipart upload, if one was begun. For the error path; destroying an unfinished writer without it leaves
  // parts behind, for the janitor.
  Awaitable<void> abort();
  std::uint64_t written_bytes() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Reads one object from the start in windows of kTransferBufferBytes, the next window fetched while this one is
// used. Every window after the first must have the first one's etag.
class ObjectReader {
 public:
  // Takes `buffers` (two).
  ObjectReader(S3Client& s3, S3Uri object, std::vector<TransferBuffer> buffers);
  ~ObjectReader();
  ObjectReader(const ObjectReader&) = delete;
  ObjectReader& operator=(const ObjectReader&) = delete;

  // Where to begin and how much to give at most; before the first read(). Default: all of it.
  void set_range(std::uint64_t offset, std::uint64_t length);
  // The next window, valid until the next call; empty at the end. Errors: as S3Client::get_range.
  Task<std::span<const std::byte>> read(Deadline deadline);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace quarry::aws
