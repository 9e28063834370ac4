#pragma once
// The ledger as clients see it: LiteLLM's words for what it has words for, money as dollars and,
// exact, as integer nano-dollars. A sum that is not known is null, never 0. Pure.

#include "api/csv.h"
#include "store/spend_store.h"

#include <boost/json.hpp>

#include <string>
#include <vector>

namespace quarry::api {

boost::json::object log_object(const store::SpendLogRow& row);
boost::json::object spent_object(const store::Spent& spent);
boost::json::object report_object(const store::ReportRow& row,
                                  const std::vector<store::GroupBy>& groups);

// A table of objects: a header of the first one's names, and a record each. Lists and objects
// within are JSON texts.
std::string csv_of(const boost::json::array& objects, const std::vector<std::string>& columns);
// The columns of log_object and of report_object that make a table.
std::vector<std::string> log_columns();
std::vector<std::string> report_columns(const std::vector<store::GroupBy>& groups);

}  // namespace quarry::api
