#include "aws/object_stream.h"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <exception>
#include <functional>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

namespace quarry::aws {

namespace asio = boost::asio;

namespace {

constexpr int kPartCountMax = 10'000;  // S3 user guide, "Multipart upload limits"
constexpr auto kAbortTimeout = std::chrono::seconds(30);

// One operation that runs beside the coroutine that started it. Whoever runs it keeps the state
// alive that holds this and the buffers, so nothing dangles when its owner is gone before it has
// ended.
class Flight {
 public:
  bool running() const { return running_; }

  // Only when nothing is in flight. `task` keeps `owner`'s buffers; owner holds this Flight.
  template <class T>
  void start(const asio::any_io_executor& executor,
             std::shared_ptr<void> owner,
             Awaitable<T> task,
             std::function<void(std::exception_ptr, T)> done) {
    running_ = true;
    timer_.emplace(executor, asio::steady_timer::time_point::max());
    asio::co_spawn(executor, std::move(task),
                   asio::bind_cancellation_slot(
                       signal_.slot(), [this, owner = std::move(owner), done = std::move(done)](
                                           std::exception_ptr error, T result) {
                         running_ = false;
                         done(std::move(error), std::move(result));
                         timer_->cancel();
                       }));
  }

  // Returns when nothing is in flight. Throws operation_aborted when the waiting coroutine is
  // cancelled; the operation then still runs.
  Awaitable<void> landed() {
    while (running_) {
      boost::system::error_code woken;  // cancelling the timer is the wake-up itself
      co_await timer_->async_wait(asio::redirect_error(asio::use_awaitable, woken));
    }
  }

  void cancel() {
    if (running_) signal_.emit(asio::cancellation_type::terminal);
  }

 private:
  bool running_ = false;
  asio::cancellation_signal signal_;
  std::optional<asio::steady_timer> timer_;
};

// What a spawned operation threw, as an Error: cancellation is the only thing it may throw.
Error thrown_error(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const boost::system::system_error& e) {
    return e.code() == asio::error::operation_aborted
               ? Error(Errc::cancelled, "the transfer was cancelled")
               : Error(Errc::internal, e.what());
  } catch (const std::exception& e) {
    return Error(Errc::internal, e.what());
  }
}

}  // namespace

// Buffers are bound to their state: who runs an operation on a buffer holds the state.
struct ObjectWriter::State {
  State(S3Client& s3_, S3Uri object_, std::vector<TransferBuffer> buffers_)
      : s3(s3_), object(std::move(object_)), buffers(std::move(buffers_)) {}

  S3Client& s3;
  S3Uri object;
  std::vector<TransferBuffer> buffers;
  std::size_t filling = 0;       // index of the buffer that write() fills
  std::size_t filled_bytes = 0;  // of it
  std::uint64_t written_bytes = 0;
  std::string upload_id;  // "" until the object is known to need parts
  std::vector<PartTag> parts;
  std::optional<Error> failure;
  Flight flight;

  std::span<const std::byte> filled() const { return buffers[filling].bytes().first(filled_bytes); }
  int next_part() const { return static_cast<int>(parts.size()) + 1; }
};

