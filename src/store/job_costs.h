#pragma once
// For this room's .cc files only: job_costs, a row a job, written when it is collected.

#include "store/batch_store.h"

#include <soci/soci.h>

#include <map>
#include <span>
#include <string>
#include <vector>

namespace quarry::store {

// Once: a second row of a job is an error. The job and its batch are there.
void insert_job_cost(soci::session& sql,
                     const BatchStore::Collected& collected,
                     std::int64_t now_s);
// What the jobs of each of these batches have cost, by the way they ran and the price; largest cost
// first. By the batch's id; nothing of a batch that none has been collected of.
std::map<std::string, std::vector<BillRow>> bills_of(soci::session& sql,
                                                     std::span<const std::string> batch_ids);

// The sums of job_costs as columns of a SELECT, and read from its row.
extern const char* const kSpentColumns;
Spent spent_of(const soci::row& row);

}  // namespace quarry::store
