#include "http/client.h"

#include "http/transfer.h"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <curl/curl.h>
#include <fmt/format.h>

#include <mutex>
#include <pthread.h>
#include <signal.h>
#include <thread>
#include <unordered_map>
#include <vector>

namespace quarry::http {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

using TransferPtr = std::shared_ptr<Transfer>;

constexpr std::size_t kIdleHandlesMax = 64;
// libcurl keeps the deadlines itself, but for requests that wait for a free connection.
constexpr std::chrono::milliseconds kOverdueSweep{200};
constexpr std::chrono::milliseconds kOverdueSlack{100};

struct CurlMultiDeleter {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

// The thread that libcurl lives on, and the queue into it.
class CurlThread {
 public:
  explicit CurlThread(ClientOptions options);
  ~CurlThread();
  CurlThread(const CurlThread&) = delete;
  CurlThread& operator=(const CurlThread&) = delete;

  // Any thread.
  void submit(TransferPtr transfer);
  void abort(TransferPtr transfer);
  void stop();  // aborts what runs; returns when the thread has ended

 private:
  void run();
  void take_orders();
  void begin(const TransferPtr& transfer);
  void collect();
  void sweep();
  // Takes the handle back from libcurl and resumes the coroutine.
  void end(const TransferPtr& transfer);
  void end_all();

  ClientOptions options_;
  std::unique_ptr<CURLM, CurlMultiDeleter> multi_;

  std::mutex mutex_;  // guards the next three
  std::vector<TransferPtr> submitted_;
  std::vector<TransferPtr> aborted_;
  bool stopping_ = false;

  std::unordered_map<Transfer*, TransferPtr> active_;
  std::vector<CurlHandle> idle_;
  std::chrono::steady_clock::time_point next_sweep_{};
  std::thread thread_;
};

CurlThread::CurlThread(ClientOptions options) : options_(std::move(options)) {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (initialised != CURLE_OK) throw std::runtime_error("libcurl does not start");
  multi_.reset(curl_multi_init());
  if (!multi_) throw std::bad_alloc();
  const auto connections = static_cast<long>(options_.connections_max);
  curl_multi_setopt(multi_.get(), CURLMOPT_MAX_TOTAL_CONNECTIONS, connections);
  curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, connections);
  curl_multi_setopt(multi_.get(), CURLMOPT_PIPELINING, long{CURLPIPE_NOTHING});
  // Signals are the loop's business, and SIGPIPE (from TLS writes) is nobody's.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

CurlThread::~CurlThread() { stop(); }

void CurlThread::submit(TransferPtr transfer) {
  {
    const std::scoped_lock lock(mutex_);
    if (!stopping_) {
      submitted_.push_back(std::move(transfer));
      transfer = nullptr;
    }
  }
  if (!transfer) {
    curl_multi_wakeup(multi_.get());
    return;
  }
  transfer->finish(Error(Errc::cancelled, "the http client has stopped"));
  transfer->complete();
}

void CurlThread::abort(TransferPtr transfer) {
  {
    const std::scoped_lock lock(mutex_);
    aborted_.push_back(std::move(transfer));
  }
  curl_multi_wakeup(multi_.get());
}

void CurlThread::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  curl_multi_wakeup(multi_.get());
  if (thread_.joinable()) thread_.join();
}

void CurlThread::run() {
  pthread_setname_np(pthread_self(), "http-client");
  while (true) {
    {
      const std::scoped_lock lock(mutex_);
      if (stopping_) break;
    }
    take_orders();
    int running = 0;
    curl_multi_perform(multi_.get(), &running);
    collect();
    sweep();
    const int wait = active_.empty() ? 60'000 : static_cast<int>(kOverdueSweep.count());
    curl_multi_poll(multi_.get(), nullptr, 0, wait, nullptr);
  }
  end_all();
}

void CurlThread::take_orders() {
  std::vector<TransferPtr> submitted;
  std::vector<TransferPtr> aborted;
  {
    const std::scoped_lock lock(mutex_);
    submitted.swap(submitted_);
    aborted.swap(aborted_);
  }
  for (const TransferPtr& transfer : submitted) begin(transfer);
  for (const TransferPtr& transfer : aborted) {
    if (!active_.contains(transfer.get())) continue;  // it completed first
    transfer->aborted = true;
    end(transfer);
  }
}

void CurlThread::begin(const TransferPtr& transfer) {
  CurlHandle easy;
  if (!idle_.empty()) {
    easy = std::move(idle_.back());
    idle_.pop_back();
  } else {
    easy.reset(curl_easy_init());
  }
  active_.emplace(transfer.get(), transfer);
  auto prepared = easy ? transfer->prepare(std::move(easy), options_)
                       : Result<void>(fail(Errc::internal, "libcurl gives no handle"));
  if (prepared && curl_multi_add_handle(multi_.get(), transfer->handle()) != CURLM_OK) {
    prepared = fail(Errc::internal, "libcurl takes no request");
  }
  if (prepared) return;
  transfer->finish(std::move(prepared).error());
  end(transfer);
}

void CurlThread::collect() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    void* self = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &self);
    const TransferPtr transfer = active_.at(static_cast<Transfer*>(self));
    transfer->finish(message->data.result);
    end(transfer);
  }
}

