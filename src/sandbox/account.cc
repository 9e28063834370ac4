#include "sandbox/account.h"

#include "sandbox/wire.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::int64_t kSessionSecondsMax = 43200;

// Reads members of one object and remembers the first thing that is wrong, with its place.
class Reader {
 public:
  Reader(const json::object& object, std::string place, std::string& wrong)
      : object_(object), place_(std::move(place)), wrong_(wrong) {}

  ~Reader() {
    for (const auto& [key, value] : object_) {
      if (std::ranges::find(known_, std::string_view(key)) == known_.end())
        fail(fmt::format("{} has no member '{}'", place_.empty() ? "an account" : place_,
                         std::string_view(key)));
    }
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  const json::value* member(std::string_view name) {
    known_.push_back(name);
    return object_.if_contains(name);
  }

  std::string text(std::string_view name, std::string_view fallback = "") {
    const json::value* value = member(name);
    if (value == nullptr) return std::string(fallback);
    if (!value->is_string()) {
      must(name, "be a text");
      return "";
    }
    return std::string(std::string_view(value->get_string()));
  }

  std::string needed_text(std::string_view name) {
    std::string value = text(name);
    if (value.empty()) must(name, "be given");
    return value;
  }

  std::string account_id(std::string_view name, std::string_view fallback) {
    std::string value = text(name, fallback);
    if (!is_account_id(value)) must(name, "be 12 digits");
    return value;
  }

  bool flag(std::string_view name) {
    const json::value* value = member(name);
    if (value == nullptr) return false;
    if (!value->is_bool()) must(name, "be true or false");
    return value->is_bool() && value->get_bool();
  }

  std::vector<std::string> texts(std::string_view name) {
    std::vector<std::string> list;
    const json::value* value = member(name);
    if (value == nullptr) return list;
    const bool right =
        value->is_array() && std::ranges::all_of(value->get_array(), &json::value::is_string);
    if (!right) {
      must(name, "be a list of texts");
      return list;
    }
    for (const json::value& item : value->get_array())
      list.emplace_back(std::string_view(item.get_string()));
    return list;
  }

  // Calls read(key, reader of the value) for every member of the object of that name.
  template <class Read>
  void each(std::string_view name, const Read& read) {
    const json::value* value = member(name);
    if (value == nullptr) return;
    if (!value->is_object()) return must(name, "be an object");
    for (const auto& [key, inner] : value->get_object()) {
      const std::string place = fmt::format("{}['{}']", at(name), std::string_view(key));
      if (!inner.is_object()) return fail(place + " must be an object");
      Reader reader(inner.get_object(), place, wrong_);
      read(std::string(std::string_view(key)), reader);
    }
  }

  template <class Read>
  void each_entry(std::string_view name, const Read& read) {
    const json::value* value = member(name);
    if (value == nullptr) return;
    if (!value->is_array()) return must(name, "be a list");
    for (std::size_t i = 0; i < value->get_array().size(); ++i) {
      const std::string place = fmt::format("{}[{}]", at(name), i);
      const json::value& inner = value->get_array()[i];
      if (!inner.is_object()) return fail(place + " must be an object");
      Reader reader(inner.get_object(), place, wrong_);
      read(reader);
    }
  }

  void must(std::string_view name, std::string_view what) {
    fail(fmt::format("'{}' must {}", at(name), what));
  }

 private:
  std::string at(std::string_view name) const {
    return place_.empty() ? std::string(name) : fmt::format("{}.{}", place_, name);
  }
  void fail(std::string what) {
    if (wrong_.empty()) wrong_ = std::move(what);
  }

  const json::object& object_;
  std::string place_;
  std::string& wrong_;
  std::vector<std::string_view> known_;
};

void read_role(Reader& from, const std::string& arn, Account& account) {
  AccountRole& role = account.roles[arn];
  role.external_id = from.text("external_id");
  role.web_identity = from.texts("web_identity");
  role.denied = from.flag("denied");
  const json::value* tags = from.member("tags");
  if (tags != nullptr && !tags->is_object()) return from.must("tags", "be an object");
  if (tags == nullptr) return;
  for (const auto& [key, value] : tags->get_object()) {
    if (!value.is_string()) return from.must("tags", "hold texts");
    role.tags.emplace(std::string_view(key), std::string_view(value.get_string()));
  }
}

void read_key(Reader& from, const std::string& arn, Account& account) {
  constexpr std::array<std::string_view, 3> kStates{"Enabled", "Disabled", "PendingDeletion"};
  AccountKey& key = account.kms_keys[arn];
  key.state = from.text("state", "Enabled");
  if (std::ranges::find(kStates, key.state) == kStates.end())
    from.must("state", fmt::format("be one of {}", fmt::join(kStates, ", ")));
  key.denied = from.texts("denied");
}

void read_services(Reader& root, Account& account) {
  account.region = root.text("region", account.region);
  account.instance_role = root.text("instance_role");
  account.imds_v1 = root.flag("imds_v1");
  account.container_token = root.text("container_token");
  account.bearer_tokens = root.texts("bearer_tokens");
  root.each("sso", [&](const std::string& token, Reader& from) {
    account.sso[token] = {.account_id = from.account_id("account_id", kAccountId),
                          .role_name = from.needed_text("role_name")};
  });
  if (const json::value* seconds = root.member("session_seconds")) {
    const bool right = seconds->is_int64() && seconds->get_int64() >= 0 &&
                       seconds->get_int64() <= kSessionSecondsMax;
    if (!right) return root.must("session_seconds", "be a whole number from 0 to 43200");
    account.session_seconds = seconds->get_int64();
  }
}

void read_all(Reader& root, Account& account) {
  root.each("roles", [&](const std::string& arn, Reader& from) {
    if (!parse_role_arn(arn)) root.must("roles", "be named by ARNs of roles");
    read_role(from, arn, account);
  });
  root.each("users", [&](const std::string& key_id, Reader& from) {
    AccountUser user{.secret = Secret<std::string>(from.needed_text("secret")),
                     .name = from.text("name"),
                     .account = from.account_id("account", kAccountId)};
    if (user.name.empty()) user.name = key_id;
    account.users.emplace(key_id, std::move(user));
  });
  read_services(root, account);
  root.each("buckets", [&](const std::string& name, Reader& from) {
    account.buckets[name] = {.owner = from.account_id("owner", kAccountId),
                             .region = from.text("region"),
                             .required_kms_key = from.text("required_kms_key")};
  });
  root.each("kms_keys",
            [&](const std::string& arn, Reader& from) { read_key(from, arn, account); });
  root.each_entry("denied", [&](Reader& from) {
    account.denied.push_back({.principal = from.text("principal"),
                              .action = from.needed_text("action"),
                              .resource = from.text("resource")});
  });
}

bool same_action(std::string_view rule, std::string_view action) {
  if (rule.ends_with('*')) return action.starts_with(rule.substr(0, rule.size() - 1));
  return rule == action;
}

}  // namespace

