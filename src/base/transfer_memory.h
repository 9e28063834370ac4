#pragma once
// The memory that all uploads, downloads, plans and collections share: buffers of one size, a fixed
// number of them. Who finds none free waits, in order; so TCP's back-pressure reaches the client.

#include "base/task.h"

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace quarry {

// 8 MiB: above S3's least part size (5 MiB, AWS S3 user guide "Multipart upload limits"), and
// 10,000 parts of it hold 80 GB.
inline constexpr std::size_t kTransferBufferBytes = std::size_t{8} << 20;

class TransferMemory;

// One buffer; goes back when destroyed. Movable, empty after a move.
class TransferBuffer {
 public:
  TransferBuffer() = default;
  TransferBuffer(TransferBuffer&&) noexcept;
  TransferBuffer& operator=(TransferBuffer&&) noexcept;
  ~TransferBuffer();

  explicit operator bool() const { return memory_ != nullptr; }
  // kTransferBufferBytes of it.
  std::span<std::byte> bytes() const { return {data_.get(), kTransferBufferBytes}; }

 private:
  friend class TransferMemory;
  TransferBuffer(TransferMemory* memory, std::unique_ptr<std::byte[]> data);
  TransferMemory* memory_ = nullptr;
  std::unique_ptr<std::byte[]> data_;
};

class TransferMemory {
 public:
  // bytes_max: rounded down to whole buffers, at least 4 of them. Loop thread only.
  TransferMemory(boost::asio::io_context& io, std::size_t bytes_max);
  ~TransferMemory();

  // Waits until `count` buffers are free and takes them together: a task that took them one at a
  // time could hold what another waits for. count must not exceed buffer_count().
  // Errors: deadline_exceeded.
  Task<std::vector<TransferBuffer>> acquire(std::size_t count, Deadline deadline);

  std::size_t buffer_count() const { return buffer_count_; }
  std::size_t free_count() const { return free_count_; }

 private:
  friend class TransferBuffer;
  struct Waiter;
  void give_back(std::unique_ptr<std::byte[]> data);
  void wake();
  TransferBuffer take();

  boost::asio::io_context& io_;
  std::size_t buffer_count_;
  std::size_t free_count_;
  std::vector<std::unique_ptr<std::byte[]>> idle_;  // touched memory, kept for reuse
  std::vector<std::shared_ptr<Waiter>> waiters_;
};

}  // namespace quarry
