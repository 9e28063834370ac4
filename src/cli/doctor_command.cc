#include "cli/doctor_command.h"

#include "aws/assumed_role.h"
#include "aws/deployment_set.h"
#include "aws/service_quotas.h"
#include "cli/command_line.h"
#include "cli/configuration.h"
#include "cli/doctor_checks.h"
#include "cli/doctor_report.h"
#include "http/client.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <unistd.h>
#include <utility>
#include <vector>

namespace quarry::cli {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kAtOnce = 8;  // deployments examined at a time
constexpr std::chrono::seconds kCleanUpTime{10};
constexpr std::chrono::seconds kLooseEndsTime{3};

// One deployment on its way through the examination.
struct Case {
  Patient patient;
  Diagnosis diagnosis;
  Traces traces;
  bool done = false;
};

class Doctor {
 public:
  Doctor(const DoctorOptions& options, Configuration configuration)
      : options_(options),
        file_name_(options.config_file.filename().string()),
        configuration_(std::move(configuration)),
        environment_(config::process_environment()),
        client_(http::make_client(io_, {.ca_bundle = http::ca_bundle_of(environment_)})),
        world_{*client_, wall_, pool_, environment_},
        identities_(world_),
        tasks_(io_, [](std::string_view name, std::exception_ptr failure) {
          obs::log_task_failure(name, failure);
        }) {}

  int run();

 private:
  void admit();
  Patient patient_of(aws::DeploymentPtr deployment);
  Awaitable<void> work();
  Awaitable<void> examine_one(Case& one);
  Awaitable<void> stop();
  void print_done();

