#include "cli/doctor_checks.h"

#include "base/bytes.h"
#include "base/ids.h"
#include "cli/doctor_probe.h"
#include "cli/doctor_quotas.h"
#include "cli/doctor_remedies.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <span>
#include <string_view>

namespace quarry::cli {
namespace {

using aws::S3Client;
using aws::S3Uri;

Check fine(std::string name, std::string detail) {
  return {.name = std::move(name), .outcome = Outcome::fine, .detail = std::move(detail)};
}
Check skipped(std::string name, std::string why) {
  return {.name = std::move(name), .outcome = Outcome::not_checked, .detail = std::move(why)};
}
Check failed(std::string name, std::string detail, const Error& error, Remedy remedy) {
  return {.name = std::move(name),
          .outcome = Outcome::failed,
          .detail = std::move(detail),
          .said = words_of_aws(error),
          .remedy = std::move(remedy)};
}

// One examination: what earlier rows found decides which later ones can be made.
class Examination {
 public:
  Examination(const Patient& patient, ExamTimes times, Traces& traces)
      : patient_(patient),
        deployment_(*patient.deployment),
        settings_(patient.deployment->settings),
        times_(times),
        traces_(traces) {}

  Awaitable<std::vector<Check>> run();

 private:
  Deadline soon() const { return Deadline::after(times_.call); }
  void add(Check check) { checks_.push_back(std::move(check)); }
  // Made anew for each use: what is known of the callers grows.
  Remedies remedies() const { return {settings_, caller_, s3_caller_}; }
  // Of the rows of one place in S3.
  static std::string row(bool is_output, std::string_view name) {
    return is_output ? fmt::format("output {}", name) : std::string(name);
  }

  Awaitable<void> identity();
  Awaitable<void> s3_identity();
  void role_account();
  Awaitable<void> storage();
  Awaitable<bool> bucket(S3Place place, bool is_output);
  Awaitable<bool> owner(S3Place place, bool is_output);
  Awaitable<void> objects(S3Place place, bool is_output);
  Awaitable<void> write(S3Uri object, std::string text, S3Place place, bool is_output);
  Awaitable<void> read(S3Uri object, std::string text, S3Place place, bool is_output);
  Awaitable<void> list(S3Uri object, S3Place place, bool is_output);
  Awaitable<void> remove(S3Uri object, S3Place place, bool is_output);
  Awaitable<void> multipart(S3Uri object, S3Place place);
  Awaitable<void> quotas();
  void on_demand();

