#pragma once
// Keys as requests need them: found by their hash, remembered for a few seconds, so that asking for
// a batch's status costs no SQL. What is changed on this server is forgotten at once; of what is
// changed on another one, this one knows within kFresh.

#include "access/caller.h"
#include "base/task.h"
#include "store/key_store.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace quarry::access {

// Loop thread.
class KeyDirectory {
 public:
  using Now = std::function<std::chrono::steady_clock::time_point()>;
  // KeyStore::find_with_team.
  using Lookup = std::function<Task<std::optional<store::KeyStore::Membership>>(std::string hash)>;
  static constexpr std::chrono::seconds kFresh{5};
  // Of a key that is known, while the database does not answer.
  static constexpr std::chrono::minutes kStale{10};
  static constexpr std::size_t kKnownMax = 10'000;
  static constexpr std::size_t kUnknownMax = 1'000;

  // defaults: for what keys do not say (grants.h).
  KeyDirectory(Lookup lookup, const Limits& defaults, Now now = std::chrono::steady_clock::now);

  // nullptr: there is no such key. Errors: unavailable (the database does not answer, and the key
  // was not seen lately).
  Task<std::shared_ptr<const Key>> find(std::string key_hash);

  void forget(std::string_view key_hash);
  void forget_all();  // of a team, say, whose keys are many

 private:
  struct Entry {
    std::shared_ptr<const Key> key;  // nullptr: there is none
    std::chrono::steady_clock::time_point read_at;
  };
  using Entries = std::unordered_map<std::string, Entry>;
  void remember(const std::string& key_hash, std::shared_ptr<const Key> key);
  static void make_room(Entries& entries, std::size_t count_max);

  Lookup lookup_;
  Limits defaults_;
  Now now_;
  Entries known_, unknown_;
  std::uint64_t forgotten_ = 0;  // how often: what was read before is not remembered after
};

}  // namespace quarry::access
