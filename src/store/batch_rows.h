#pragma once
// For this room's .cc files only: batch and job rows to columns and back.

#include "store/batch_store.h"
#include "store/columns.h"
#include "store/rows.h"

#include <soci/soci.h>

namespace quarry::store {

// A due time that does not come: the row waits to be woken, or is done.
inline constexpr std::int64_t kNeverMs = 9'000'000'000'000'000;

extern const char* const kBatchColumns;
extern const char* const kJobColumns;

BatchRow batch_of(const soci::row& row);
JobRow job_of(const soci::row& row);
Columns columns_of(const BatchRow& batch);
Columns columns_of(const JobRow& job, std::int64_t due_ms);
Columns columns_of(const SpendRow& spend);
void add_usage(Columns& columns, const openai::Usage& usage);
openai::Usage usage_of(const soci::row& row);

// Before anything else of a transaction that changes a batch and its jobs: until its end nobody else
// changes them in one, so that of two that end the last two jobs the second sees the first's. A
// batch before its jobs, batches in the order of their ids: else two may wait for each other.
void lock_batch(soci::session& sql, const BatchId& id);

// The counts that clients see while jobs run: what is collected, and AWS's own counters for the
// rest. They do not fall, though AWS's counters may have counted what another job then does again,
// but for what would make them more than all lines; when all jobs are collected they are exact.
// Locks the batch.
void refresh_counts(soci::session& sql, const BatchId& id);

// SQL: the row is due, and nobody works on it any more.
std::string is_due(std::int64_t now_ms);
// Leases the jobs to `me`, and fills in what is due of their batches.
void lease_jobs(soci::session& sql,
                std::vector<DueJob>& jobs,
                const std::string& me,
                std::int64_t until_ms);

// Enumerators by the words that the columns hold. Throw std::runtime_error on others: the database
// is not ours.
BatchPhase parse_phase(const std::string& word);
JobState parse_state(const std::string& word);
JobKind parse_kind(const std::string& word);
bedrock::InvocationType parse_invocation(const std::string& word);

}  // namespace quarry::store
