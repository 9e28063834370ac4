#pragma once
// Whose a key is: the root's, a user's, or of a session that STS, IMDS, the container endpoint or
// the SSO portal gave. Sessions live in memory: a restart ends them. Loop's thread.

#include "base/clock.h"
#include "base/secret.h"
#include "sandbox/account.h"
#include "sandbox/wire.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace quarry::sandbox {

struct Credentials {
  std::string access_key_id;
  Secret<std::string> secret_access_key;
};

// Who asks, as GetCallerIdentity tells it.
struct Principal {
  std::string account;  // 12 digits
  std::string arn;      // …:root, …:user/carol, …:assumed-role/ROLE/SESSION
  std::string user_id;
};

struct Key {
  Secret<std::string> secret;
  Secret<std::string> session_token;  // "" for a long-term key
  std::optional<SysTime> expires;     // of the machine's clock
  Principal principal;
  bool assumed_role = false;
};

struct Session {
  std::string access_key_id;  // ASIA…
  Key key;
  std::string role_arn;  // "" of GetSessionToken's
};

class Identities {
 public:
  explicit Identities(Credentials root);

  const Account& account() const { return account_; }
  // Sessions go on, but none is given a second time.
  void replace(Account account);
  // The root's keys alone, and no session.
  void reset();

  // nullopt for a key that nobody has.
  std::optional<Key> find(const std::string& access_key_id) const;
  // Of an API key of Bedrock's; nullopt when it is not known.
  std::optional<Principal> of_bearer(std::string_view token) const;

  // asked_seconds is overruled by the account's session_seconds.
  Session begin_session(Principal principal, bool assumed_role, int asked_seconds, SysTime now);
  // A session of a role by name ("" account = 123456789012). role_arn as asked, else made.
  Session assume(const RoleArn& role,
                 const std::string& role_arn,
                 const std::string& session_name,
                 int asked_seconds,
                 SysTime now);
  // The same again for the same `source` while half of its life is left, as instances and
  // containers are given it.
  Session shared_session(const std::string& source,
                         const RoleArn& role,
                         const std::string& session_name,
                         SysTime now);

  // AccessDenied in AWS's words where the account denies it. The code is `code`.
  Answer<void> authorize(const Principal& principal,
                         std::string_view action,
                         const std::string& resource,
                         std::string_view code = "AccessDeniedException") const;

 private:
  void add_root();

  Credentials root_;
  Account account_;
  std::map<std::string, Key> keys_;        // sessions' and the root's, by access key id
  std::map<std::string, Session> shared_;  // by source
};

// "User: … is not authorized to perform: … on resource: … because no identity-based policy …"
std::string denial_text(std::string_view principal_arn,
                        std::string_view action,
                        std::string_view resource);

}  // namespace quarry::sandbox
