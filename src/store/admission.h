#pragma once
// What a new batch takes of what its key, its team and its models are allowed, kept until it ends;
// and how many files came in a day. Rows are counted, in the transaction that adds one: nothing is
// counted in memory, so nothing can drift or leak.

#include "base/result.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace quarry::store {

// Who is limited: a key (by its hash), a team (by its id), a model (by its public name).
enum class Party { key, team, model };
std::string_view name(Party party);

struct Reservation {
  Party party = Party::key;
  std::string id;
  std::int64_t tokens = 0;    // of the batch's lines, in and out
  std::int64_t nano_usd = 0;  // that it may cost; falls as its jobs are paid
};

// How a party stands now, this batch not counted.
struct Standing {
  Party party = Party::key;
  std::string id;
  std::int64_t open_batches = 0;
  std::int64_t enqueued_tokens = 0;
  std::int64_t reserved_nano_usd = 0;
  std::int64_t spent_nano_usd = 0;  // since Admission::Ask::spent_since
};

struct Admission {
  struct Ask {
    Party party = Party::key;
    std::string id;
    std::optional<std::int64_t>
        spent_since;  // Unix seconds: the budget's period; nullopt: no budget
  };
  std::vector<Reservation> reservations;
  std::vector<Ask> asks;
  // Empty: whatever is asked for is given. Given the standing of each that was asked for, in order;
  // what it refuses is not created. Runs inside the transaction, on the database's thread: pure.
  // Creations run one after the other, on all servers of a database, so no two are judged by the
  // same standing.
  std::function<Result<void>(const std::vector<Standing>&)> judge;
};

// Whether one more file may come. Of the files of a key and of a team that clients sent (deleted
// ones too) since a moment.
struct FileQuota {
  bool of_key = false, of_team = false;  // what is counted; neither: nothing is judged
  std::int64_t since = 0;                // Unix seconds
  // As Admission::judge; 0 for what is not counted.
  std::function<Result<void>(std::int64_t files_of_key, std::int64_t files_of_team)> judge;
};

}  // namespace quarry::store
