// main constructs, connects, runs, stops: the gateway's parts and the order they live in.
#include "cli/serve_command.h"

#include "access/authenticator.h"
#include "access/grants.h"
#include "access/key_service.h"
#include "access/team_service.h"
#include "api/api.h"
#include "api/health.h"
#include "api/serving_state.h"
#include "aws/deployment_set.h"
#include "batch/batch_service.h"
#include "batch/bucket_check.h"
#include "batch/deployment_models.h"
#include "batch/engine.h"
#include "batch/janitor.h"
#include "cli/configuration.h"
#include "cli/data_dir.h"
#include "cli/last_resort.h"
#include "cli/port_file.h"
#include "cli/server_name.h"
#include "config/settings.h"
#include "files/file_service.h"
#include "files/upload_service.h"
#include "http/client.h"
#include "http/server.h"
#include "obs/lag.h"
#include "obs/log.h"
#include "obs/metrics.h"
#include "sandbox/sandbox.h"
#include "store/batch_store.h"
#include "store/census_store.h"
#include "store/database.h"
#include "store/file_store.h"
#include "store/janitor_store.h"
#include "store/lease_store.h"
#include "store/server_leases.h"
#include "store/spend_store.h"
#include "store/upload_store.h"
#include "store/webhook_store.h"
#include "store/world.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "webhook/deliverer.h"
#include "webhook/targets.h"
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <set>
#include <system_error>
#include <thread>

namespace quarry::cli {
namespace {

namespace asio = boost::asio;

constexpr int kExitOk = 0;
constexpr int kExitBroken = 1;
constexpr int kExitConfiguration = 2;
// From the wish to stop: until requests that still run are cut, until all work is to have ended,
// and until the process is gone, whatever hangs. Service managers kill what takes longer than 30 s.
constexpr std::chrono::seconds kDrainTime{20};
constexpr std::chrono::seconds kStopTime{24};
constexpr std::chrono::seconds kLastResort{29};
constexpr std::chrono::seconds kLooseEndsTime{2};
constexpr std::chrono::milliseconds kSandboxPolling{200};
constexpr std::string_view kSandboxKey = "sk-1234";  // config::sandbox_settings, README

int refuse(const std::string& why) {
  std::fprintf(stderr, "quarry: %s\n", why.c_str());
  return kExitConfiguration;
}

bool loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

sandbox::Options sandbox_options(const ServeOptions& options,
                                 const config::Environment& environment) {
  sandbox::Options sandbox;
  sandbox.port = options.sandbox_port;
  sandbox.data_dir = options.data_dir / "sandbox";
  const auto key = environment("AWS_ACCESS_KEY_ID");
  const auto secret = environment("AWS_SECRET_ACCESS_KEY");
  if (key && secret && !key->empty() && !secret->empty()) {
    sandbox.access_key_id = *key;
    sandbox.secret_access_key = Secret<std::string>(*secret);
  }
  return sandbox;
}

// What names the account's keys: under --sandbox, unset ones are the sandbox's own, so that a
// config made for AWS loads.
config::Environment environment_for(const ServeOptions& options, const sandbox::Options& sandbox) {
  if (!options.sandbox) return config::process_environment();
  return config::with_defaults(config::process_environment(),
                               {{"AWS_ACCESS_KEY_ID", sandbox.access_key_id},
                                {"AWS_SECRET_ACCESS_KEY", sandbox.secret_access_key.reveal()}});
}

// nullopt: refused, and stderr says why.
std::optional<Configuration> configuration_of(const ServeOptions& options,
                                              const config::Environment& environment) {
  if (!options.config_file.empty()) return read_configuration(options.config_file, environment);
  if (options.sandbox) return with_models(config::sandbox_settings(), "the sandbox's");
  refuse(
      "no configuration: give --config FILE, or --sandbox to try Quarry without AWS\n"
      "hint: examples/config.yaml is one to begin with");
  return std::nullopt;
}

void point_at_sandbox(config::DeploymentSettings& deployment,
                      const std::string& url,
                      const sandbox::Options& sandbox) {
  deployment.s3_endpoint = url;
  deployment.bedrock_endpoint = url;
  deployment.runtime_endpoint = url;
  deployment.identity = {};
  deployment.identity.keys =
      config::StaticCredentials{sandbox.access_key_id, sandbox.secret_access_key, {}};
  deployment.identity.sts_endpoint = url;
  deployment.s3_credentials.reset();
  deployment.bearer_token = {};
}

std::vector<std::string> buckets_of(const config::Settings& settings) {
  std::set<std::string> names;
  for (const auto& deployment : settings.deployments) names.insert(deployment.bucket);
  for (const auto& deployment : settings.deployments) names.insert(deployment.output_bucket);
  return {names.begin(), names.end()};
}

// Receivers are not AWS: a bundle for AWS's endpoints alone says nothing of them.
std::string webhook_ca_bundle(const config::Environment& environment) {
  return http::ca_bundle_of([&environment](const std::string& variable) {
    return variable == "AWS_CA_BUNDLE" ? std::nullopt : environment(variable);
  });
}

// Everything of a running gateway; members in the order they are made, destroyed in reverse.
class Gateway {
 public:
  Gateway(const ServeOptions& options,
          Configuration configuration,
          sandbox::Options sandbox,
          config::Environment environment)
      : options_(options),
        settings_(std::move(configuration.settings)),
        models_(std::move(configuration.models)),
        environment_(std::move(environment)),
        clock_(sandbox.clock_speed, sandbox.clock_origin),
        io_(1),
        pool_(std::max(2U, std::thread::hardware_concurrency())),
        database_({.data_dir = options.data_dir,
                   .url = settings_.database_url,
                   .connections = settings_.database_connections}),
        client_(http::make_client(io_, {.ca_bundle = http::ca_bundle_of(environment_)})),
        webhook_client_(http::make_client(io_, {.ca_bundle = webhook_ca_bundle(environment_)})),
        uploads_(io_, settings_.max_transfer_memory_bytes / 2),
        jobs_(io_, settings_.max_transfer_memory_bytes / 2),
        webhook_targets_(webhook::Targets::of(settings_.webhooks).value()) {
    if (options_.sandbox) {
      sandbox.buckets = buckets_of(settings_);
      sandbox_ = sandbox::make_sandbox(io_, sandbox);
      sandbox_->start();
      for (auto& deployment : settings_.deployments) {
        point_at_sandbox(deployment, sandbox_->url(), sandbox);
      }
      if (!settings_.batch_polling_interval) settings_.batch_polling_interval = kSandboxPolling;
    }
    connect();
  }