  const Patient& patient_;
  const aws::Deployment& deployment_;
  const config::DeploymentSettings& settings_;
  ExamTimes times_;
  Traces& traces_;
  std::vector<Check> checks_;
  Caller caller_;
  Caller s3_caller_;
  bool has_identity_ = true;  // of Bedrock
  bool has_s3_identity_ = true;
  bool buckets_fit_ = true;  // both: writable, there, in the job's region, of the right owner
  bool owner_fits_ = true;
  std::string suffix_ = random_hex128();
  // Of the place that is looked at now.
  bool written_ = false;
  bool encryption_told_ = false;
};

Awaitable<void> Examination::identity() {
  const bool s3_apart = patient_.s3_sts != nullptr;
  if (deployment_.by_api_key && s3_apart) {
    add(skipped("identity", "Bedrock is spoken to with an API key, which has no name to ask for"));
    co_return;
  }
  const std::string by_key = deployment_.by_api_key ? "; for Bedrock: an API key" : "";
  const auto credentials = co_await deployment_.credentials->get(soon());
  if (!credentials) {
    has_identity_ = deployment_.by_api_key;
    has_s3_identity_ = s3_apart;
    add(failed("identity", "no credentials", credentials.error(),
               remedies().no_credentials(credentials.error(), false)));
    co_return;
  }
  const std::string source =
      credentials->source.empty() ? "the configuration" : credentials->source;
  if (!deployment_.sts) {
    add(skipped("identity", fmt::format("credentials from {}{}", source, by_key)));
    co_return;
  }
  auto who = co_await deployment_.sts->caller_identity(soon());
  if (who) {
    caller_ = {.account = who->account, .arn = who->arn};
    add(fine("identity", fmt::format("{}, credentials from {}{}", who->arn, source, by_key)));
  } else if (who.error().code() == Errc::forbidden || who.error().code() == Errc::upstream ||
             who.error().code() == Errc::invalid_request) {
    has_identity_ = deployment_.by_api_key;
    has_s3_identity_ = s3_apart;
    add(failed("identity", fmt::format("AWS refuses the credentials from {}", source), who.error(),
               remedies().no_credentials(who.error(), false)));
  } else {
    // A network without STS can be one with S3 and Bedrock.
    add(skipped("identity",
                fmt::format("credentials from {}{}; STS could not be asked who that is: {}", source,
                            by_key, who.error().message())));
  }
}

Awaitable<void> Examination::s3_identity() {
  if (!patient_.s3_sts) {
    s3_caller_ = caller_;
    co_return;
  }
  auto who = co_await patient_.s3_sts->caller_identity(soon());
  if (who) {
    s3_caller_ = {.account = who->account, .arn = who->arn};
    add(fine("S3 identity", fmt::format("{}, the s3_* keys", who->arn)));
  } else if (retryable(who.error().code())) {
    add(skipped("S3 identity", "STS could not be asked: " + who.error().message()));
  } else {
    has_s3_identity_ = false;
    add(failed("S3 identity", "AWS refuses the s3_* keys", who.error(),
               remedies().no_credentials(who.error(), true)));
  }
}

void Examination::role_account() {
  const std::string account = account_of(settings_.role_arn);
  if (caller_.account.empty() || account.empty()) {
    add(skipped("role account", "the caller's account is not known"));
  } else if (deployment_.by_api_key) {
    add(skipped("role account", "the API key's account cannot be asked for"));
  } else if (account == caller_.account) {
    add(fine("role account", fmt::format("{} is in the caller's account", settings_.role_arn)));
  } else {
    add({.name = "role account",
         .outcome = Outcome::failed,
         .detail = fmt::format("{} is in account {}, the caller in {}", settings_.role_arn, account,
                               caller_.account),
         .said = {},
         .remedy = remedies().foreign_role()});
  }
}

Awaitable<void> Examination::storage() {
  const S3Place input{settings_.bucket, settings_.prefix};
  const S3Place output{settings_.output_bucket, settings_.output_prefix};
  const bool apart =
      !output.bucket.empty() && (output.bucket != input.bucket || output.prefix != input.prefix);
  if (!has_s3_identity_) {
    buckets_fit_ = false;
    add(skipped("bucket", "nor anything in it: there is no identity to ask as"));
    co_return;
  }
  for (const bool is_output : {false, true}) {
    if (is_output && !apart) break;
    const S3Place& place = is_output ? output : input;
    bool fits = co_await bucket(place, is_output);
    if (fits && !settings_.bucket_owner.empty()) fits = co_await owner(place, is_output);
    if (fits) {
      co_await objects(place, is_output);
    } else {
      buckets_fit_ = false;
      add(skipped(row(is_output, "objects"), "the bucket comes first"));
    }
  }
}

Awaitable<bool> Examination::bucket(S3Place place, bool is_output) {
  const std::string name = row(is_output, "bucket");
  const auto region = co_await deployment_.s3->bucket_region(place.bucket, soon());
  if (!region) {
    const Error& error = region.error();
    const bool missing = error.code() == Errc::not_found || error.reason() == "NoSuchBucket";
    // HEAD answers have no body: a refusal says no more than that, and the rows below do.
    if (error.code() == Errc::forbidden) {
      add(skipped(name, "S3 does not say where the bucket is: " + error.message()));
      co_return true;
    }
    add(failed(
        name, fmt::format("{}{}", place.bucket, missing ? " does not exist" : " does not answer"),
        error, missing ? remedies().no_bucket(place) : remedies().s3(S3Right::list, place, error)));
    co_return false;
  }
  if (region->empty()) {
    add(fine(name, fmt::format("{} is there; its region S3 does not say", place.bucket)));
    co_return true;
  }
  if (*region != settings_.bedrock_region || *region != settings_.s3_region) {
    add({.name = name,
         .outcome = Outcome::failed,
         .detail = *region != settings_.bedrock_region
                       ? fmt::format("{} is in {}, the jobs run in {}", place.bucket, *region,
                                     settings_.bedrock_region)
                       : fmt::format("{} is in {}, s3_region_name is {}", place.bucket, *region,
                                     settings_.s3_region),
         .said = {},
         .remedy = remedies().wrong_region(place, *region, is_output)});
    co_return false;
  }
  add(fine(name, fmt::format("{} is in {}, as the jobs are", place.bucket, *region)));
  co_return true;
}

// S3 refuses the wrong owner in the words of any other refusal: only asking without it tells.
Awaitable<bool> Examination::owner(S3Place place, bool is_output) {
  const std::string name = row(is_output, "owner");
  const S3Uri prefix{place.bucket, place.prefix + "doctor/"};
  const auto with = co_await deployment_.s3->list(prefix, std::nullopt, soon());
  if (with) {
    add(fine(name, fmt::format("{} is account {}'s", place.bucket, settings_.bucket_owner)));
    co_return true;
  }
  if (with.error().code() == Errc::forbidden && patient_.s3_any_owner) {
    const auto without = co_await patient_.s3_any_owner->list(prefix, std::nullopt, soon());
    if (without) {
      owner_fits_ = false;
      add(failed(name, fmt::format("{} is not account {}'s", place.bucket, settings_.bucket_owner),
                 with.error(), remedies().wrong_owner()));
      co_return false;
    }
  }
  add(skipped(name, "listing the bucket would tell: " + with.error().message()));
  co_return true;
}

Awaitable<void> Examination::objects(S3Place place, bool is_output) {
  const S3Uri object{place.bucket, fmt::format("{}doctor/{}/object", place.prefix, suffix_)};
  const std::string text = fmt::format("quarry doctor {}\n", suffix_);
  written_ = encryption_told_ = false;
  co_await write(object, text, place, is_output);
  co_await read(object, text, place, is_output);
  co_await list(object, place, is_output);
  co_await remove(object, place, is_output);
  if (!is_output) co_await multipart({object.bucket, object.key + "-in-parts"}, place);
  if (encryption_told_) co_return;
  const std::string name = row(is_output, "encryption");
  if (settings_.kms_key_id.empty()) {
    add(skipped(name, "no s3_encryption_key_id: the bucket's own default holds"));
  } else {
    add(skipped(name, "nothing could be written under " + settings_.kms_key_id));
  }
}

Awaitable<void> Examination::write(S3Uri object, std::string text, S3Place place, bool is_output) {
  const std::string name = row(is_output, "write");
  traces_.objects.push_back(object);
  const auto put = co_await deployment_.s3->put(object, as_bytes(text), soon());
  if (put) {
    written_ = true;
    add(fine(name, to_string(object)));
    co_return;
  }
  const Error& error = put.error();
  // A job's role meets the same key and the same bucket's policy: what it ends with is no news.
  if (about_kms(error) || error.message().contains("resource-based policy")) buckets_fit_ = false;
  if (about_kms(error)) {
    encryption_told_ = true;
    add(skipped(name, "encryption comes first"));
    add(failed(row(is_output, "encryption"), "S3 cannot encrypt what is written", error,
               remedies().kms(error, true)));
  } else if (is_output && error.code() == Errc::forbidden) {
    add(skipped(name, "not allowed, and not needed: only jobs write here"));
  } else {
    add(failed(name, "nothing can be written under " + to_string(S3Uri{place.bucket, place.prefix}),
               error, remedies().s3(S3Right::write, place, error)));
  }
}

Awaitable<void> Examination::read(S3Uri object, std::string text, S3Place place, bool is_output) {
  const std::string name = row(is_output, "read");
  std::array<std::byte, 128> buffer{};
  const auto got = co_await deployment_.s3->get_range(object, 0, buffer, "", soon());
  if (got) {
    if (as_text(std::span(buffer).first(got->bytes)) != text) {
      add(failed(
          name, "what was read is not what was written", Error(Errc::corrupt, "other bytes"),
          {.text = "something between Quarry and S3 "
                   "changes objects: a proxy, or a server that is not S3 (s3_endpoint_url)"}));
      co_return;
    }
    add(fine(name, "what was written came back"));
    if (!settings_.kms_key_id.empty()) {
      encryption_told_ = true;
      add(fine(row(is_output, "encryption"),
               "written and read back under " + settings_.kms_key_id));
    }
    co_return;
  }
  const Error& error = got.error();
  if (about_kms(error)) {
    encryption_told_ = true;
    add(skipped(name, "encryption comes first"));
    add(failed(row(is_output, "encryption"), "S3 cannot decrypt what was written", error,
               remedies().kms(error, false)));
  } else if (!written_ && error.code() == Errc::not_found) {
    add(fine(name, "allowed: asked for an object that is not there"));
  } else if (!written_ && error.code() == Errc::forbidden && !is_output) {
    add(skipped(name, "nothing was written that could be read"));
  } else {
    add(failed(name, "nothing can be read under " + to_string(S3Uri{place.bucket, place.prefix}),
               error, remedies().s3(S3Right::read, place, error)));
  }
}

Awaitable<void> Examination::list(S3Uri object, S3Place place, bool is_output) {
  const std::string name = row(is_output, "list");
  const auto page = co_await deployment_.s3->list(object, std::nullopt, soon());
  if (!page) {
    add(failed(name, "what is in the bucket cannot be listed", page.error(),
               remedies().s3(S3Right::list, place, page.error())));
  } else if (written_ && page->objects.empty()) {
    add(failed(name, "the object that was written is not in the list",
               Error(Errc::corrupt, "an empty list"),
               {.text = "S3 lists what was written at once; a server in its place "
                        "(s3_endpoint_url) must too"}));
  } else {
    add(fine(name, to_string(S3Uri{place.bucket, place.prefix})));
  }
}

Awaitable<void> Examination::remove(S3Uri object, S3Place place, bool is_output) {
  const std::string name = row(is_output, "delete");
  // S3 answers the same whether there is such an object or not.
  const auto removed = co_await deployment_.s3->remove(object, soon());
  if (removed) {
    std::erase_if(traces_.objects, [&](const S3Uri& one) { return one.key == object.key; });
    add(fine(name, written_ ? "the object is gone again" : "allowed"));
    co_return;
  }
  Check check = failed(name, "what is no longer needed cannot be deleted", removed.error(),
                       remedies().s3(S3Right::remove, place, removed.error()));
  if (written_) check.detail += fmt::format(" ({} stays)", to_string(object));
  traces_.objects.clear();
  add(std::move(check));
}

Awaitable<void> Examination::multipart(S3Uri object, S3Place place) {
  const auto id = co_await deployment_.s3->create_multipart(object, soon());
  if (!id) {
    // Written in one piece or in parts takes the same right, and the same key.
    add(written_ ? failed("multipart", "no upload in parts can be begun", id.error(),
                          about_kms(id.error()) ? remedies().kms(id.error(), true)
                                                : remedies().s3(S3Right::write, place, id.error()))
                 : skipped("multipart", "writing comes first"));
    co_return;
  }
  traces_.uploads.emplace_back(object, *id);
  const auto listed = co_await deployment_.s3->list_multiparts(object, std::nullopt, soon());
  const auto aborted = co_await deployment_.s3->abort_multipart(object, *id, soon());
  traces_.uploads.clear();
  if (!aborted) {
    add(failed("multipart",
               fmt::format("an upload in parts cannot be given up ({} stays)", to_string(object)),
               aborted.error(), remedies().s3(S3Right::abort_upload, place, aborted.error())));
  } else {
    add(fine("multipart", "an upload in parts was begun and given up"));
  }
  if (!listed) {
    add(failed("list uploads", "abandoned uploads cannot be found, and cost until they are",
               listed.error(), remedies().s3(S3Right::list_uploads, place, listed.error())));
  } else {
    add(fine("list uploads", "abandoned uploads can be found"));
  }
}

Awaitable<void> Examination::quotas() {
  if (!patient_.quotas || !has_identity_ || caller_.arn.empty()) {
    add(skipped("quotas", "there is no identity to ask Service Quotas as"));
    co_return;
  }
  if (settings_.model_id.contains('*')) {
    add(skipped("quotas", "each model has its own; --model NAME looks at one"));
    co_return;
  }
  const auto all = co_await patient_.quotas->list("bedrock", soon());
  if (!all) {
    const bool forbidden = all.error().code() == Errc::forbidden;
    add(skipped("quotas",
                forbidden ? "servicequotas:ListServiceQuotas is not allowed, and only the doctor "
                            "would use it"
                          : all.error().message()));
    co_return;
  }
  const Remedies mend = remedies();
  for (Check& check : check_quotas(settings_, *all, mend)) add(std::move(check));
}

void Examination::on_demand() {
  const bool used = settings_.small_batch == config::SmallBatch::direct ||
                    settings_.deadline_fallback.has_value();
  if (used) {
    add(skipped("on demand",
                "it would cost: small batches call the model directly, which takes "
                "bedrock:InvokeModel (small_batch: reject does without)"));
  }
}

Awaitable<std::vector<Check>> Examination::run() {
  co_await identity();
  co_await s3_identity();
  role_account();
  co_await storage();
  if (has_identity_) {
    const bool same_account = caller_.account.empty() || deployment_.by_api_key ||
                              account_of(settings_.role_arn) == caller_.account;
    ProbeContext context{.caller = caller_,
                         .suffix = suffix_,
                         .buckets_fit = buckets_fit_,
                         .owner_fits = owner_fits_,
                         .same_account = same_account};
    std::vector<Check> rows = co_await probe(patient_, times_, traces_, std::move(context));
    for (Check& check : rows) add(std::move(check));
  } else {
    add(skipped("jobs", "there is no identity to ask Bedrock as"));
  }
  co_await quotas();
  on_demand();
  co_return std::move(checks_);
}

}  // namespace

Awaitable<std::vector<Check>> examine(const Patient& patient, ExamTimes times, Traces& traces) {
  Examination examination(patient, times, traces);
  co_return co_await examination.run();
}

Awaitable<void> clean_up(const Patient& patient, Traces& traces, Deadline deadline) {
  const aws::Deployment& deployment = *patient.deployment;
  for (const S3Uri& object : std::exchange(traces.objects, {})) {
    static_cast<void>(co_await deployment.s3->remove(object, deadline));
  }
  for (const auto& [object, id] : std::exchange(traces.uploads, {})) {
    static_cast<void>(co_await deployment.s3->abort_multipart(object, id, deadline));
  }
  const std::string name = std::exchange(traces.job_name, {});
  std::string arn = std::exchange(traces.job_arn, {});
  if (!name.empty() && arn.empty()) {  // the answer to its start never came
    aws::BedrockClient::ListQuery query;
    query.name_contains = name;
    const auto page = co_await deployment.bedrock->list_jobs(query, deadline);
    if (page && !page->jobs.empty()) arn = page->jobs.front().job_arn;
  }
  if (!arn.empty()) static_cast<void>(co_await deployment.bedrock->stop_job(arn, deadline));
}

Diagnosis diagnosis_of(const config::DeploymentSettings& settings, const std::string& file_name) {
  return {.id = settings.id,
          .model_name = settings.model_name,
          .model_id = settings.model_id,
          .region = settings.bedrock_region,
          .bucket = to_string(S3Uri{settings.bucket, settings.prefix}),
          .place = fmt::format("{}:{}", file_name, settings.line),
          .checks = {}};
}

}  // namespace quarry::cli
