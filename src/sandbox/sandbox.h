#pragma once
// A local AWS: S3, Bedrock, Bedrock runtime on one loopback port, with real paths, real errors and
// verified signatures. It shares no code with aws/ and bedrock/: it is another party.

#include "base/secret.h"
#include "base/task.h"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace quarry::sandbox {

struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 4566;  // 0 takes a free one
  std::filesystem::path
      data_dir;  // objects, multipart uploads and jobs live here and survive a restart
  std::string access_key_id = "AKIAQUARRYSANDBOX000";
  Secret<std::string> secret_access_key{"quarry-sandbox-secret-key-0000000000000"};
  // How long a job takes from Submitted to its end, spread over AWS's states. 0 is allowed.
  std::chrono::milliseconds job_time{3000};
  std::vector<std::string> buckets;  // made at start
  std::uint64_t min_records_per_job = 100;
};

class Sandbox {
 public:
  virtual ~Sandbox() = default;
  // Recovers the data directory, listens and starts. Throws when it cannot.
  virtual void start() = 0;
  virtual std::uint16_t port() const = 0;
  virtual std::string url() const = 0;  // http://127.0.0.1:4566
  virtual Awaitable<void> stop(Deadline deadline) = 0;
};

std::unique_ptr<Sandbox> make_sandbox(boost::asio::io_context& io, Options options);

}  // namespace quarry::sandbox
