#include "base/transfer_memory.h"

#include "base/wakeup.h"

#include <algorithm>

namespace quarry {

namespace {
// First touch of new memory costs more than copying into it, so a few buffers stay; the rest are
// freed, so that an idle server is small.
constexpr std::size_t kIdleBuffersKept = 3;
}  // namespace

struct TransferMemory::Waiter {
  Waiter(boost::asio::io_context& io, std::size_t count_) : ready(io), count(count_) {}
  Wakeup ready;
  std::size_t count;
};

TransferBuffer::TransferBuffer(TransferMemory* memory, std::unique_ptr<std::byte[]> data)
    : memory_(memory), data_(std::move(data)) {}

TransferBuffer::TransferBuffer(TransferBuffer&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)), data_(std::move(other.data_)) {}

TransferBuffer& TransferBuffer::operator=(TransferBuffer&& other) noexcept {
  if (this != &other) {
    if (memory_) memory_->give_back(std::move(data_));
    memory_ = std::exchange(other.memory_, nullptr);
    data_ = std::move(other.data_);
  }
  return *this;
}

TransferBuffer::~TransferBuffer() {
  if (memory_) memory_->give_back(std::move(data_));
}

TransferMemory::TransferMemory(boost::asio::io_context& io, std::size_t bytes_max)
    : io_(io),
      buffer_count_(std::max<std::size_t>(4, bytes_max / kTransferBufferBytes)),
      free_count_(buffer_count_) {}

TransferMemory::~TransferMemory() = default;

TransferBuffer TransferMemory::take() {
  if (idle_.empty()) {
    auto fresh = std::make_unique_for_overwrite<std::byte[]>(kTransferBufferBytes);
    --free_count_;  // after what may throw
    return {this, std::move(fresh)};
  }
  --free_count_;
  auto data = std::move(idle_.back());
  idle_.pop_back();
  return {this, std::move(data)};
}

void TransferMemory::give_back(std::unique_ptr<std::byte[]> data) {
  ++free_count_;
  if (idle_.size() < kIdleBuffersKept) idle_.push_back(std::move(data));
  wake();
}

void TransferMemory::wake() {
  if (!waiters_.empty() && waiters_.front()->count <= free_count_) waiters_.front()->ready.set();
}

Task<std::vector<TransferBuffer>> TransferMemory::acquire(std::size_t count, Deadline deadline) {
  if (count > buffer_count_) {
    co_return fail(Errc::internal, "asked for more transfer buffers than there are");
  }
  if (!waiters_.empty() || free_count_ < count) {
    auto waiter = std::make_shared<Waiter>(io_, count);
    waiters_.push_back(waiter);
    // The waiter leaves the queue however this coroutine ends, cancellation included.
    struct Leave {
      TransferMemory* memory;
      Waiter* waiter;
      ~Leave() {
        std::erase_if(memory->waiters_, [this](const auto& w) { return w.get() == waiter; });
        memory->wake();
      }
    } leave{this, waiter.get()};
    while (waiters_.front() != waiter || free_count_ < count) {
      if (deadline.expired()) {
        co_return fail(Errc::deadline_exceeded,
                       "no transfer memory was free in time; hint: raise max_transfer_memory");
      }
      co_await waiter->ready.wait(deadline);
    }
    std::vector<TransferBuffer> buffers;
    for (std::size_t i = 0; i < count; ++i) buffers.push_back(take());
    co_return buffers;
  }
  std::vector<TransferBuffer> buffers;
  for (std::size_t i = 0; i < count; ++i) buffers.push_back(take());
  co_return buffers;
}

}  // namespace quarry
