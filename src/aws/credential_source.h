#pragma once
// One place where credentials may be found. Sources remember nothing: RefreshingCredentials does.

#include "aws/credentials.h"
#include "base/task.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace quarry::aws {

// What a look at one place gave.
struct Found {
  std::optional<Credentials> credentials;
  std::string absent;   // why there are none: "AWS_ACCESS_KEY_ID is not set"
  bool stable = false;  // while no newer ones can be had, these are used beyond their end

  static Found none(std::string why) { return {std::nullopt, std::move(why), false}; }
  static Found some(Credentials found) { return {std::move(found), {}, false}; }
};

// Loop thread; the awaiting coroutine keeps the source alive.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  // An error where this place is set up, but wrong or failing: no other is asked then.
  virtual Task<Found> look(Deadline deadline) = 0;
};

using CredentialSources = std::vector<std::shared_ptr<CredentialSource>>;

// The first of `places` that has any; none: all their reasons.
std::shared_ptr<CredentialSource> first_of(CredentialSources places);
std::shared_ptr<CredentialSource> environment_source(config::Environment environment);

// A provider of these, as they are.
std::shared_ptr<CredentialProvider> fixed_credentials(Credentials credentials);

// Once for each identity, when it is first known: where it is from and the end of its key id.
void log_identity(const Credentials& credentials);
// The same of those that took their place, for who looks for a key later; with the debug log.
void log_renewal(const Credentials& credentials);

}  // namespace quarry::aws