  const DoctorOptions& options_;
  std::string file_name_;
  Configuration configuration_;
  config::Environment environment_;
  SystemClock wall_;
  asio::io_context io_{1};
  BlockingPool pool_{2};
  std::unique_ptr<http::Client> client_;
  aws::IdentityWorld world_;
  aws::CredentialResolver identities_;
  std::unique_ptr<aws::DeploymentSet> deployments_;
  std::deque<Case> cases_;  // at fixed addresses: tasks refer to them
  std::size_t next_ = 0;
  std::size_t printed_ = 0;
  bool interrupted_ = false;
  bool stopped_ = false;
  TaskGroup tasks_;
};

Patient Doctor::patient_of(aws::DeploymentPtr deployment) {
  const config::DeploymentSettings& settings = deployment->settings;
  const std::string& region = settings.bedrock_region;
  const aws::Wire wire{world_.client, world_.clock, world_.pool};
  Patient patient{
      .deployment = deployment, .s3_sts = nullptr, .s3_any_owner = nullptr, .quotas = nullptr};
  const catalog::Model* model = configuration_.models.of(settings);
  patient.on_demand_only = model != nullptr && !model->batch;
  if (deployment->s3_credentials != deployment->credentials) {
    const auto sts =
        aws::find_endpoint("sts", region, settings.identity.sts_endpoint, environment_);
    if (sts) {
      patient.s3_sts = aws::make_sts_client(wire, deployment->s3_credentials, *sts,
                                            aws::sts_signing_region(sts->authority, region));
    }
  }
  if (!settings.bucket_owner.empty()) {
    config::DeploymentSettings any = settings;
    any.bucket_owner.clear();
    patient.s3_any_owner = aws::make_deployment(std::move(any), world_, identities_)->s3;
  }
  const auto quotas = aws::find_endpoint("servicequotas", region, "", environment_);
  if (quotas) {
    patient.quotas = aws::make_service_quotas(wire, deployment->credentials, *quotas, region);
  }
  return patient;
}

// Throws std::invalid_argument where an endpoint is no URL.
void Doctor::admit() {
  std::vector<aws::DeploymentPtr> chosen;
  for (const auto& settings : configuration_.settings.deployments) {
    chosen.push_back(aws::make_deployment(settings, world_, identities_));
  }
  deployments_ = std::make_unique<aws::DeploymentSet>(
      chosen,
      [this](const config::DeploymentSettings& one) { return configuration_.models.knows(one); });
  if (!options_.model.empty()) chosen = deployments_->group(options_.model);
  for (aws::DeploymentPtr& deployment : chosen) {
    Case& one = cases_.emplace_back();
    one.diagnosis = diagnosis_of(deployment->settings, file_name_);
    one.patient = patient_of(std::move(deployment));
  }
}

Awaitable<void> Doctor::examine_one(Case& one) {
  try {
    const ExamTimes times{.wait = options_.wait};
    one.diagnosis.checks = co_await examine(one.patient, times, one.traces);
  } catch (const std::exception& error) {
    if (interrupted_) throw;
    one.diagnosis.checks.push_back({.name = "examination",
                                    .outcome = Outcome::failed,
                                    .detail = "it broke off",
                                    .said = error.what(),
                                    .remedy = {.text = "this is a fault of Quarry's; please "
                                                       "report it"}});
  }
}

Awaitable<void> Doctor::work() {
  while (next_ < cases_.size()) {
    Case& one = cases_[next_++];
    co_await examine_one(one);
    co_await clean_up(one.patient, one.traces, Deadline::after(kCleanUpTime));
    one.done = true;
    print_done();
  }
}

// In the configuration's order, each as soon as those before it are there.
void Doctor::print_done() {
  const bool colours = isatty(STDOUT_FILENO) == 1 && !environment_("NO_COLOR");
  for (; printed_ < cases_.size() && cases_[printed_].done; ++printed_) {
    if (options_.json) continue;
    const std::string text = render_diagnosis(cases_[printed_].diagnosis, colours);
    std::fprintf(stdout, "%s%s", printed_ > 0 ? "\n" : "", text.c_str());
    std::fflush(stdout);
  }
}

// After an interruption the tasks have ended where they were; what they left is taken away here.
Awaitable<void> Doctor::stop() {
  static_cast<void>(co_await tasks_.join(Deadline::after(kLooseEndsTime)));
  for (Case& one : cases_) {
    if (!one.done) co_await clean_up(one.patient, one.traces, Deadline::after(kCleanUpTime));
  }
  identities_.stop();
}

int Doctor::run() {
  try {
    admit();
  } catch (const std::invalid_argument& error) {
    std::fprintf(stderr, "quarry doctor: %s\n", error.what());
    return kExitUsage;
  }
  if (cases_.empty()) {
    std::fprintf(stderr,
                 "quarry doctor: no deployment serves the model '%s'\nhint: quarry models "
                 "--config %s lists them\n",
                 options_.model.c_str(), options_.config_file.c_str());
    return kExitUsage;
  }
  asio::signal_set signals(io_, SIGINT, SIGTERM);
  signals.async_wait([&](boost::system::error_code cancelled, int) {
    if (cancelled) return;
    signals.clear();  // a second one ends the process at once
    interrupted_ = true;
    std::fprintf(stderr, "quarry doctor: interrupted; taking away what was made\n");
    tasks_.cancel();
  });
  for (std::size_t i = 0; i < std::min(kAtOnce, cases_.size()); ++i) {
    tasks_.spawn("examination", work());
  }
  while (tasks_.running() > 0 && io_.run_one() > 0) {
  }
  asio::co_spawn(io_, stop(), [this](std::exception_ptr failure) {
    if (failure) obs::log_task_failure("clean-up", failure);
    stopped_ = true;
  });
  while (!stopped_ && io_.run_one() > 0) {
  }
  signals.cancel();
  io_.run_for(kLooseEndsTime);
  pool_.join();
  std::vector<Diagnosis> all;
  for (Case& one : cases_) {
    if (one.done) all.push_back(std::move(one.diagnosis));
  }
  if (options_.json) {
    std::fputs(diagnoses_json(all).c_str(), stdout);
  } else {
    std::fprintf(stdout, "\n%s", render_summary(all).c_str());
  }
  std::fflush(stdout);
  const int code = interrupted_ || count(all, Outcome::failed) > 0 ? kExitFailed : kExitDone;
  if (!io_.stopped()) std::_Exit(code);  // something runs still; destroying what it uses is worse
  return code;
}

}  // namespace

int run_doctor(const DoctorOptions& options) {
  auto configuration = read_configuration(options.config_file, config::process_environment());
  if (!configuration) return kExitUsage;
  for (const std::string& warning : configuration->settings.warnings) {
    std::fprintf(stderr, "warning: %s\n", warning.c_str());
  }
  Doctor doctor(options, std::move(*configuration));
  return doctor.run();
}

}  // namespace quarry::cli
