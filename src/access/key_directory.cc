#include "access/key_directory.h"

#include "access/grants.h"
#include "obs/log.h"

#include <utility>

namespace quarry::access {

KeyDirectory::KeyDirectory(Lookup lookup, const Limits& defaults, Now now)
    : lookup_(std::move(lookup)), defaults_(defaults), now_(std::move(now)) {}

Task<std::shared_ptr<const Key>> KeyDirectory::find(std::string key_hash) {
  const auto now = now_();
  for (const Entries* entries : {&known_, &unknown_}) {
    const auto found = entries->find(key_hash);
    if (found != entries->end() && now - found->second.read_at < kFresh) {
      co_return found->second.key;
    }
  }
  const std::uint64_t before = forgotten_;
  auto found = co_await lookup_(key_hash);
  if (!found) {
    obs::warn("a key could not be looked up", {{"message", found.error().message()}});
    const auto stale = known_.find(key_hash);
    if (stale != known_.end() && now - stale->second.read_at < kStale) {
      co_return stale->second.key;
    }
    const Error cause = std::move(found.error()).within("looking up a key");
    co_return fail(Error(Errc::unavailable, cause.message()).reason(cause.reason()));
  }
  std::shared_ptr<const Key> key;
  if (*found) {
    const auto& [row, team] = **found;
    key = key_of(row, team ? team_of(*team) : nullptr, defaults_);
  }
  if (before == forgotten_) remember(key_hash, key);
  co_return key;
}

void KeyDirectory::remember(const std::string& key_hash, std::shared_ptr<const Key> key) {
  known_.erase(key_hash);
  unknown_.erase(key_hash);
  Entries& entries = key ? known_ : unknown_;
  make_room(entries, key ? kKnownMax : kUnknownMax);
  entries.emplace(key_hash, Entry{std::move(key), now_()});
}

// Which one goes is nobody's matter: it is read again.
void KeyDirectory::make_room(Entries& entries, std::size_t count_max) {
  while (entries.size() >= count_max) entries.erase(entries.begin());
}

void KeyDirectory::forget(std::string_view key_hash) {
  ++forgotten_;
  known_.erase(std::string(key_hash));
  unknown_.erase(std::string(key_hash));
}

void KeyDirectory::forget_all() {
  ++forgotten_;
  known_.clear();
  unknown_.clear();
}

}  // namespace quarry::access
