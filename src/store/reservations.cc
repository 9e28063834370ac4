#include "store/reservations.h"

#include "store/columns.h"
#include "store/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

namespace quarry::store {
namespace {

constexpr std::array<std::string_view, 3> kParties{"key", "team", "model"};

// No time of a Unix clock: a budget of nobody sums up nothing.
constexpr std::int64_t kNever = 9'000'000'000'000;

// One statement, so that a job that is paid in between is seen either as reserved or as spent, and
// never as both or neither.
Standing standing_of(soci::session& sql, const Admission::Ask& ask) {
  Standing standing{.party = ask.party, .id = ask.id};
  const std::string party(name(ask.party));
  const std::string_view whose = ask.party == Party::team ? "team_id" : "key_hash";
  const std::int64_t since = ask.party == Party::model ? kNever : ask.spent_since.value_or(kNever);
  soci::row row;
  sql << "SELECT CAST(COUNT(*) AS BIGINT) AS batches, " << sum_in_halves("tokens", "tokens") << ", "
      << sum_in_halves("nano_usd", "reserved")
      << ", (SELECT CAST(COALESCE(SUM(cost_nano_usd), 0) AS BIGINT) FROM job_costs WHERE " << whose
      << " = :whose AND collected_at >= :since) AS spent FROM reservations WHERE party = :party "
         "AND party_id = :id",
      soci::use(ask.id), soci::use(since), soci::use(party), soci::use(ask.id), soci::into(row);
  standing.open_batches = integer(row, "batches");
  standing.enqueued_tokens = sum_of_halves(row, "tokens");
  standing.reserved_nano_usd = sum_of_halves(row, "reserved");
  standing.spent_nano_usd = integer(row, "spent");
  return standing;
}

std::int64_t files_since(soci::session& sql,
                         std::string_view column,
                         const std::string& id,
                         std::int64_t since) {
  long long count = 0;
  sql << "SELECT COUNT(*) FROM files WHERE " << column
      << " = :id AND created_at >= :since AND purpose <> 'batch_output'",
      soci::use(id), soci::use(since), soci::into(count);
  return count;
}

constexpr std::int64_t kHalf = 1'000'000'000;

}  // namespace

std::string sum_in_halves(std::string_view column, std::string_view as) {
  return fmt::format(
      "CAST(COALESCE(SUM({0} / {2}), 0) AS BIGINT) AS {1}_high, "
      "CAST(COALESCE(SUM({0} % {2}), 0) AS BIGINT) AS {1}_low",
      column, as, kHalf);
}

std::int64_t sum_of_halves(const soci::row& row, const std::string& as) {
  std::int64_t sum = 0;
  const bool beyond = __builtin_mul_overflow(integer(row, (as + "_high").c_str()), kHalf, &sum) ||
                      __builtin_add_overflow(sum, integer(row, (as + "_low").c_str()), &sum);
  return beyond ? std::numeric_limits<std::int64_t>::max() : sum;
}

std::string_view name(Party party) { return kParties[static_cast<std::size_t>(party)]; }

Result<void> admit(soci::session& sql, const BatchId& id, const Admission& admission) {
  if (admission.judge) {
    std::vector<Standing> standings;
    for (const Admission::Ask& ask : admission.asks) standings.push_back(standing_of(sql, ask));
    if (auto allowed = admission.judge(standings); !allowed) return allowed;
  }
  for (const Reservation& reservation : admission.reservations) {
    Columns columns;
    columns.add("batch_id", id.value)
        .add("party", std::string(name(reservation.party)))
        .add("party_id", reservation.id)
        .add("tokens", std::min(reservation.tokens, kReservedTokensMax))
        .add("nano_usd", std::min(reservation.nano_usd, kReservedNanoUsdMax))
        .insert_into(sql, "reservations");
  }
  return {};
}

void pay_from_reservations(soci::session& sql, const BatchId& id, std::int64_t nano_usd) {
  if (nano_usd == 0) return;
  sql << "UPDATE reservations SET nano_usd = CASE WHEN nano_usd > :paid THEN nano_usd - :paid2 "
         "ELSE 0 END WHERE batch_id = :id",
      soci::use(nano_usd), soci::use(nano_usd), soci::use(id.value);
}

void release_reservations(soci::session& sql, const BatchId& id) {
  sql << "DELETE FROM reservations WHERE batch_id = :id", soci::use(id.value);
}

Result<void> check_quota(soci::session& sql, const Ownership& by, const FileQuota& quota) {
  if (!quota.of_key && !quota.of_team) return {};
  const std::int64_t of_key =
      quota.of_key ? files_since(sql, "key_hash", by.key_hash, quota.since) : 0;
  const std::int64_t of_team =
      quota.of_team && by.team_id ? files_since(sql, "team_id", *by.team_id, quota.since) : 0;
  return quota.judge(of_key, of_team);
}

Result<void> admit_file(soci::session& sql, const Ownership& by, const FileQuota& quota) {
  if (!quota.of_key && !quota.of_team) return {};
  lock(sql, "files");  // as next_created_order does: whoever inserts one is alone
  return check_quota(sql, by, quota);
}

}  // namespace quarry::store
