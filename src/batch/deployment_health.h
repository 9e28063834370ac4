#pragma once
// Which deployments AWS has said are full or too busy, until when they are left alone. Kept in
// memory: after a restart AWS says it again. Loop thread; times are the engine's milliseconds.

#include <cstdint>
#include <map>
#include <string>

namespace quarry::batch {

class DeploymentHealth {
 public:
  // AWS took no job now. Each such answer in a row doubles the wait, from first_ms to 5 min;
  // jitter, in [0, 1), takes away up to half of it. Gives the time until which no job is sent.
  std::int64_t refused(const std::string& deployment_id,
                       std::int64_t first_ms,
                       std::int64_t now_ms,
                       double jitter);
  void accepted(const std::string& deployment_id) { busy_.erase(deployment_id); }
  bool busy(const std::string& deployment_id, std::int64_t now_ms) const;
  // The first moment after now at which one of them is tried again; 0 when none is busy.
  std::int64_t next_ms(std::int64_t now_ms) const;

 private:
  struct Busy {
    int refusals = 0;
    std::int64_t until_ms = 0;
  };
  std::map<std::string, Busy> busy_;
};

}  // namespace quarry::batch
