#include "sandbox/transfer.h"

#include "base/wakeup.h"
#include "obs/log.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstring>
#include <exception>
#include <optional>

namespace quarry::sandbox {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::hours kForever{24 * 365};

// What the pool works on. Shared with the job on the pool: a request that is cancelled goes away at
// once, its last block is still finished on the other side.
struct Intake {
  Intake(asio::io_context& context,
         std::shared_ptr<BlockCache> cache,
         Payload expected,
         std::unique_ptr<TempFile> into)
      : io(context),
        blocks(std::move(cache)),
        payload(std::move(expected)),
        file(std::move(into)),
        idle(context) {}

  asio::io_context& io;
  std::shared_ptr<BlockCache> blocks;
  Payload payload;
  std::unique_ptr<TempFile> file;
  std::optional<Fault> fault;
  std::exception_ptr error;
  bool busy = false;  // loop only
  Wakeup idle;

  void consume(std::span<const std::byte> bytes) {
    if (fault || error) return;
    try {
      auto taken =
          payload.consume(bytes, [this](std::span<const std::byte> piece) { file->write(piece); });
      if (!taken) fault = std::move(taken.error());
    } catch (...) {  // carried to the loop
      error = std::current_exception();
    }
  }
};

void start_block(BlockingPool& pool,
                 const std::shared_ptr<Intake>& intake,
                 BlockCache::Block block,
                 std::size_t size) {
  intake->busy = true;
  asio::post(pool.threads(), [intake, block = std::move(block), size,
                              work = asio::make_work_guard(intake->io)]() mutable {
    intake->consume({block.get(), size});
    intake->blocks->give_back(std::move(block));
    auto& io = intake->io;
    // Moved along: the last to hold it, and with it a timer of the loop, must be on the loop.
    asio::post(io, [intake = std::move(intake)] {
      intake->busy = false;
      intake->idle.set();
    });
  });
}

Awaitable<void> until_idle(std::shared_ptr<Intake> intake) {
  while (intake->busy) co_await intake->idle.wait(Deadline::after(kForever));
}

Fault disk_fault(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    obs::error("sandbox disk failed", {{"why", e.what()}});
  }
  return Fault{.status = 500,
               .code = "InternalError",
               .message = "We encountered an internal error. Please try again.",
               .details = {}};
}

class StoredReader final : public http::BodyReader {
 public:
  StoredReader(BlockingPool& pool,
               std::shared_ptr<BlockCache> blocks,
               std::shared_ptr<StoredBytes> stored,
               std::uint64_t offset,
               std::uint64_t size)
      : pool_(pool),
        blocks_(std::move(blocks)),
        stored_(std::move(stored)),
        offset_(offset),
        left_(size) {}
  ~StoredReader() override { blocks_->give_back(std::move(block_)); }

  Task<std::span<const std::byte>> read() override {
    if (left_ == 0) co_return std::span<const std::byte>{};
    if (!block_) block_ = blocks_->take();
    const auto want =
        static_cast<std::size_t>(std::min<std::uint64_t>(left_, BlockCache::kBlockBytes));
    const std::span<std::byte> into(block_.get(), want);
    const std::size_t count =
        co_await run_blocking(pool_, [this, into] { return stored_->read(offset_, into); });
    if (count == 0) co_return fail(Errc::corrupt, "a stored object is shorter than it should be");
    offset_ += count;
    left_ -= count;
    co_return into.first(count);
  }

 private:
  BlockingPool& pool_;
  std::shared_ptr<BlockCache> blocks_;
  std::shared_ptr<StoredBytes> stored_;
  std::uint64_t offset_;
  std::uint64_t left_;
  BlockCache::Block block_;
};

}  // namespace

Fault body_fault(const Error& error) {
  if (error.code() == Errc::deadline_exceeded) {
    return Fault{.status = 400,
                 .code = "RequestTimeout",
                 .message =
                     "Your socket connection to the server was not read from or written to within "
                     "the timeout period. Idle connections will be closed.",
                 .details = {}};
  }
  return Fault{
      .status = 400,
      .code = "IncompleteBody",
      .message =
          "You did not provide the number of bytes specified by the Content-Length HTTP header",
      .details = {}};
}

Awaitable<Answer<Received>> receive_file(asio::io_context& io,
                                         BlockingPool& pool,
                                         std::shared_ptr<BlockCache> blocks,
                                         http::BodyReader& body,
                                         Payload payload,
                                         std::filesystem::path folder) {
  auto file = co_await run_blocking(pool, [&] { return std::make_unique<TempFile>(folder); });
  const auto intake = std::make_shared<Intake>(io, blocks, std::move(payload), std::move(file));
  auto block = blocks->take();
  std::size_t filled = 0;
  std::optional<Fault> broken;
  while (!broken) {
    const auto piece = co_await body.read();
    if (!piece) broken = body_fault(piece.error());
    if (!piece || piece->empty()) break;
    std::span<const std::byte> left = *piece;
    while (!left.empty()) {
      const std::size_t count = std::min(left.size(), BlockCache::kBlockBytes - filled);
      std::memcpy(block.get() + filled, left.data(), count);
      filled += count;
      left = left.subspan(count);
      if (filled < BlockCache::kBlockBytes) continue;
      co_await until_idle(intake);
      if (intake->fault || intake->error) break;
      start_block(pool, intake, std::move(block), filled);
      block = blocks->take();
      filled = 0;
    }
    if (!intake->busy && (intake->fault || intake->error)) break;
  }
  co_await until_idle(intake);
  Received received;
  if (!broken) {
    co_await run_blocking(pool, [&] {
      if (filled > 0) intake->consume({block.get(), filled});
      if (intake->fault || intake->error) return;
      auto summary = intake->payload.finish();
      if (!summary) {
        intake->fault = std::move(summary.error());
        return;
      }
      received.summary = std::move(*summary);
      intake->file->close();
    });
  }
  blocks->give_back(std::move(block));
  if (intake->error) co_return std::unexpected(disk_fault(intake->error));
  if (intake->fault) co_return std::unexpected(std::move(*intake->fault));
  if (broken) co_return std::unexpected(std::move(*broken));
  received.file = std::move(intake->file);
  co_return received;
}

Awaitable<Answer<std::string>> receive_text(http::BodyReader& body,
                                            Payload payload,
                                            std::size_t bytes_max) {
  std::string text;
  for (;;) {
    const auto piece = co_await body.read();
    if (!piece) co_return std::unexpected(body_fault(piece.error()));
    if (piece->empty()) break;
    auto taken =
        payload.consume(*piece, [&](std::span<const std::byte> bytes) { text += as_text(bytes); });
    if (!taken) co_return std::unexpected(std::move(taken.error()));
    if (text.size() > bytes_max) {
      co_return refuse(400, "MalformedXML",
                       "The XML you provided was not well-formed or did not validate against our "
                       "published schema");
    }
  }
  auto summary = payload.finish();
  if (!summary) co_return std::unexpected(std::move(summary.error()));
  co_return text;
}

std::unique_ptr<http::BodyReader> stream_of(BlockingPool& pool,
                                            std::shared_ptr<BlockCache> blocks,
                                            std::shared_ptr<StoredBytes> stored,
                                            std::uint64_t offset,
                                            std::uint64_t size) {
  return std::make_unique<StoredReader>(pool, std::move(blocks), std::move(stored), offset, size);
}

}  // namespace quarry::sandbox