namespace {

// Remembers what went wrong, so that only abort() may follow.
template <class State>
std::unexpected<Error> give_up(State& state, Error error) {
  state.failure = error;
  return fail(std::move(error));
}

template <class State>
Task<void> begin_upload(std::shared_ptr<State> state, Deadline deadline) {
  if (!state->upload_id.empty()) co_return Result<void>();
  auto id = co_await state->s3.create_multipart(state->object, deadline);
  if (!id) co_return give_up(*state, std::move(id.error()));
  state->upload_id = std::move(*id);
  co_return Result<void>();
}

template <class State>
Task<PartTag> upload_filled(std::shared_ptr<State> state,
                            int number,
                            std::span<const std::byte> bytes,
                            Deadline deadline) {
  co_return co_await state->s3.upload_part(state->object, state->upload_id, number, bytes,
                                           deadline);
}

// Waits for the part in flight, sends the full buffer and turns to the other one.
template <class State>
Task<void> send_full(std::shared_ptr<State> state, Deadline deadline) {
  co_await state->flight.landed();
  if (state->failure) co_return fail(*state->failure);
  if (state->next_part() > kPartCountMax) {
    co_return give_up(*state, Error(Errc::invalid_request,
                                    to_string(state->object) + " needs more than 10,000 parts"));
  }
  auto begun = co_await begin_upload(state, deadline);
  if (!begun) co_return fail(std::move(begun.error()));
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  state->flight.template start<Result<PartTag>>(
      executor, state, upload_filled(state, state->next_part(), state->filled(), deadline),
      [raw = state.get()](const std::exception_ptr& thrown, Result<PartTag> part) {
        if (thrown) {
          raw->failure = thrown_error(thrown);
        } else if (!part) {
          raw->failure = std::move(part.error());
        } else {
          raw->parts.push_back(std::move(*part));
        }
      });
  state->filling ^= 1U;
  state->filled_bytes = 0;
  co_return Result<void>();
}

}  // namespace

ObjectWriter::ObjectWriter(S3Client& s3, S3Uri object, std::vector<TransferBuffer> buffers)
    : state_(std::make_shared<State>(s3, std::move(object), std::move(buffers))) {}

ObjectWriter::~ObjectWriter() { state_->flight.cancel(); }

std::uint64_t ObjectWriter::written_bytes() const { return state_->written_bytes; }

Task<void> ObjectWriter::write(std::span<const std::byte> bytes, Deadline deadline) {
  auto state = state_;
  if (state->failure) co_return fail(*state->failure);
  while (!bytes.empty()) {
    if (state->filled_bytes == kTransferBufferBytes) {
      auto sent = co_await send_full(state, deadline);
      if (!sent) co_return fail(std::move(sent.error()));
    }
    const std::size_t count = std::min(bytes.size(), kTransferBufferBytes - state->filled_bytes);
    const auto target = state->buffers[state->filling].bytes().subspan(state->filled_bytes);
    std::ranges::copy(bytes.first(count), target.begin());
    state->filled_bytes += count;
    state->written_bytes += count;
    bytes = bytes.subspan(count);
  }
  co_return Result<void>();
}

Task<std::uint64_t> ObjectWriter::finish(Deadline deadline) {
  auto state = state_;
  co_await state->flight.landed();
  if (state->failure) co_return fail(*state->failure);
  if (state->upload_id.empty()) {
    auto made = co_await state->s3.put(state->object, state->filled(), deadline);
    if (!made) co_return give_up(*state, std::move(made.error()));
    co_return state->written_bytes;
  }
  // Parts are sent only once a byte more has come, so there is always a last one here.
  if (state->next_part() > kPartCountMax) {
    co_return give_up(*state, Error(Errc::invalid_request,
                                    to_string(state->object) + " needs more than 10,000 parts"));
  }
  auto part = co_await upload_filled(state, state->next_part(), state->filled(), deadline);
  if (!part) co_return give_up(*state, std::move(part.error()));
  state->parts.push_back(std::move(*part));
  auto made = co_await state->s3.complete_multipart(state->object, state->upload_id, state->parts,
                                                    deadline);
  if (!made) co_return give_up(*state, std::move(made.error()));
  state->upload_id.clear();
  co_return state->written_bytes;
}

Awaitable<void> ObjectWriter::abort() {
  auto state = state_;
  if (!state->failure) state->failure = Error(Errc::cancelled, "the upload was aborted");
  state->flight.cancel();
  co_await state->flight.landed();  // S3 may keep a part that lands after the abort
  if (state->upload_id.empty()) co_return;
  // Best effort: what stays is the janitor's.
  std::ignore = co_await state->s3.abort_multipart(
      state->object, std::exchange(state->upload_id, {}), Deadline::after(kAbortTimeout));
}

