#include "sandbox/identities.h"

#include "base/bytes.h"
#include "base/ids.h"

#include <fmt/format.h>

#include <algorithm>

namespace quarry::sandbox {
namespace {

constexpr std::size_t kSessionsMax = 100'000;
constexpr int kSharedSeconds = 6 * 3600;  // what instances and containers are given

// Of AWS's alphabet of ids: A-Z and 2-7.
std::string random_id(std::string_view prefix, std::size_t size) {
  const std::string digits = random_hex128() + random_hex128();
  std::string id(prefix);
  for (std::size_t i = 0; id.size() < size; i += 2) {
    const auto value = static_cast<unsigned>(std::stoul(digits.substr(i, 2), nullptr, 16)) % 32;
    id.push_back(static_cast<char>(value < 26 ? 'A' + value : '2' + (value - 26)));
  }
  return id;
}

std::string random_text(std::string_view prefix, int blocks) {
  std::string raw;
  for (int i = 0; i < blocks; ++i) raw += random_hex128();
  return std::string(prefix) + base64(as_bytes(raw));
}

// The same for the same name, as a user's or a role's id is.
std::string stable_id(std::string_view prefix, std::string_view name) {
  std::string id(prefix);
  const Sha256 digest = sha256(as_bytes(name));
  for (std::size_t i = 0; id.size() < 21; ++i) {
    const unsigned value = std::to_integer<unsigned>(digest[i]) % 32;
    id.push_back(static_cast<char>(value < 26 ? 'A' + value : '2' + (value - 26)));
  }
  return id;
}

}  // namespace

Identities::Identities(Credentials root) : root_(std::move(root)) { add_root(); }

void Identities::add_root() {
  keys_[root_.access_key_id] =
      Key{.secret = root_.secret_access_key,
          .session_token = {},
          .expires = {},
          .principal = {.account = std::string(kAccountId),
                        .arn = fmt::format("arn:aws:iam::{}:root", kAccountId),
                        .user_id = std::string(kAccountId)}};
}

void Identities::reset() {
  account_ = {};
  keys_.clear();
  shared_.clear();
  add_root();
}

void Identities::replace(Account account) {
  account_ = std::move(account);
  shared_.clear();
}

std::optional<Key> Identities::find(const std::string& access_key_id) const {
  if (const auto found = keys_.find(access_key_id); found != keys_.end()) return found->second;
  const auto user = account_.users.find(access_key_id);
  if (user == account_.users.end()) return std::nullopt;
  return Key{.secret = user->second.secret,
             .session_token = {},
             .expires = {},
             .principal = {.account = user->second.account,
                           .arn = fmt::format("arn:aws:iam::{}:user/{}", user->second.account,
                                              user->second.name),
                           .user_id = stable_id("AIDA", access_key_id)}};
}

std::optional<Principal> Identities::of_bearer(std::string_view token) const {
  if (std::ranges::find(account_.bearer_tokens, token) == account_.bearer_tokens.end())
    return std::nullopt;
  return Principal{.account = std::string(kAccountId),
                   .arn = fmt::format("arn:aws:iam::{}:user/BedrockAPIKey-{}", kAccountId,
                                      sha256_hex(token).substr(0, 4)),
                   .user_id = stable_id("AIDA", token)};
}

Session Identities::begin_session(Principal principal,
                                  bool assumed_role,
                                  int asked_seconds,
                                  SysTime now) {
  // Those long over go first; what is left is asked about by clients that may still hold it.
  if (keys_.size() >= kSessionsMax) {
    std::erase_if(keys_, [&](const auto& entry) {
      return entry.second.expires && *entry.second.expires < now;
    });
  }
  const std::int64_t seconds = account_.session_seconds.value_or(asked_seconds);
  Session session{.access_key_id = random_id("ASIA", 20),
                  .key = {.secret = Secret<std::string>(random_text("", 2).substr(0, 40)),
                          .session_token = Secret<std::string>(random_text("IQoJb3JpZ2luX2Vj", 6)),
                          .expires = now + std::chrono::seconds(seconds),
                          .principal = std::move(principal),
                          .assumed_role = assumed_role},
                  .role_arn = {}};
  keys_[session.access_key_id] = session.key;
  return session;
}

Session Identities::assume(const RoleArn& role,
                           const std::string& role_arn,
                           const std::string& session_name,
                           int asked_seconds,
                           SysTime now) {
  const std::string account = role.account.empty() ? std::string(kAccountId) : role.account;
  Principal principal{.account = account,
                      .arn = fmt::format("arn:{}:sts::{}:assumed-role/{}/{}", role.partition,
                                         account, role.name, session_name),
                      .user_id = stable_id("AROA", role.name) + ":" + session_name};
  Session session = begin_session(std::move(principal), true, asked_seconds, now);
  session.role_arn = role_arn;
  return session;
}

Session Identities::shared_session(const std::string& source,
                                   const RoleArn& role,
                                   const std::string& session_name,
                                   SysTime now) {
  const auto known = shared_.find(source);
  if (known != shared_.end()) {
    const auto life = std::chrono::seconds(account_.session_seconds.value_or(kSharedSeconds));
    if (*known->second.key.expires - now > life / 2) return known->second;
  }
  const std::string account = role.account.empty() ? std::string(kAccountId) : role.account;
  const std::string arn = fmt::format("arn:{}:iam::{}:role/{}", role.partition, account, role.name);
  Session session = assume(role, arn, session_name, kSharedSeconds, now);
  shared_.insert_or_assign(source, session);
  return session;
}

Answer<void> Identities::authorize(const Principal& principal,
                                   std::string_view action,
                                   const std::string& resource,
                                   std::string_view code) const {
  if (!account_.denies(principal.arn, action, resource)) return {};
  // S3 quotes the resource, the others do not.
  const bool quoted = action.starts_with("s3:");
  return refuse(403, std::string(code),
                denial_text(principal.arn, action, quoted ? "\"" + resource + "\"" : resource));
}

std::string denial_text(std::string_view principal_arn,
                        std::string_view action,
                        std::string_view resource) {
  return fmt::format(
      "User: {} is not authorized to perform: {} on resource: {} because no identity-based policy "
      "allows the {} action",
      principal_arn, action, resource, action);
}

}  // namespace quarry::sandbox