  int run();

 private:
  void connect();
  Awaitable<void> begin();
  Awaitable<void> take_the_place_of_who_was_here();
  Awaitable<void> stop();
  void announce() const;
  void shut_down();
  static void report_start(const std::exception_ptr& failure);
  void sample_gauges() const;

  std::atomic<int> exit_code_ = kExitOk;
  LastResort last_resort_;  // ends with the last of the members
  const ServeOptions& options_;
  config::Settings settings_;
  batch::DeploymentModels models_;
  config::Environment environment_;
  SystemClock wall_;   // of signatures
  ScaledClock clock_;  // of everything else
  asio::io_context io_;
  BlockingPool pool_;
  store::Database database_;
  std::unique_ptr<http::Client> client_;
  std::unique_ptr<http::Client> webhook_client_;  // its connections are not AWS's, nor is its trust
  // Two halves, so that slow clients cannot take from jobs the buffers that these need to end.
  TransferMemory uploads_;
  TransferMemory jobs_;
  std::unique_ptr<sandbox::Sandbox> sandbox_;
  std::unique_ptr<aws::CredentialResolver> identities_;
  std::unique_ptr<aws::DeploymentSet> deployments_;
  store::FileStore file_store_{database_};
  store::UploadStore upload_store_{database_};
  store::JanitorStore janitor_store_{database_};
  const ServerName server_name_{options_.data_dir};
  const std::string& lease_owner_ = server_name_.name();
  store::BatchStore batch_store_{database_, lease_owner_};
  store::WebhookStore webhook_store_{database_, lease_owner_};
  webhook::Targets webhook_targets_;
  store::DirectResultStore direct_results_{database_, lease_owner_};
  store::LeaseStore leases_{database_, lease_owner_};
  store::SpendStore spend_{database_};
  store::CensusStore census_{database_};
  api::ServingState serving_;
  store::KeyStore key_store_{database_};
  access::KeyDirectory key_directory_{
      [this](std::string hash) { return key_store_.find_with_team(std::move(hash)); },
      access::default_limits(settings_.key_limits)};
  std::unique_ptr<access::Authenticator> authenticator_;
  std::unique_ptr<access::KeyService> keys_;
  access::TeamService teams_{key_store_, key_directory_, clock_};
  std::unique_ptr<files::FileService> files_;
  std::unique_ptr<files::UploadService> upload_service_;
  std::unique_ptr<batch::Context> context_;
  std::unique_ptr<batch::Engine> engine_;
  std::unique_ptr<batch::Janitor> janitor_;
  std::unique_ptr<batch::BatchService> batches_;
  std::unique_ptr<webhook::Deliverer> deliverer_;
  std::unique_ptr<api::Health> health_;
  std::unique_ptr<api::Api> api_;
  std::unique_ptr<http::Server> server_;
  TaskGroup beside_{io_, obs::log_task_failure};
  bool stopping_ = false;
  bool stopped_ = false;
};

void Gateway::connect() {
  const aws::IdentityWorld world{*client_, wall_, pool_, environment_};
  identities_ = std::make_unique<aws::CredentialResolver>(world);
  std::vector<aws::DeploymentPtr> deployments;
  for (const auto& deployment : settings_.deployments) {
    deployments.push_back(aws::make_deployment(deployment, world, *identities_));
  }
  deployments_ = std::make_unique<aws::DeploymentSet>(
      std::move(deployments),
      [this](const config::DeploymentSettings& one) { return models_.knows(one); });
  const bool own_key = options_.sandbox && options_.config_file.empty();
  authenticator_ = std::make_unique<access::Authenticator>(
      settings_.master_key, key_directory_, clock_,
      own_key ? fmt::format("the sandbox's key is {}", kSandboxKey) : "");
  keys_ = std::make_unique<access::KeyService>(key_store_, key_directory_, *authenticator_, clock_);
  const files::FileLimits file_limits{settings_.max_upload_bytes, settings_.max_line_bytes};
  files_ = std::make_unique<files::FileService>(file_store_, *deployments_, uploads_, pool_, clock_,
                                                file_limits);
  upload_service_ = std::make_unique<files::UploadService>(
      upload_store_, file_store_, *deployments_, uploads_, pool_, clock_, file_limits);
  context_ = std::make_unique<batch::Context>(
      batch::Context{.io = io_,
                     .batches = batch_store_,
                     .files = file_store_,
                     .direct_results = direct_results_,
                     .leases = leases_,
                     .deployments = *deployments_,
                     .models = models_,
                     .memory = jobs_,
                     .pool = pool_,
                     .clock = clock_,
                     .settings = {settings_.max_line_bytes, settings_.drop_params,
                                  settings_.batch_polling_interval, options_.data_dir,
                                  settings_.max_completion_window, settings_.lease}});
  engine_ = std::make_unique<batch::Engine>(io_, *context_);
  janitor_ = std::make_unique<batch::Janitor>(
      io_, *context_, janitor_store_,
      batch::JanitorSettings{settings_.janitor_interval, settings_.job_files_retention});
  batch_store_.tell_of_ends(
      [this](const store::BatchRow& batch, openai::BatchStatus status, std::int64_t now_ms) {
        auto notices = webhook_targets_.notices(batch, status, now_ms);
        if (!notices.empty()) asio::post(io_, [this] { deliverer_->wake(); });
        return notices;
      });
  deliverer_ = std::make_unique<webhook::Deliverer>(
      webhook::DelivererWorld{io_, webhook_store_, webhook_targets_, *webhook_client_, clock_,
                              wall_, aws::random_jitter()});
  batches_ = std::make_unique<batch::BatchService>(*context_, *files_, *engine_);
  health_ = std::make_unique<api::Health>(io_, census_, *deployments_, serving_, clock_);
  api_ = std::make_unique<api::Api>(
      api::Services{*authenticator_, *keys_, teams_, *files_, *upload_service_, *batches_, spend_,
                    *deployments_, clock_, *health_, serving_, webhook_targets_, webhook_store_,
                    [this] { sample_gauges(); }, settings_.metrics_need_key, options_.sandbox});
  http::ServerLimits limits;
  // The form around a file adds a little to its size.
  limits.body_bytes_max = settings_.max_upload_bytes + (std::uint64_t{1} << 20);
  server_ = http::make_server(io_, *api_, limits);
}

void Gateway::sample_gauges() const {
  obs::set(obs::Gauge::serving, {}, serving_.draining ? 0 : 1);
  obs::set(obs::Gauge::http_connections, {}, static_cast<double>(server_->open_connections()));
  const auto show = [](const TransferMemory& memory, std::string_view use) {
    const std::size_t used = memory.buffer_count() - memory.free_count();
    obs::set(obs::Gauge::transfer_memory_used_bytes, {use},
             static_cast<double>(used * kTransferBufferBytes));
    obs::set(obs::Gauge::transfer_memory_limit_bytes, {use},
             static_cast<double>(memory.buffer_count() * kTransferBufferBytes));
  };
  show(uploads_, "uploads");
  show(jobs_, "jobs");
}

void Gateway::announce() const {
  const std::string url = fmt::format("http://{}:{}", options_.host, server_->port());
  obs::info("quarry serves", {{"url", url},
                              {"version", QUARRY_VERSION},
                              {"models", deployments_->model_names().size()},
                              {"data_dir", options_.data_dir.string()},
                              {"database", database_.name()},
                              {"server", server_name_.name()}});
  if (authenticator_->open()) {
    obs::warn("no master key is set: whoever reaches this address may use it", {{"url", url}});
  }
  if (sandbox_) {
    obs::info("sandbox: no request leaves this machine, answers are made up",
              {{"url", sandbox_->url()}});
    if (options_.config_file.empty()) {
      obs::info("try it",
                {{"api_key", kSandboxKey}, {"model", deployments_->model_names().front()}});
      if (!loopback(options_.host)) {
        obs::warn("the sandbox's key is known to all, and this address may be reached by others",
                  {{"host", options_.host}});
      }
    }
  }
}

// Of a shared database only: on SQLite all leases are released.
Awaitable<void> Gateway::take_the_place_of_who_was_here() {
  if (!database_.shared()) co_return;
  if (server_name_.shares_directory()) {
    obs::warn(
        "another server has this data directory: give each its own --data-dir, or what one "
        "that crashes was at waits for its leases to lapse",
        {{"data_dir", options_.data_dir.string()}});
  }
  if (!server_name_.predecessor().empty()) {
    auto released = co_await store::release_leases_of(database_, server_name_.predecessor(),
                                                      context_->now_ms());
    if (!released) throw std::runtime_error(released.error().message());
  }
  co_await run_blocking(pool_, [this] { server_name_.keep(); });
}

Awaitable<void> Gateway::begin() {
  server_->listen(options_.host, options_.port);  // first: who cannot listen should start no work
  auto settled = co_await store::settle_world(
      database_, options_.sandbox ? store::World::sandbox : store::World::aws);
  if (!settled) throw std::runtime_error(settled.error().message());
  co_await take_the_place_of_who_was_here();
  if (stopping_) co_return;
  // The lock on SQLite's directory says that no other server is there.
  auto started = co_await engine_->start(!database_.shared());
  if (!started) throw std::runtime_error(started.error().message());
  if (stopping_) co_return;
  janitor_->start();
  deliverer_->start();
  if (!sandbox_) beside_.spawn("check buckets", batch::check_buckets(*deployments_));
  beside_.spawn("watch lag", obs::watch_lag(pool_));
  server_->start();
  announce();
  write_port_file(options_.port_file, server_->port());
  if (sandbox_) write_port_file(options_.sandbox_port_file, sandbox_->port());
}

// The work is handed on at once, while requests that run may end.
Awaitable<void> Gateway::stop() {
  const Deadline deadline = Deadline::after(kStopTime);
  TaskGroup work(io_, obs::log_task_failure);
  work.spawn("stop the engine", engine_->stop(deadline));
  work.spawn("stop the janitor", janitor_->stop(deadline));
  work.spawn("stop webhooks", deliverer_->stop(deadline));
  co_await server_->stop(deadline.sooner(kDrainTime));
  identities_->stop();
  co_await health_->stop(deadline);
  co_await work.join(deadline);
  beside_.cancel();
  co_await beside_.join(deadline);
  if (sandbox_) co_await sandbox_->stop(deadline);
  obs::info("quarry stopped");
}

void Gateway::shut_down() {
  stopping_ = true;
  serving_.draining = true;
  last_resort_.begin(kLastResort, [this] { return exit_code_.load(); });
  asio::co_spawn(io_, stop(), [this](std::exception_ptr failure) {
    if (failure) {
      obs::log_task_failure("stop", failure);
      exit_code_ = kExitBroken;
    }
    stopped_ = true;
  });
}

void Gateway::report_start(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const std::system_error& error) {
    const bool taken = error.code() == std::errc::address_in_use;
    obs::error("quarry cannot start",
               {{"error", error.what()},
                {"hint", taken ? "another program has the port; --port chooses one"
                               : "--host and --port say where to listen"}});
  } catch (const std::exception& error) {
    obs::error("quarry cannot start", {{"error", error.what()}});
  }
}

int Gateway::run() {
  for (const std::string& warning : settings_.warnings) obs::warn(warning);
  for (const auto& deployment : settings_.deployments) {
    const catalog::Model* model = models_.of(deployment);
    if (!model) continue;  // a wildcard: any model
    for (const std::string& doubt : batch::doubts_about(deployment, *model)) {
      obs::warn(doubt, {{"model_name", deployment.model_name},
                        {"model", deployment.model_id},
                        {"line", deployment.line}});
    }
  }
  asio::co_spawn(io_, begin(), [this](std::exception_ptr failure) {
    if (!failure) return;
    report_start(failure);
    exit_code_ = kExitBroken;
    shut_down();
  });
  asio::signal_set signals(io_, SIGINT, SIGTERM);
  signals.async_wait([&](boost::system::error_code failed, int signal) {
    if (failed) return;
    signals.clear();  // a second one ends the process at once
    obs::info("stopping", {{"signal", signal}});
    shut_down();
  });
  while (!stopped_ && io_.run_one() > 0) {
  }
  signals.cancel();
  // What was cancelled, a part of an upload in flight say, still holds what the members own: it
  // ends first.
  io_.run_for(kLooseEndsTime);
  pool_.join();
  if (!io_.stopped()) {
    obs::warn("something did not end in time; the next start goes on where this one was");
    std::_Exit(exit_code_);  // destroying what a running task uses would be worse
  }
  return exit_code_;
}

}  // namespace

int serve(const ServeOptions& options) {
  sandbox::Options sandbox = sandbox_options(options, config::process_environment());
  if (const auto tuned = tune(sandbox, options.tuning); !tuned) return refuse(tuned.error());
  config::Environment environment = environment_for(options, sandbox);
  auto configuration = configuration_of(options, environment);
  if (!configuration) return kExitConfiguration;
  if (!configuration->settings.master_key && !loopback(options.host)) {
    return refuse(fmt::format(
        "without general_settings.master_key Quarry listens on loopback only, not on {}\n"
        "hint: set master_key, or leave --host away",
        options.host));
  }
  if (const auto fine = webhook::Targets::of(configuration->settings.webhooks); !fine) {
    return refuse(fine.error().message());
  }
  prepare_data_dir(options.data_dir);
  Gateway gateway(options, std::move(*configuration), sandbox, std::move(environment));
  return gateway.run();
}

}  // namespace quarry::cli
