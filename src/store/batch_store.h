#pragma once
// Batches, their jobs, what they cost. Each method is one transaction; the steps of a batch's life
// are methods here, so that what belongs together is written together. Errors of every call:
// internal (database).

#include "base/task.h"
#include "store/admission.h"
#include "store/bills.h"
#include "store/database.h"
#include "store/file_store.h"
#include "store/rows.h"
#include "store/webhook_store.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace quarry::store {

// A repeat of a creation that must answer with the first batch.
struct IdempotencyClaim {
  std::string key;  // the client's Idempotency-Key, or made of the request for an SDK's own repeat
  std::string request_hash;  // of the body: the same key with another body is a conflict
  std::int64_t valid_for_ms = 0;
};

// A unit of due work, leased to this process. taken_over: from another, whose lease had lapsed.
struct DueBatch {
  BatchRow batch;
  bool taken_over = false;
};
struct DueJob {
  JobRow job;
  bool batch_cancelling = false;
  std::int64_t batch_expires_at = 0;  // Unix seconds
  bool taken_over = false;
};

class BatchStore {
 public:
  // lease_owner: this process; unique among replicas.
  BatchStore(Database& database, std::string lease_owner)
      : database_(database), lease_owner_(std::move(lease_owner)) {}

  // Who is told of a batch's end; nobody where this is not called. Before any other call.
  void tell_of_ends(EndNotices notices) { end_notices_ = std::move(notices); }

  // --- what clients do ---
  // What create() would give without making a batch: the first one of this claim, if it is known
  // and young enough. Also: conflict, as there.
  Task<std::optional<BatchRow>> claimed(std::string owner,
                                        IdempotencyClaim claim,
                                        std::int64_t now_ms);
  // Inserts the batch, its acreate_batch row and what is reserved for it; or, if the claim is known
  // and young enough, gives the first batch, whatever the admission says by now. Also: conflict
  // (same Idempotency-Key, another body), and what admission.judge refuses with.
  Task<BatchRow> create(BatchRow batch,
                        std::optional<IdempotencyClaim> claim,
                        bool remember_only,
                        std::int64_t now_ms,
                        Admission admission = {});
  // Also: not_found.
  Task<BatchRow> find(BatchId id, Viewer viewer);
  // Also: invalid_request (param after).
  // Whoever's it is: for the engine. Also: not_found.
  Task<BatchRow> find_any(BatchId id);
  Task<Page<BatchRow>> list(ListQuery query);
  // validating, in_progress, finalizing -> cancelling; cancelling and cancelled stay. Also:
  // not_found, conflict (ended).
  Task<BatchRow> cancel(BatchId id, Viewer viewer, std::int64_t now_ms);

  // --- leases ---
  // A server renews its leases each third of their time, and the clocks that say when one has
  // lapsed are the servers' own: they may differ by half of a lease before healthy work is taken
  // over, and then work is done twice, but written once: each write is the lease holder's alone.

