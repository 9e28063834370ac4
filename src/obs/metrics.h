#pragma once
// Metrics: counted anywhere, read at GET /metrics. One registry for the process, like obs::log's.
// Any thread; a count costs less than a log line that is not written. Nothing here throws or fails.
//
// A new metric is a value of an enum below and, in the same place, a row in metric_table.cc: its
// name, help, labels and buckets.
//
// Labels are words from closed lists: a route's pattern, a status, a code, a model's name. Never a
// path, an id, a key, a tenant or an error's text: each new value is a series that Prometheus keeps
// for ever. A metric takes at most kSeriesMax of them and counts what comes after as "other".

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

namespace quarry::obs {

inline constexpr std::size_t kSeriesMax = 2000;

enum class Counter {
  http_requests,          // method, route, code
  http_received_bytes,    // -: of bodies
  http_sent_bytes,        // -: of bodies
  batches_created,        // -
  batches_ended,          // status
  jobs_ended,             // kind, state
  lines,                  // model, outcome
  tokens,                 // model, kind
  spend_dollars,          // model
  unpriced_jobs,          // model
  manifest_differences,   // model
  aws_requests,           // service, operation, code
  aws_retries,            // service, operation
  aws_throttles,          // service, operation
  credential_failures,    // -
  lease_takeovers,        // -
  leases_lost,            // -
  webhook_deliveries,     // outcome: delivered, retried, given_up, refused
  database_transactions,  // outcome: committed, refused, failed
  process_cpu_seconds,    // -
  count_                  // how many there are
};

enum class Gauge {
  http_requests_in_flight,        // -
  http_connections,               // -
  batches,                        // status
  jobs,                           // kind, state
  oldest_due_work_seconds,        // -
  oldest_staged_job_seconds,      // -
  nearest_expiry_seconds,         // -
  reservations,                   // -
  reserved_dollars,               // -
  webhooks_waiting,               // -
  census_timestamp_seconds,       // -
  database_up,                    // -
  database_connections_used,      // -
  database_connections_limit,     // -
  blocking_pool_lag_seconds,      // -
  transfer_memory_used_bytes,     // use: uploads, jobs
  transfer_memory_limit_bytes,    // use
  event_loop_lag_seconds,         // -
  serving,                        // -
  build_info,                     // version
  process_resident_memory_bytes,  // -
  process_virtual_memory_bytes,   // -
  process_open_fds,               // -
  process_max_fds,                // -
  process_start_time_seconds,     // -
  count_
};

enum class Histogram {
  http_request_seconds,          // method, route
  http_stream_seconds,           // route
  aws_request_seconds,           // service, operation
  database_transaction_seconds,  // -
  webhook_delivery_seconds,      // -
  count_
};

// The values of the labels, in the order of the metric's row. Too few are filled with "", too many
// left out.
using Labels = std::initializer_list<std::string_view>;

// by: >= 0. 0 makes the series exist, so that its first increase is seen as one.
void count(Counter which, Labels labels = {}, double by = 1);
void set(Gauge which, Labels labels, double value);
void add(Gauge which, Labels labels, double by);
// value: in the unit of the metric's name, seconds.
void observe(Histogram which, Labels labels, double value);

// The value of one series; 0 if there is none. For tests.
double value_of(Counter which, Labels labels = {});
double value_of(Gauge which, Labels labels = {});

// All of it in Prometheus' text format 0.0.4, with this process' own memory, processor time and
// file descriptors as they are now.
std::string metrics_text();
inline constexpr std::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace quarry::obs
