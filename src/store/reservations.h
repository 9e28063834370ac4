#pragma once
// For this room's .cc files only: the rows of what open batches hold.

#include "store/admission.h"
#include "store/rows.h"

#include <soci/soci.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace quarry::store {

// What is stored of a reservation is at most this, however much more its batch asks for: no limit
// of tokens can be set higher, no batch costs a thousand million dollars.
inline constexpr std::int64_t kReservedTokensMax = 1'000'000'000'000'000;
inline constexpr std::int64_t kReservedNanoUsdMax = 1'000'000'000'000'000'000;

// Judges the batch by how its parties stand, and reserves for it. The caller holds the lock of
// creations. Errors: what admission.judge refuses with.
Result<void> admit(soci::session& sql, const BatchId& id, const Admission& admission);
// A job of it was paid: so much less may it still cost.
void pay_from_reservations(soci::session& sql, const BatchId& id, std::int64_t nano_usd);
// It has ended, whichever way.
void release_reservations(soci::session& sql, const BatchId& id);

// A sum of amounts that clients name, which a SUM in 64 bits fails at: the expressions of a SELECT,
// and their value in its row, the largest number where it is beyond.
std::string sum_in_halves(std::string_view column, std::string_view as);
std::int64_t sum_of_halves(const soci::row& row, const std::string& as);

// How it stands at the moment: the early word. Errors: what quota.judge refuses with.
Result<void> check_quota(soci::session& sql, const Ownership& by, const FileQuota& quota);
// The last word, for who inserts the file: no other is inserted until the transaction's end.
Result<void> admit_file(soci::session& sql, const Ownership& by, const FileQuota& quota);

}  // namespace quarry::store
