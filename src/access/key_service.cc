#include "access/key_service.h"

#include "base/bytes.h"
#include "base/ids.h"
#include "obs/log.h"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <set>
#include <stdexcept>

namespace quarry::access {
namespace {

constexpr std::size_t kHashDigits = 64;
constexpr std::size_t kKeyRandomBytes = 16;

bool is_hash(std::string_view text) {
  return text.size() == kHashDigits && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

Result<void> check_key_text(std::string_view text) {
  const auto printable = [](char c) { return c > 0x20 && c < 0x7f; };
  if (text.starts_with(kKeyPrefix) && text.size() >= kKeyBytesLeast &&
      std::ranges::all_of(text, printable)) {
    return {};
  }
  return fail(Error(Errc::invalid_request,
                    fmt::format("Invalid 'key': a key begins with '{}' and has at least {} visible "
                                "ASCII characters. hint: leave it away and one is made.",
                                kKeyPrefix, kKeyBytesLeast))
                  .param("key")
                  .reason("invalid_value"));
}

// The hash of the key that a request must name.
Result<std::string> named_hash(const std::optional<Secret<std::string>>& text_or_hash) {
  if (text_or_hash) return hash_of(*text_or_hash);
  return fail(Error(Errc::invalid_request, "Missing required parameter: 'key'.")
                  .param("key")
                  .reason("missing_required_parameter"));
}

void apply_request(const KeyRequest& request, std::int64_t now_s, store::KeyRow& row) {
  if (request.key_alias) row.key_alias = *request.key_alias;
  if (request.user_id) row.user_id = request.user_id->value_or("");
  if (request.team_id) row.team_id = *request.team_id;
  if (request.duration) {
    row.expires_at =
        *request.duration ? std::optional(later(now_s, **request.duration)) : std::nullopt;
  }
  apply(request.grant, now_s, row.grant);
}

// hashes: of what is named, in its order; removed: those that there were.
KeyService::Removed told_apart(const KeysToDelete& named,
                               const std::vector<std::string>& hashes,
                               const std::vector<std::string>& removed) {
  std::set<std::string_view> there(removed.begin(), removed.end()), told;
  KeyService::Removed out;
  for (std::size_t i = 0; i < hashes.size(); ++i) {
    const bool by_text = i < named.keys.size();
    if (there.contains(hashes[i])) {
      if (!told.insert(hashes[i]).second) continue;
      out.named.push_back(by_text ? named.keys[i]
                                  : Secret<std::string>(named.aliases[i - named.keys.size()]));
      continue;
    }
    const std::string& name =
        by_text ? named.keys[i].reveal() : named.aliases[i - named.keys.size()];
    out.unknown.push_back(by_text && !is_hash(name) ? redacted(name) : name);
  }
  return out;
}

}  // namespace

std::int64_t spent_since(const store::GrantColumns& grant, std::int64_t now_s) {
  return period_began({0, grant.budget_duration, grant.budget_began}, now_s);
}

std::optional<std::int64_t> budget_reset_at(const store::GrantColumns& grant, std::int64_t now_s) {
  return period_ends({0, grant.budget_duration, grant.budget_began}, now_s);
}

Secret<std::string> new_key_text() {
  std::array<unsigned char, kKeyRandomBytes> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    throw std::runtime_error("the system's random generator failed");
  }
  std::string text = base64(std::as_bytes(std::span(bytes)));
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  while (text.ends_with('=')) text.pop_back();
  return Secret<std::string>(std::string(kKeyPrefix) + text);
}

Result<std::string> hash_of(const Secret<std::string>& text_or_hash, std::string_view param) {
  const std::string& text = text_or_hash.reveal();
  if (is_hash(text)) return text;
  if (text.starts_with(kKeyPrefix)) return sha256_hex(text);
  return fail(Error(Errc::invalid_request,
                    fmt::format("Invalid '{}': expected a key, which begins with '{}', or its hash "
                                "of {} hexadecimal digits.",
                                param, kKeyPrefix, kHashDigits))
                  .param(std::string(param))
                  .reason("invalid_value"));
}

Error as_bad_request(Error error) {
  const bool of_another_row = error.code() == Errc::conflict ||
                              (error.code() == Errc::not_found && error.param() == "team_id");
  if (!of_another_row) return error;
  return Error(Errc::invalid_request, error.message()).param(error.param()).reason("invalid_value");
}

Task<KeyService::Generated> KeyService::generate(KeyRequest request) {
  Secret<std::string> text = request.key.value_or(new_key_text());
  if (auto checked = check_key_text(text.reveal()); !checked) {
    co_return fail(std::move(checked.error()));
  }
  const std::int64_t now = now_s();
  store::KeyRow row;
  row.key_hash = sha256_hex(text.reveal());
  if (authenticator_.is_master(row.key_hash)) {
    co_return fail(Error(Errc::invalid_request, "This key exists already.")
                       .param("key")
                       .reason("invalid_value"));
  }
  row.key_name = redacted(text.reveal());
  row.grant.created_at = now;
  row.grant.budget_began = now;
  apply_request(request, now, row);
  auto inserted = co_await store_.insert(row);
  if (!inserted) co_return fail(as_bad_request(std::move(inserted.error())));
  directory_.forget(row.key_hash);  // that there was none
  obs::info("key generated", {{"key", row.key_name}, {"key_hash", row.key_hash}});
  const auto reset_at = budget_reset_at(row.grant, now);
  co_return Generated{std::move(text), {std::move(row), 0, reset_at}};
}

Task<KeyView> KeyService::view_of(store::KeyRow row) {
  std::vector<store::KeyRow> one;
  one.push_back(std::move(row));
  auto seen = co_await views(std::move(one));
  if (!seen) co_return fail(std::move(seen.error()));
  co_return std::move(seen->front());
}

Task<KeyView> KeyService::change(std::optional<Secret<std::string>> text_or_hash,
                                 std::function<void(store::KeyRow&)> change,
                                 std::string_view event) {
  auto hash = named_hash(text_or_hash);
  if (!hash) co_return fail(std::move(hash.error()));
  auto row = co_await store_.update(*hash, std::move(change));
  directory_.forget(*hash);
  if (!row) co_return fail(as_bad_request(std::move(row.error())));
  obs::info(event, {{"key", row->key_name}, {"key_hash", row->key_hash}});
  co_return co_await view_of(std::move(*row));
}

Task<KeyView> KeyService::update(KeyRequest request) {
  const auto change_row = [request, now = now_s()](store::KeyRow& row) {
    apply_request(request, now, row);
  };
  co_return co_await change(request.key, change_row, "key updated");
}

Task<KeyView> KeyService::set_blocked(KeyRequest request, bool blocked) {
  const auto change_row = [blocked, now = now_s()](store::KeyRow& row) {
    row.grant.blocked = blocked;
    row.grant.updated_at = now;
  };
  co_return co_await change(request.key, change_row, blocked ? "key blocked" : "key unblocked");
}

Task<KeyService::Removed> KeyService::remove(KeysToDelete named) {
  std::vector<std::string> hashes;  // of the keys and then of the aliases; "" = there is none
  for (std::size_t i = 0; i < named.keys.size(); ++i) {
    auto hash = hash_of(named.keys[i], fmt::format("keys[{}]", i));
    if (!hash) co_return fail(std::move(hash.error()));
    hashes.push_back(std::move(*hash));
  }
  for (const std::string& alias : named.aliases) {
    auto row = co_await store_.find_by_alias(alias);
    if (!row) co_return fail(std::move(row.error()));
    hashes.push_back(*row ? (*row)->key_hash : std::string());
  }
  auto removed = co_await store_.remove(hashes);
  if (!removed) co_return fail(std::move(removed.error()));
  for (const std::string& hash : *removed) {
    directory_.forget(hash);
    obs::info("key deleted", {{"key_hash", hash}});
  }
  if (removed->empty()) {
    co_return fail(Error(Errc::not_found, "There is none of these keys.").param("keys"));
  }
  co_return told_apart(named, hashes, *removed);
}

Task<KeyView> KeyService::find(Secret<std::string> text_or_hash) {
  auto hash = named_hash(text_or_hash);
  if (!hash) co_return fail(std::move(hash.error()));
  auto row = co_await store_.find(std::move(*hash));
  if (!row) co_return fail(std::move(row.error()));
  if (!*row) co_return fail(Error(Errc::not_found, "There is no such key.").param("key"));
  co_return co_await view_of(std::move(**row));
}

Task<std::vector<KeyView>> KeyService::views(std::vector<store::KeyRow> rows) {
  const std::int64_t now = now_s();
  std::vector<store::Admission::Ask> asks;
  for (const store::KeyRow& row : rows) {
    asks.push_back({store::Party::key, row.key_hash, spent_since(row.grant, now)});
  }
  auto spent = co_await store_.spent(std::move(asks));
  if (!spent) co_return fail(std::move(spent.error()));
  std::vector<KeyView> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto reset_at = budget_reset_at(rows[i].grant, now);
    out.push_back({std::move(rows[i]), (*spent)[i], reset_at});
  }
  co_return out;
}

Task<KeyService::Listed> KeyService::list(store::KeyStore::Query query, bool with_spent) {
  auto page = co_await store_.list(std::move(query));
  if (!page) co_return fail(std::move(page.error()));
  Listed listed;
  listed.total = page->total;
  if (!with_spent) {
    for (store::KeyRow& row : page->keys) listed.keys.push_back({std::move(row), 0, std::nullopt});
    co_return listed;
  }
  auto seen = co_await views(std::move(page->keys));
  if (!seen) co_return fail(std::move(seen.error()));
  listed.keys = std::move(*seen);
  co_return listed;
}

}  // namespace quarry::access