void CurlThread::sweep() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_sweep_) return;
  next_sweep_ = now + kOverdueSweep;
  std::vector<TransferPtr> overdue;
  for (const auto& [key, transfer] : active_) {
    if (transfer->deadline().at() + kOverdueSlack < now) overdue.push_back(transfer);
  }
  for (const TransferPtr& transfer : overdue) {
    transfer->finish(CURLE_OPERATION_TIMEDOUT);
    end(transfer);
  }
}

void CurlThread::end(const TransferPtr& transfer) {
  if (transfer->handle() != nullptr) {
    curl_multi_remove_handle(multi_.get(), transfer->handle());  // a no-op where it was never added
  }
  CurlHandle easy = transfer->release();
  // A handle whose request failed is not used again: libcurl 7.88 keeps something of a failed name
  // look-up that makes every later request of the handle a "bad argument".
  const bool clean = !transfer->error && !transfer->aborted;
  if (easy && clean && idle_.size() < kIdleHandlesMax) idle_.push_back(std::move(easy));
  active_.erase(transfer.get());
  transfer->complete();
}

void CurlThread::end_all() {
  take_orders();  // what came in between is ended like the rest
  while (!active_.empty()) {
    const TransferPtr transfer = active_.begin()->second;
    transfer->finish(Error(Errc::cancelled, "the http client has stopped"));
    end(transfer);
  }
  idle_.clear();
}

// Hands the transfer to the thread and keeps what resuming the coroutine takes.
template <class Completion>
void start(const std::shared_ptr<CurlThread>& thread,
           const TransferPtr& transfer,
           Completion completion) {
  auto executor = asio::get_associated_executor(completion);
  auto slot = asio::get_associated_cancellation_slot(completion);
  if (slot.is_connected()) {
    slot.assign([thread, weak = std::weak_ptr(transfer)](asio::cancellation_type) {
      if (auto running = weak.lock()) thread->abort(std::move(running));
    });
  }
  transfer->complete = [executor, slot, self = transfer.get(), completion = std::move(completion),
                        work = asio::make_work_guard(executor)]() mutable {
    asio::post(executor, [slot, self, completion = std::move(completion)]() mutable {
      slot.clear();
      std::move(completion)(self->aborted ? error_code(asio::error::operation_aborted)
                                          : error_code());
    });
    work.reset();
  };
  thread->submit(transfer);
}

class CurlClient final : public Client {
 public:
  explicit CurlClient(ClientOptions options)
      : thread_(std::make_shared<CurlThread>(std::move(options))) {}
  ~CurlClient() override { thread_->stop(); }

  Task<ClientResponse> send(ClientRequest request, Deadline deadline) override {
    const auto thread = thread_;
    ClientResponse* const partial = request.partial;
    const auto transfer = std::make_shared<Transfer>(std::move(request), deadline);
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void(error_code)>(
        [&thread, &transfer](auto completion) { start(thread, transfer, std::move(completion)); },
        asio::use_awaitable);
    if (transfer->error) {
      if (partial != nullptr) *partial = std::move(transfer->response);
      co_return fail(*std::move(transfer->error));
    }
    co_return std::move(transfer->response);
  }

 private:
  std::shared_ptr<CurlThread> thread_;
};

}  // namespace

std::string ca_bundle_of(
    const std::function<std::optional<std::string>(const std::string& variable)>& environment) {
  for (const char* variable : {"AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"}) {
    if (auto file = environment(variable); file && !file->empty()) return *std::move(file);
  }
  return {};
}

std::unique_ptr<Client> make_client(asio::io_context&, ClientOptions options) {
  return std::make_unique<CurlClient>(std::move(options));
}

}  // namespace quarry::http