struct ObjectReader::State {
  State(S3Client& s3_, S3Uri object_, std::vector<TransferBuffer> buffers_)
      : s3(s3_), object(std::move(object_)), buffers(std::move(buffers_)) {}

  S3Client& s3;
  S3Uri object;
  std::vector<TransferBuffer> buffers;
  std::uint64_t offset = 0;  // of the next window
  std::uint64_t end =
      std::numeric_limits<std::uint64_t>::max();  // once known, at most the object's
  std::string etag;                               // "" until the first window
  std::size_t target = 0;  // index of the buffer that the next window goes to
  std::optional<Result<RangeRead>> fetched;
  Flight flight;

  bool at_end() const { return offset >= end; }
  std::span<std::byte> window() const {
    return buffers[target].bytes().first(
        static_cast<std::size_t>(std::min<std::uint64_t>(kTransferBufferBytes, end - offset)));
  }
};

namespace {

template <class State>
Task<RangeRead> fetch_window(std::shared_ptr<State> state, Deadline deadline) {
  co_return co_await state->s3.get_range(state->object, state->offset, state->window(), state->etag,
                                         deadline);
}

template <class State>
void start_fetch(const std::shared_ptr<State>& state,
                 const asio::any_io_executor& executor,
                 Deadline deadline) {
  state->flight.template start<Result<RangeRead>>(
      executor, state, fetch_window(state, deadline),
      [raw = state.get()](const std::exception_ptr& thrown, Result<RangeRead> read) {
        raw->fetched = thrown ? Result<RangeRead>(fail(thrown_error(thrown))) : std::move(read);
      });
}

// Takes the fetched window into account. Gives its bytes.
template <class State>
Result<std::span<const std::byte>> accept_window(State& state, RangeRead read) {
  const auto bytes = std::span<const std::byte>(state.window()).first(read.bytes);
  if (bytes.empty() && state.offset < read.object_bytes) {
    return fail(Errc::unavailable, to_string(state.object) + ": S3 gave nothing at offset " +
                                       std::to_string(state.offset));
  }
  state.etag = std::move(read.etag);
  state.end = std::min(state.end, read.object_bytes);
  state.offset += bytes.size();
  state.target ^= 1U;
  return bytes;
}

}  // namespace

ObjectReader::ObjectReader(S3Client& s3, S3Uri object, std::vector<TransferBuffer> buffers)
    : state_(std::make_shared<State>(s3, std::move(object), std::move(buffers))) {}

ObjectReader::~ObjectReader() { state_->flight.cancel(); }

void ObjectReader::set_range(std::uint64_t offset, std::uint64_t length) {
  state_->offset = offset;
  state_->end = length > std::numeric_limits<std::uint64_t>::max() - offset
                    ? std::numeric_limits<std::uint64_t>::max()
                    : offset + length;
}

Task<std::span<const std::byte>> ObjectReader::read(Deadline deadline) {
  auto state = state_;
  if (state->at_end()) co_return std::span<const std::byte>();
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const bool prefetched = state->flight.running() || state->fetched;
  if (!prefetched) start_fetch(state, executor, deadline);
  co_await state->flight.landed();
  if (prefetched && !*state->fetched && state->fetched->error().code() == Errc::deadline_exceeded) {
    // That was the deadline of the read() before; this one has its own.
    start_fetch(state, executor, deadline);
    co_await state->flight.landed();
  }
  Result<RangeRead> read = *std::exchange(state->fetched, std::nullopt);
  if (!read) co_return fail(std::move(read.error()));
  auto bytes = accept_window(*state, std::move(*read));
  if (!bytes) co_return fail(std::move(bytes.error()));
  if (!state->at_end()) start_fetch(state, executor, deadline);
  co_return *bytes;
}

}  // namespace quarry::aws
