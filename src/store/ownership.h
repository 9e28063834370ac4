#pragma once
// Whose a file, an upload or a batch is, and whose of them somebody may see. Pure.

#include <optional>
#include <string>

namespace quarry::store {

// Written with the row and never changed: a key that goes leaves what it made to its owner.
struct Ownership {
  std::string owner;  // "master", "user:<user_id>", or "key:<key_hash>" of a key without a user
  std::optional<std::string> team_id = std::nullopt;  // whose keys see it too
  std::string key_hash = {};  // of the key that made it; "" = the master key
  std::string user_id = {};   // "" = none

  bool operator==(const Ownership&) const = default;
};

// The owner that a key without a user is.
std::string owner_of_key(const std::string& key_hash);

struct Viewer {
  std::string owner;
  std::optional<std::string> team_id = std::nullopt;
  bool all = false;  // the master key
  // Beside `owner`: of the key that asks, where it has a user; what it made before it had one.
  std::string key_owner = {};  // "" = none

  bool operator==(const Viewer&) const = default;
};

bool sees(const Viewer& viewer, const Ownership& of);

}  // namespace quarry::store