  // At start, where no other server can be alive: who held leases is gone.
  Task<void> release_all_leases();
  // At stop: what this server still holds is due now, for whoever goes on with it.
  Task<void> release_own_leases(std::int64_t now_ms);
  // Takes up to `limit` due batches (or jobs of the states) that nobody leases; due soonest first.
  Task<std::vector<DueBatch>> claim_batches(BatchPhase phase,
                                            std::int64_t now_ms,
                                            std::int64_t lease_ms,
                                            int limit);
  // kind: nullopt is any.
  Task<std::vector<DueJob>> claim_jobs(std::optional<JobKind> kind,
                                       std::vector<JobState> states,
                                       std::int64_t now_ms,
                                       std::int64_t lease_ms,
                                       int limit);
  // As claim_jobs, for direct jobs that are to run. Fair: owners take turns, counting what they
  // have running; among an owner's, due soonest first.
  Task<std::vector<DueJob>> claim_direct(std::int64_t now_ms, std::int64_t lease_ms, int limit);
  // What deployments hold now: the jobs AWS has or is being asked to take, and the records of all
  // that have not ended. Only those that hold something.
  struct Load {
    std::string deployment_id;
    std::int64_t slots_taken = 0;
    std::int64_t open_records = 0;
    std::int64_t staged_due = 0;  // jobs that wait for a slot and may be claimed now
    std::int64_t asked_due = 0;   // of them, those that hold a slot: AWS was asked, and may have it
  };
  Task<std::vector<Load>> loads(std::int64_t now_ms);
  // As claim_jobs, for staged jobs of some deployments, each with its limit. Fair: first those of
  // the owner who has the fewest jobs at AWS, among an owner's those of the batch that has the
  // fewest, then what is due longest.
  struct Slots {
    std::string deployment_id;
    std::int64_t free = 0;
    // How many jobs the deployment may have at AWS, of all servers; nullopt: it is not asked.
    std::optional<std::int64_t> limit = std::nullopt;
  };
  Task<std::vector<DueJob>> claim_staged(std::vector<Slots> slots,
                                         std::int64_t now_ms,
                                         std::int64_t lease_ms);
  struct Lease {
    BatchId batch_id;
    int n = 0;  // 0: the batch itself
    auto operator<=>(const Lease&) const = default;
  };
  struct NotRenewed {
    std::vector<Lease> lost;    // no longer this server's
    std::vector<Lease> locked;  // a transaction holds the row just now: to be asked again
  };
  // Extends the leases of what this process works on; one that was not given back lapses, and is
  // claimed again. Waits for no row, so that one that is held for long keeps no other lease from
  // being renewed. Gives those that it could not extend.
  Task<NotRenewed> renew_leases(std::vector<Lease> leases, std::int64_t until_ms);
  // Of these, those that a client has cancelled, at whichever server.
  Task<std::set<BatchId>> cancelling_of(std::set<BatchId> ids);
  // Gives the row back, to be looked at again at due_ms. failures is stored for the backoff.
  Task<void> release_batch(BatchId id, std::int64_t due_ms, int failures);
  Task<void> release_job(BatchId id, int n, std::int64_t due_ms, int failures);
  // The earliest due time of anything unleased, but for what the monitor looks at and for jobs that
  // wait for a slot; nullopt when nothing waits.
  Task<std::optional<std::int64_t>> next_due_ms(std::int64_t now_ms);

  // --- the steps ---
  // validating -> failed (cancelling -> cancelled), with the errors; nothing was started.
  Task<void> fail_validation(BatchId id,
                             std::vector<openai::BatchError> errors,
                             std::int64_t now_ms);
  // The plan: jobs inserted (again: left alone), refused lines counted, validating -> in_progress.
  struct Plan {
    BatchId id;
    std::string model;
    std::int64_t total = 0;
    std::int64_t refused_lines = 0;
    std::optional<SegmentRow> refused_segment;  // of the error file, n = 0
    std::vector<JobRow> jobs;
  };
  Task<void> save_plan(Plan plan, std::int64_t now_ms);
  // Before AWS is asked: from here on the job may exist there, so it is only given up through AWS.
  // Counts as a failure until another step says what became of it.
  Task<void> job_submitting(BatchId id, int n);
  // AWS refused for lack of a slot, so the job does not exist there. failures: so often in a row.
  // maybe_at_aws: of another attempt that is not known; then it stays as job_submitting left it.
  Task<void> job_not_submitted(
      BatchId id, int n, std::int64_t due_ms, int failures, bool maybe_at_aws);
  Task<void> job_submitted(BatchId id, int n, std::string job_arn, std::int64_t due_ms);
  Task<void> job_observed(BatchId id,
                          int n,
                          JobState state,
                          std::string aws_status,
                          std::string message,
                          std::int64_t succeeded,
                          std::int64_t errored,
                          std::int64_t due_ms);
  Task<void> job_started_directly(BatchId id, int n);

  // --- watching the jobs that AWS holds (submitted, running), many at a time ---
  struct DueLook {
    DueJob due;
    std::int64_t batch_created_at = 0;  // Unix seconds: no job of it is older
  };
  // Takes up to `limit` due jobs that nobody leases, soonest first, but none of these deployments.
  Task<std::vector<DueLook>> claim_looks(std::int64_t now_ms,
                                         std::int64_t lease_ms,
                                         int limit,
                                         std::vector<std::string> but_of_deployments);
  // When the next of them is due; nullopt when there is none.
  Task<std::optional<std::int64_t>> next_look_ms(std::vector<std::string> but_of_deployments);
  // Leases of whoever looked at them and is gone: due at once.
  Task<void> release_lapsed_looks(std::int64_t now_ms);
  // By who alone looks from now on (batch/role.h): whatever was being looked at is due.
  Task<void> release_all_looks(std::int64_t now_ms);
  // How many jobs AWS holds, by the deployment's id.
  Task<std::map<std::string, std::int64_t>> open_jobs();
  // What AWS said of a job.
  struct Observed {
    JobState state = JobState::running;  // or ended
    std::string aws_status;
    std::string message;
    std::int64_t succeeded = 0, errored = 0;  // lines; what is kept never falls
  };
  struct Look {
    BatchId batch_id;
    int n = 0;
    std::int64_t due_ms = 0;
    int failures = 0;
    std::optional<Observed> changed;  // nullopt: nothing new, only the lease is given back
  };
  // Writes looks and gives the leases back, 500 a transaction. A look whose lease was lost changes
  // nothing. Gives the number written.
  Task<std::int64_t> record_looks(std::vector<Look> looks);
  // The jobs are to be stopped, whoever works on them.
  Task<void> request_stops(std::vector<Lease> jobs);