const AccountRole* Account::role(const std::string& arn) const {
  const auto found = roles.find(arn);
  return found == roles.end() ? nullptr : &found->second;
}

const AccountBucket* Account::bucket(const std::string& bucket_name) const {
  const auto found = buckets.find(bucket_name);
  return found == buckets.end() ? nullptr : &found->second;
}

std::string Account::owner_of(const std::string& bucket_name) const {
  const AccountBucket* known = bucket(bucket_name);
  return known == nullptr ? std::string(kAccountId) : known->owner;
}

bool Account::denies(std::string_view principal,
                     std::string_view action,
                     std::string_view resource) const {
  return std::ranges::any_of(denied, [&](const Denial& rule) {
    return principal.contains(rule.principal) && same_action(rule.action, action) &&
           resource.contains(rule.resource);
  });
}

std::expected<Account, std::string> parse_account(std::string_view text) {
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  if (error) return std::unexpected("the account is not JSON");
  if (!value.is_object()) return std::unexpected("the account is not a JSON object");
  Account account;
  std::string wrong;
  {
    Reader root(value.get_object(), "", wrong);
    read_all(root, account);
  }
  if (!wrong.empty()) return std::unexpected(std::move(wrong));
  account.source = value.get_object();
  return account;
}

std::optional<RoleArn> parse_role_arn(std::string_view arn) {
  std::vector<std::string_view> parts;
  for (int field = 0; field < 5; ++field) {
    const std::size_t colon = arn.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    parts.push_back(arn.substr(0, colon));
    arn.remove_prefix(colon + 1);
  }
  const bool right = parts[0] == "arn" && parts[1].starts_with("aws") && parts[2] == "iam" &&
                     parts[3].empty() && (parts[4].empty() || is_account_id(parts[4])) &&
                     arn.starts_with("role/") && arn.size() > 5 && !arn.ends_with('/');
  if (!right) return std::nullopt;
  return RoleArn{.partition = std::string(parts[1]),
                 .account = std::string(parts[4]),
                 .name = std::string(arn.substr(arn.rfind('/') + 1))};
}

bool is_account_id(std::string_view text) {
  return text.size() == 12 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace quarry::sandbox
