#pragma once
// What administrators do with keys: made, looked at, changed, blocked, deleted. A key is named by
// its text or by its hash, and its text is given out once, when it is made.

#include "access/authenticator.h"
#include "access/key_directory.h"
#include "access/key_requests.h"
#include "base/clock.h"
#include "store/key_store.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::access {

// A key or a team as it stands: money that its jobs cost in the budget's period.
template <class Row>
struct View {
  Row row;
  std::int64_t spent_nano_usd = 0;
  std::optional<std::int64_t> budget_reset_at;  // Unix seconds; nullopt: never
};
using KeyView = View<store::KeyRow>;

// Since when what a budget allows is counted, and when it is renewed.
std::int64_t spent_since(const store::GrantColumns& grant, std::int64_t now_s);
std::optional<std::int64_t> budget_reset_at(const store::GrantColumns& grant, std::int64_t now_s);

// Loop thread. What it is given outlives it. Errors of every call: internal (database).
class KeyService {
 public:
  KeyService(store::KeyStore& store,
             KeyDirectory& directory,
             const Authenticator& authenticator,
             const Clock& clock)
      : store_(store), directory_(directory), authenticator_(authenticator), clock_(clock) {}

  struct Generated {
    Secret<std::string> text;
    KeyView key;
  };
  // Errors: invalid_request (the key is given and is none, or taken; the alias is taken; there is
  // no such team).
  Task<Generated> generate(KeyRequest request);
  // Errors: not_found (param key), invalid_request as above.
  Task<KeyView> update(KeyRequest request);
  Task<KeyView> set_blocked(KeyRequest request, bool blocked);
  struct Removed {
    std::vector<Secret<std::string>> named;  // as they were named, each key once
    std::vector<std::string> unknown;        // of which there was none: redacted, or aliases
  };
  // Errors: not_found (there is none of them).
  Task<Removed> remove(KeysToDelete named);
  // Errors: not_found.
  Task<KeyView> find(Secret<std::string> text_or_hash);
  struct Listed {
    std::vector<KeyView> keys;  // newest first
    std::int64_t total = 0;
  };
  // with_spent: else what they spent is not asked for.
  Task<Listed> list(store::KeyStore::Query query, bool with_spent);

 private:
  // event: what the log says of it.
  Task<KeyView> change(std::optional<Secret<std::string>> text_or_hash,
                       std::function<void(store::KeyRow&)> change,
                       std::string_view event);
  Task<std::vector<KeyView>> views(std::vector<store::KeyRow> rows);
  Task<KeyView> view_of(store::KeyRow row);
  std::int64_t now_s() const { return unix_seconds(clock_.now()); }

  store::KeyStore& store_;
  KeyDirectory& directory_;
  const Authenticator& authenticator_;
  const Clock& clock_;
};

// "sk-" and 22 characters of base64url: 128 random bits.
Secret<std::string> new_key_text();
// The hash that a key is known by, of its text or of the hash itself. Errors: invalid_request with
// `param`, where it was given: it is neither.
Result<std::string> hash_of(const Secret<std::string>& text_or_hash,
                            std::string_view param = "key");

// What a row refuses because of another one is the client's mistake: 400, as LiteLLM answers.
Error as_bad_request(Error error);

}  // namespace quarry::access