  struct Collected {
    BatchId id;
    int n = 0;
    std::int64_t completed = 0, failed = 0;  // lines written to the output and to the error file
    std::int64_t unfinished = 0;  // of failed: expired or cancelled, not counted as failed
    openai::Usage usage;
    std::int64_t cost_nano_usd = 0;
    bool cost_known = true;
    JobBill bill;
    std::optional<SegmentRow> output_segment, error_segment;
    // Of a job whose results cannot be had, for who cancelled its batch: the status and the message
    // that are kept instead of AWS's. {}: it was collected.
    struct GivenUp {
      std::string status, message;
    } given_up;
    // Takes up those of the job's lines that are neither completed nor failed; staged or planned,
    // its input is in S3. They count as its lines from now on.
    std::optional<JobRow> successor;
  };
  // Segments, usage and cost of the job, and the job that goes on with what it left, once: a second
  // call changes nothing. What was reserved for it is paid.
  Task<void> job_collected(Collected collected, std::int64_t now_ms);
  Task<std::vector<JobRow>> jobs(BatchId id);
  // The end: files become visible, the batch_success row is written, the status moves to its last.
  struct End {
    BatchId id;
    openai::BatchStatus status = openai::BatchStatus::completed;
    std::vector<openai::BatchError> errors;
    FileRow output_file, error_file;  // inserted if they have segments
  };
  // Jobs that AWS has not seen end, with this status; those it runs are marked to be stopped.
  Task<void> begin_stop(BatchId id, std::string aws_status, std::int64_t now_ms);
  // The batch's jobs of that deployment that nobody works on, wherever they are, end: nobody can
  // ask for them any more.
  Task<void> end_unreachable(BatchId id, std::string deployment_id, std::int64_t now_ms);
  // Jobs of the deployment that wait for a slot are to run on demand instead.
  Task<void> run_staged_directly(BatchId id, std::string deployment_id, std::int64_t now_ms);
  Task<void> begin_finalizing(BatchId id, std::int64_t now_ms);
  Task<void> finish(End end, std::int64_t now_ms);

 private:
  Database& database_;
  std::string lease_owner_;
  EndNotices end_notices_;
};

// Answers of on-demand calls, kept so that a restart repeats only what was in flight.
class DirectResultStore {
 public:
  // lease_owner: as BatchStore's.
  DirectResultStore(Database& database, std::string lease_owner)
      : database_(database), lease_owner_(std::move(lease_owner)) {}
  // A record: `part` of `line`; part 0 is also the only one of a line of one.
  struct Key {
    std::int64_t line = -1;
    std::int64_t part = 0;
    auto operator<=>(const Key&) const = default;
  };
  struct Answer {
    Key key;
    int status = 200;
    std::string body;  // modelOutput, or AWS's message
    // What AWS counted, where it said so.
    std::optional<std::int64_t> input_tokens, output_tokens;
  };
  // What clients are shown of the job's progress, in lines.
  struct Progress {
    std::int64_t succeeded = 0, errored = 0;
  };
  // The first answer to a record stays. Also: conflict (the job's lease is no longer this server's:
  // nothing was written).
  Task<void> save(BatchId id, int n, Answer answer, Progress progress);
  struct Answered {
    std::vector<Key> keys;                    // sorted
    std::int64_t succeeded = 0, errored = 0;  // records
  };
  Task<Answered> answered(BatchId id, int n);
  // In order of keys, after `after`, at most `limit`.
  Task<std::vector<Answer>> answers(BatchId id, int n, Key after, int limit);

 private:
  Database& database_;
  std::string lease_owner_;
};

}  // namespace quarry::store
