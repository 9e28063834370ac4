#include "batch/janitor.h"

#include "base/bytes.h"
#include "obs/log.h"

#include <algorithm>
#include <array>
#include <utility>

namespace quarry::batch {
namespace {

constexpr std::chrono::minutes kFirstSweepAfter{1};
constexpr std::int64_t kRowsAtOnce = 500;
constexpr std::size_t kOrphansAtOnce = 100;      // names that one look into the database judges
constexpr std::chrono::milliseconds kPause{10};  // between steps, for others' sake
constexpr std::chrono::seconds kCallTime{30};
constexpr int kFailuresMax = 3;  // of a place; then it is left alone until the next sweep
constexpr std::size_t kMarkBytesMax = 256;

Deadline soon() { return Deadline::after(kCallTime); }

std::int64_t seconds_before(SysTime now, std::chrono::seconds age) {
  return unix_seconds(now) - age.count();
}

}  // namespace

Janitor::Janitor(boost::asio::io_context& io,
                 Context& context,
                 store::JanitorStore& store,
                 JanitorSettings settings)
    : context_(context),
      store_(store),
      settings_(settings),
      tasks_(io, obs::log_task_failure),
      role_(io, context, "janitor", {{}, [this] { begin_anew(); }}) {}

void Janitor::start() {
  role_.start();
  tasks_.spawn("janitor", loop());
}

// The sweep that runs is another server's business now.
void Janitor::begin_anew() {
  tasks_.cancel();
  tasks_.spawn("janitor", loop());
}

Awaitable<void> Janitor::stop(Deadline deadline) {
  tasks_.cancel();
  co_await tasks_.join(deadline);
  co_await role_.stop(deadline);
}

Awaitable<void> Janitor::loop() {
  co_await sleep_for(std::min<std::chrono::milliseconds>(kFirstSweepAfter, settings_.interval));
  while (true) {
    if (role_.held()) co_await sweep();
    co_await sleep_for(settings_.interval);
  }
}

Awaitable<void> Janitor::sweep() {
  failures_.clear();
  removed_ = aborted_ = 0;
  co_await sweep_files();
  co_await sweep_uploads();
  co_await sweep_batches();
  for (Place& place : places()) co_await sweep_place(std::move(place));
  if (removed_ + aborted_ > 0) {
    obs::info("the janitor has been round",
              {{"objects_deleted", removed_}, {"multipart_uploads_aborted", aborted_}});
  }
}

// What lies there would be nobody's by the outer prefix's rows.
bool Janitor::lies_in_a_folder_of(const Place& inner, const Place& outer) {
  constexpr std::array<std::string_view, 3> kFolders{"files/", "jobs/", "results/"};
  return inner.bucket == outer.bucket &&
         std::ranges::any_of(kFolders, [&](std::string_view folder) {
           return inner.prefix.starts_with(outer.prefix + std::string(folder));
         });
}

// Where a deployment's objects lie: what Quarry writes, and what its jobs write.
std::vector<aws::S3Uri> Janitor::roots(const aws::Deployment& deployment) {
  return {deployment.object(""), deployment.output_object("")};
}

// Of two roots, one in the other, the inner. What lies in neither, because the configuration was
// another then, counts for its bucket.
Janitor::Reach Janitor::reach_of(const aws::Deployment& deployment, const aws::S3Uri& at) {
  std::string prefix;
  for (aws::S3Uri& root : roots(deployment)) {
    if (root.bucket == at.bucket && at.key.starts_with(root.key) &&
        root.key.size() >= prefix.size()) {
      prefix = std::move(root.key);
    }
  }
  return {deployment.id(), {at.bucket, std::move(prefix), deployment.settings.s3_endpoint}};
}

std::vector<Janitor::Place> Janitor::places() const {
  std::map<PlaceKey, Place> found;
  for (const aws::DeploymentPtr& deployment : context_.deployments.all()) {
    const config::DeploymentSettings& settings = deployment->settings;
    for (aws::S3Uri& at : roots(*deployment)) {
      found.try_emplace({at.bucket, at.key, settings.s3_endpoint},
                        Place{deployment, at.bucket, at.key});
    }
  }
  std::vector<Place> places;
  for (auto& [key, place] : found) {
    const bool holds_another = std::ranges::any_of(
        found, [&](const auto& other) { return lies_in_a_folder_of(other.second, place); });
    if (holds_another) {
      obs::warn(
          "the janitor leaves a prefix alone, because another lies in one of its folders",
          {{"bucket", place.bucket},
           {"prefix", place.prefix},
           {"hint", "give each deployment of a bucket the same s3_prefix, or prefixes apart"}});
      continue;
    }
    places.push_back(place);
  }
  return places;
}

// --- what the database knows to be over ---

Awaitable<void> Janitor::sweep_files() {
  std::optional<std::int64_t> from = 0;
  while (from) {
    auto step = co_await store_.gone_files(*from, kRowsAtOnce, seconds_before(now(), kGrace));
    if (!step) {
      obs::warn("janitor", {{"error", step.error().message()}});
      co_return;
    }
    for (const FileId& id : step->ids) {
      if (!co_await clean_file(id)) continue;
      auto marked = co_await store_.file_is_clean(id);
      if (!marked) obs::warn("janitor", {{"file", id.value}, {"error", marked.error().message()}});
    }
    from = step->next;
    co_await sleep_for(kPause);
  }
}

// What lies at a deployment that is no longer configured stays: if it comes back, nothing refers to
// it any more, and it goes as any orphan does.
Awaitable<bool> Janitor::clean_file(FileId id) {
  auto segments = co_await context_.files.segments(id);
  if (!segments) {
    obs::warn("janitor", {{"file", id.value}, {"error", segments.error().message()}});
    co_return false;
  }
  bool clean = true;
  for (const store::SegmentRow& segment : *segments) {
    const aws::DeploymentPtr deployment = context_.deployments.by_id(segment.deployment_id);
    if (!deployment) continue;
    clean = co_await remove(*deployment, {segment.bucket, segment.key}) && clean;
  }
  co_return clean;
}

Awaitable<void> Janitor::sweep_uploads() {
  const std::int64_t before_s = seconds_before(now(), kGrace);
  // First it is sure that nobody completes it, then its parts go.
  auto expired = co_await store_.expire_uploads(before_s);
  if (!expired) obs::warn("janitor", {{"error", expired.error().message()}});
  std::string after;
  while (expired) {
    auto ids = co_await store_.ended_uploads(after, kRowsAtOnce, before_s);
    if (!ids) {
      obs::warn("janitor", {{"error", ids.error().message()}});
      co_return;
    }
    for (const store::UploadId& id : *ids) {
      after = id.value;
      if (!co_await clean_upload(id)) continue;
      auto marked = co_await store_.upload_is_clean(id);
      if (!marked)
        obs::warn("janitor", {{"upload", id.value}, {"error", marked.error().message()}});
    }
    if (std::ssize(*ids) < kRowsAtOnce) co_return;
    co_await sleep_for(kPause);
  }
}

Awaitable<bool> Janitor::clean_upload(store::UploadId id) {
  auto parts = co_await store_.unused_parts(id);
  if (!parts) {
    obs::warn("janitor", {{"upload", id.value}, {"error", parts.error().message()}});
    co_return false;
  }
  bool clean = true;
  for (const store::UploadPartRow& part : *parts) {
    const aws::DeploymentPtr deployment = context_.deployments.by_id(part.deployment_id);
    if (!deployment) continue;
    clean = co_await remove(*deployment, {part.bucket, part.key}) && clean;
  }
  co_return clean;
}

Awaitable<void> Janitor::sweep_batches() {
  std::optional<std::int64_t> from = 0;
  while (from) {
    auto step = co_await store_.ended_batches(*from, kRowsAtOnce,
                                              seconds_before(now(), settings_.job_files_retention));
    if (!step) {
      obs::warn("janitor", {{"error", step.error().message()}});
      co_return;
    }
    for (const BatchId& id : step->ids) {
      if (!co_await clean_batch(id)) continue;
      auto marked = co_await store_.batch_is_clean(id);
      if (!marked) obs::warn("janitor", {{"batch", id.value}, {"error", marked.error().message()}});
    }
    from = step->next;
    co_await sleep_for(kPause);
  }
}

Awaitable<bool> Janitor::clean_batch(BatchId id) {
  auto deployments = co_await store_.deployments_of(id);
  if (!deployments) {
    obs::warn("janitor", {{"batch", id.value}, {"error", deployments.error().message()}});
    co_return false;
  }
  bool clean = true;
  std::set<PlaceKey> done;
  for (const std::string& deployment_id : *deployments) {
    const aws::DeploymentPtr deployment = context_.deployments.by_id(deployment_id);
    if (!deployment) continue;
    for (const aws::S3Uri& root : roots(*deployment)) {
      if (!done.emplace(root.bucket, root.key, deployment->settings.s3_endpoint).second) continue;
      for (const char* folder : {"jobs/", "results/"}) {
        clean = co_await remove_all_below(*deployment,
                                          {root.bucket, root.key + folder + id.value + "/"}) &&
                clean;
      }
    }
  }
  co_return clean;
}

// --- what the database does not know ---

Awaitable<void> Janitor::sweep_place(Place place) {
  if (given_up(*place.deployment, place.root()) || !co_await owns(place)) co_return;
  // Bedrock's own multipart uploads, below results/, may take as long as its jobs.
  for (const char* folder : {"files/", "jobs/"}) co_await abort_multiparts(place, folder);
  for (const char* folder : {"files/", "jobs/", "results/"}) {
    co_await delete_orphans(place, folder);
  }
}

// Writing the mark is not yet owning: another may write at the same moment. The next sweep reads
// what came of it.
Awaitable<bool> Janitor::owns(Place place) {
  auto id = co_await store_.instance_id();
  if (!id) {
    obs::warn("janitor", {{"error", id.error().message()}});
    co_return false;
  }
  aws::S3Client& s3 = *place.deployment->s3;
  const aws::S3Uri mark{place.bucket, place.prefix + "owner"};
  std::array<std::byte, kMarkBytesMax> buffer{};
  auto read = co_await s3.get_range(mark, 0, buffer, "", soon());
  if (!read && read.error().code() == Errc::not_found) {
    auto written = co_await s3.put(mark, as_bytes(*id), soon());
    if (!written) failed(*place.deployment, place.root(), written.error());
    co_return false;
  }
  if (!read) {
    failed(*place.deployment, place.root(), read.error());
    co_return false;
  }
  if (as_text(std::span(buffer).first(read->bytes)) == *id) co_return true;
  if (warned_.insert(aws::to_string(mark)).second) {
    obs::warn(
        "another Quarry's database owns this prefix: what is lost there is not cleaned up; hint: "
        "give each Quarry an s3_prefix of its own; if that database is gone for good, delete the "
        "mark",
        {{"mark", aws::to_string(mark)}});
  }
  co_return false;
}

Awaitable<void> Janitor::abort_multiparts(Place place, std::string folder) {
  aws::S3Client& s3 = *place.deployment->s3;
  std::optional<aws::MultipartMarker> after;
  while (!given_up(*place.deployment, place.root())) {
    auto page = co_await s3.list_multiparts({place.bucket, place.prefix + folder}, after, soon());
    if (!page) {
      failed(*place.deployment, place.root(), page.error());
      co_return;
    }
    for (aws::OpenMultipart& upload : page->uploads) {
      if (upload.initiated > now() - kMultipartAge || given_up(*place.deployment, place.root()))
        continue;
      auto aborted = co_await s3.abort_multipart({place.bucket, std::move(upload.key)},
                                                 std::move(upload.upload_id), soon());
      if (aborted) {
        ++aborted_;
      } else {
        failed(*place.deployment, place.root(), aborted.error());
      }
    }
    if (!page->next) co_return;
    after = std::move(page->next);
    co_await sleep_for(kPause);
  }
}

Awaitable<void> Janitor::delete_orphans(Place place, std::string folder) {
  std::optional<std::string> token;
  while (!given_up(*place.deployment, place.root())) {
    auto page =
        co_await place.deployment->s3->list({place.bucket, place.prefix + folder}, token, soon());
    if (!page) {
      failed(*place.deployment, place.root(), page.error());
      co_return;
    }
    token = std::move(page->next_token);
    if (!co_await delete_orphans_of(place, std::move(page->objects)) || !token) co_return;
  }
}

// False: the database does not answer.
Awaitable<bool> Janitor::delete_orphans_of(Place place, std::vector<aws::ObjectInfo> objects) {
  std::size_t at = 0;
  while (at < objects.size()) {
    std::vector<std::string> names;
    for (; at < objects.size() && names.size() < kOrphansAtOnce; ++at) {
      const aws::ObjectInfo& object = objects[at];
      if (!object.modified || *object.modified > now() - kOrphanAge) continue;
      names.push_back(object.key.substr(place.prefix.size()));
    }
    auto orphans = co_await store_.orphans(place.bucket, place.prefix, std::move(names));
    if (!orphans) {
      obs::warn("janitor", {{"error", orphans.error().message()}});
      co_return false;
    }
    for (const std::string& name : *orphans) {
      co_await remove(*place.deployment, {place.bucket, place.prefix + name});
    }
    co_await sleep_for(kPause);
  }
  co_return true;
}

// --- calls ---

Awaitable<bool> Janitor::remove(const aws::Deployment& deployment, aws::S3Uri object) {
  if (given_up(deployment, object)) co_return false;
  auto removed = co_await deployment.s3->remove(object, soon());
  if (removed) {
    ++removed_;
  } else {
    failed(deployment, object, removed.error());
  }
  co_return removed.has_value();
}

Awaitable<bool> Janitor::remove_all_below(const aws::Deployment& deployment, aws::S3Uri prefix) {
  std::optional<std::string> token;
  while (!given_up(deployment, prefix)) {
    auto page = co_await deployment.s3->list(prefix, std::move(token), soon());
    if (!page) {
      failed(deployment, prefix, page.error());
      co_return false;
    }
    for (aws::ObjectInfo& object : page->objects) {
      if (!co_await remove(deployment, {prefix.bucket, std::move(object.key)})) {
        co_return false;
      }
    }
    token = std::move(page->next_token);
    if (!token) co_return true;
    co_await sleep_for(kPause);
  }
  co_return false;
}

void Janitor::failed(const aws::Deployment& deployment, const aws::S3Uri& at, const Error& error) {
  const int failures = ++failures_[reach_of(deployment, at)];
  obs::warn("the janitor could not do its work; it comes again",
            {{"deployment", deployment.id()},
             {"bucket", at.bucket},
             {"error", error.message()},
             {"left_alone_until_the_next_sweep", failures >= kFailuresMax}});
}

bool Janitor::given_up(const aws::Deployment& deployment, const aws::S3Uri& at) const {
  if (failures_.empty()) return false;
  const auto found = failures_.find(reach_of(deployment, at));
  return found != failures_.end() && found->second >= kFailuresMax;
}

}  // namespace quarry::batch
