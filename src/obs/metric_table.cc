#include "obs/metric_table.h"

namespace quarry::obs {
namespace {

// Of answers from the database to uploads' ends.
constexpr std::array kRequestBuckets{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                     0.25,  0.5,    1.0,   2.5,  5.0,   10.0, 30.0};
constexpr std::array kStreamBuckets{0.01, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0};
// Of a HEAD in the same region to an answer that a model thinks about.
constexpr std::array kAwsBuckets{0.005, 0.01, 0.025, 0.05, 0.1,  0.25, 0.5,
                                 1.0,   2.5,  5.0,   10.0, 30.0, 60.0, 300.0};
constexpr std::array kDatabaseBuckets{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                      0.05,   0.1,   0.25,   1.0,   5.0};
constexpr std::array kWebhookBuckets{0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0};

constexpr std::array kCounters{
    MetricSpec{"quarry_http_requests_total",
               "Requests answered, by the route's pattern (other: no route) and the answer's code.",
               {"method", "route", "code"}},
    MetricSpec{"quarry_http_received_bytes_total", "Bytes of request bodies that were read."},
    MetricSpec{"quarry_http_sent_bytes_total", "Bytes of answers' bodies that were sent."},
    MetricSpec{"quarry_batches_created_total", "Batches created; a repeated creation is none."},
    MetricSpec{
        "quarry_batches_ended_total", "Batches that ended, by their last status.", {"status"}},
    MetricSpec{"quarry_jobs_ended_total",
               "Jobs whose results were collected, by kind (bedrock, direct) and AWS's word for "
               "their end.",
               {"kind", "state"}},
    MetricSpec{"quarry_lines_total",
               "Lines that got their result, by model and outcome (succeeded, failed, unfinished: "
               "cancelled or expired; refused: by Quarry, of the model other).",
               {"model", "outcome"}},
    MetricSpec{"quarry_tokens_total",
               "Tokens that AWS counted, by model and kind (input: all of them; cached and "
               "cache_write: of "
               "these; output: all of them; reasoning: of these).",
               {"model", "kind"}},
    MetricSpec{"quarry_spend_dollars_total",
               "What the collected results cost in US dollars, by model. Without unpriced jobs.",
               {"model"}},
    MetricSpec{"quarry_unpriced_jobs_total",
               "Jobs collected without a price known for their model: their cost is in no sum.",
               {"model"}},
    MetricSpec{"quarry_manifest_differences_total",
               "Jobs whose records sum up to other tokens than AWS's own manifest says.",
               {"model"}},
    MetricSpec{"quarry_aws_requests_total",
               "Requests sent to AWS, each try one, by the answer's code: ok, AWS's error code, or "
               "what kept an answer from coming.",
               {"service", "operation", "code"}},
    MetricSpec{"quarry_aws_retries_total",
               "Requests to AWS that were sent again.",
               {"service", "operation"}},
    MetricSpec{"quarry_aws_throttles_total",
               "Requests that AWS refused as too many.",
               {"service", "operation"}},
    MetricSpec{"quarry_credential_failures_total", "Refreshes of AWS credentials that failed."},
    MetricSpec{"quarry_lease_takeovers_total",
               "Pieces of work taken up because another server stopped renewing its lease."},
    MetricSpec{"quarry_leases_lost_total",
               "Pieces of work given up because another server had taken them."},
    MetricSpec{"quarry_webhook_deliveries_total",
               "Tries to deliver an event, by outcome (delivered, retried, given_up, refused).",
               {"outcome"}},
    MetricSpec{"quarry_database_transactions_total",
               "Transactions, by outcome (committed, refused: rolled back by a rule, failed: the "
               "database).",
               {"outcome"}},
    MetricSpec{"process_cpu_seconds_total", "Processor time this process used, in seconds."},
};

constexpr std::array kGauges{
    MetricSpec{"quarry_http_requests_in_flight", "Requests being answered, streams included."},
    MetricSpec{"quarry_http_connections", "Connections of clients that are open."},
    MetricSpec{"quarry_batches",
               "Batches that have not ended, by status. Of the database: every server shows the "
               "whole, so take max().",
               {"status"}},
    MetricSpec{"quarry_jobs",
               "Jobs not yet collected, by kind and state. Of the database: take max().",
               {"kind", "state"}},
    MetricSpec{"quarry_oldest_due_work_seconds",
               "For how long the oldest work that is due has been waiting for a server. Of the "
               "database: take max()."},
    MetricSpec{"quarry_oldest_staged_job_seconds",
               "For how long the oldest planned batch has had a job without a slot at AWS. Of the "
               "database: take max()."},
    MetricSpec{"quarry_nearest_expiry_seconds",
               "Until the first window of an open batch closes; +Inf without one. Of the database: "
               "take min()."},
    MetricSpec{"quarry_reservations",
               "Open batches that hold tokens and budgets. Of the database: take max()."},
    MetricSpec{"quarry_reserved_dollars",
               "US dollars that open batches of keys and teams may still cost, as was reserved for "
               "them. Of the database: take max()."},
    MetricSpec{"quarry_webhooks_waiting",
               "Events that are to be delivered. Of the database: take max()."},
    MetricSpec{"quarry_census_timestamp_seconds",
               "Unix time of the look at the database that the metrics of the database are from."},
    MetricSpec{"quarry_database_up", "1 if the last look at the database succeeded."},
    MetricSpec{"quarry_database_connections_used", "Connections of the pool in use."},
    MetricSpec{"quarry_database_connections_limit", "Connections that the pool may open."},
    MetricSpec{"quarry_blocking_pool_lag_seconds",
               "How long a piece of work waited for a thread of the pool, the most of the last "
               "half minute."},
    MetricSpec{"quarry_transfer_memory_used_bytes", "Transfer buffers in use.", {"use"}},
    MetricSpec{"quarry_transfer_memory_limit_bytes", "Transfer buffers there may be.", {"use"}},
    MetricSpec{"quarry_event_loop_lag_seconds",
               "How much later than asked the event loop woke, the most of the last half minute."},
    MetricSpec{"quarry_serving", "1 while requests are welcome, 0 while this server drains."},
    MetricSpec{"quarry_build_info", "1; the labels say what is running.", {"version"}},
    MetricSpec{"process_resident_memory_bytes", "Resident memory, in bytes."},
    MetricSpec{"process_virtual_memory_bytes", "Virtual memory, in bytes."},
    MetricSpec{"process_open_fds", "Open file descriptors."},
    MetricSpec{"process_max_fds", "File descriptors that may be open."},
    MetricSpec{"process_start_time_seconds", "Unix time of this process' start, in seconds."},
};

constexpr std::array kHistograms{
    MetricSpec{"quarry_http_request_seconds",
               "From a request's header to its answer, without the answer's stream.",
               {"method", "route"},
               kRequestBuckets},
    MetricSpec{"quarry_http_stream_seconds",
               "How long an answer's body was streamed: downloads.",
               {"route"},
               kStreamBuckets},
    MetricSpec{"quarry_aws_request_seconds",
               "From sending a request to AWS to the end of its answer, each try one.",
               {"service", "operation"},
               kAwsBuckets},
    MetricSpec{"quarry_database_transaction_seconds",
               "A transaction, from its begin to its end.",
               {},
               kDatabaseBuckets},
    MetricSpec{
        "quarry_webhook_delivery_seconds", "One try to deliver an event.", {}, kWebhookBuckets},
};

static_assert(kCounters.size() == static_cast<std::size_t>(Counter::count_));
static_assert(kGauges.size() == static_cast<std::size_t>(Gauge::count_));
static_assert(kHistograms.size() == static_cast<std::size_t>(Histogram::count_));

}  // namespace

std::span<const MetricSpec> counter_specs() { return kCounters; }
std::span<const MetricSpec> gauge_specs() { return kGauges; }
std::span<const MetricSpec> histogram_specs() { return kHistograms; }

}  // namespace quarry::obs
