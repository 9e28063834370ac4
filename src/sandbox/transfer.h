#pragma once
// Bytes between sockets and disk: request bodies into temporary files while the pool hashes and
// writes the block before, stored objects out of files block by block.

#include "base/blocking_pool.h"
#include "http/message.h"
#include "sandbox/disk.h"
#include "sandbox/payload.h"

#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>

namespace quarry::sandbox {

struct Received {
  std::unique_ptr<TempFile> file;  // closed
  PayloadSummary summary;
};

// Streams `body` into a new file in `folder`, held to `payload`. Two blocks of memory at most.
// Faults: those of Payload, IncompleteBody (connection lost), RequestTimeout, InternalError (disk).
Awaitable<Answer<Received>> receive_file(boost::asio::io_context& io,
                                         BlockingPool& pool,
                                         std::shared_ptr<BlockCache> blocks,
                                         http::BodyReader& body,
                                         Payload payload,
                                         std::filesystem::path folder);

// A small body, whole. Faults: those of Payload, and MalformedXML above bytes_max.
Awaitable<Answer<std::string>> receive_text(http::BodyReader& body,
                                            Payload payload,
                                            std::size_t bytes_max);

// `size` bytes of `stored` from `offset`.
std::unique_ptr<http::BodyReader> stream_of(BlockingPool& pool,
                                            std::shared_ptr<BlockCache> blocks,
                                            std::shared_ptr<StoredBytes> stored,
                                            std::uint64_t offset,
                                            std::uint64_t size);

// What a failed read of a request's body is to the client.
Fault body_fault(const Error& error);

}  // namespace quarry::sandbox
