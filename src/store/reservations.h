#pragma once
// For this room's .cc files only: the rows of what open batches hold.

#include "store/admission.h"
#include "store/rows.h"

#include <soci/soci.h>

namespace quarry::store {

// Judges the batch by how its parties stand, and reserves for it. The caller holds the lock of
// creations. Errors: what admission.judge refuses with.
Result<void> admit(soci::session& sql, const BatchId& id, const Admission& admission);
// A job of it was paid: so much less may it still cost.
void pay_from_reservations(soci::session& sql, const BatchId& id, std::int64_t nano_usd);
// It has ended, whichever way.
void release_reservations(soci::session& sql, const BatchId& id);

// Errors: what quota.judge refuses with.
Result<void> check_quota(soci::session& sql, const Ownership& by, const FileQuota& quota);

}  // namespace quarry::store
