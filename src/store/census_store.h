#pragma once
// How much work there is, counted: for the metrics, and for whoever asks whether the database is
// well. Only what has not ended is looked at, so history makes no call slower. Errors of every
// call: those of store/database.h.

#include "base/task.h"
#include "store/database.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace quarry::store {

struct Census {
  struct Batches {
    std::string status;
    std::int64_t count = 0;
  };
  struct Jobs {
    std::string kind, state;
    std::int64_t count = 0;
  };
  std::vector<Batches> batches;  // that have not ended
  std::vector<Jobs> jobs;        // that are not collected
  // Unix milliseconds. Since when what is due, and is nobody's, waits for a server; jobs that wait
  // for a slot at AWS are not meant.
  std::optional<std::int64_t> due_since_ms;
  std::optional<std::int64_t> staged_since_s;  // Unix seconds: when their batch was planned
  std::optional<std::int64_t> first_expiry_s;  // of open batches
  std::int64_t reservations = 0;               // batches that hold some
  std::int64_t reserved_nano_usd = 0;          // that batches of keys and teams may cost: each once
  std::int64_t webhooks_waiting = 0;
};

inline constexpr const char* kOldSchema = "old_schema";

class CensusStore {
 public:
  explicit CensusStore(Database& database) : database_(database) {}

  Task<Census> take(std::int64_t now_ms);
  // Whether the database answers and has this program's schema. Also: unavailable, reason
  // kOldSchema.
  Task<void> check();

 private:
  Database& database_;
};

}  // namespace quarry::store
