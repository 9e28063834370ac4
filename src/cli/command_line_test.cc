// What each command line means, and what a wrong one is told.
#include "cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace quarry::cli {
namespace {

using testing::HasSubstr;
using Variables = std::map<std::string, std::string>;

CommandLine parse(std::vector<std::string> args, Variables variables = {{"HOME", "/home/ada"}}) {
  return parse_command_line(std::move(args),
                            [variables](const std::string& key) -> std::optional<std::string> {
                              const auto found = variables.find(key);
                              if (found == variables.end()) return std::nullopt;
                              return found->second;
                            });
}

template <class Options>
Options parsed(std::vector<std::string> args, Variables variables = {{"HOME", "/home/ada"}}) {
  const CommandLine line = parse(std::move(args), std::move(variables));
  if (const auto* printout = std::get_if<Printout>(&line.command)) {
    ADD_FAILURE() << printout->err;
    return {};
  }
  return std::get<Options>(line.command);
}

Printout refused(std::vector<std::string> args, Variables variables = {{"HOME", "/home/ada"}}) {
  const CommandLine line = parse(std::move(args), std::move(variables));
  if (!std::holds_alternative<Printout>(line.command)) {
    ADD_FAILURE() << "was accepted";
    return {};
  }
  return std::get<Printout>(line.command);
}

TEST(CommandLine, VersionAndHelpGoToStdoutAndSucceed) {
  const Printout version = refused({"--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_EQ(version.out, "quarry " QUARRY_VERSION "\n");
  for (const char* flag : {"--help", "-h"}) {
    const Printout help = refused({flag});
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_THAT(help.out, HasSubstr("quarry serve --sandbox"));
    EXPECT_THAT(help.out, HasSubstr("run"));
    EXPECT_EQ(help.err, "");
  }
}

TEST(CommandLine, EveryCommandHasHelpWithExamples) {
  for (const char* command : {"serve", "sandbox", "run", "models"}) {
    const Printout help = refused({command, "--help"});
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_THAT(help.out, HasSubstr("Examples:")) << command;
  }
}

TEST(CommandLine, NothingAtAllShowsTheHelpAndIsWrongUsage) {
  const Printout help = refused({});
  EXPECT_EQ(help.exit_code, 2);
  EXPECT_THAT(help.err, HasSubstr("serve"));
}

TEST(CommandLine, WrongUsageExitsWithTwoAndSaysWhereToLook) {
  for (const auto& args :
       std::vector<std::vector<std::string>>{{"frobnicate"},
                                             {"serve", "--sandbox", "--no-such-option"},
                                             {"serve", "--sandbox", "--port", "65536"},
                                             {"serve", "--sandbox", "--port", "-1"},
                                             {"serve", "--sandbox", "--port", "http"},
                                             {"serve", "--sandbox", "--log-format", "xml"},
                                             {"serve", "--sandbox", "--log-level", "9"},
                                             {"sandbox", "--job-seconds", "-1"},
                                             {"run", "a.jsonl", "b.jsonl"},
                                             {"run", "a.jsonl", "--url", "localhost:4000"},
                                             {"run", "a.jsonl", "-o", "a.jsonl"}}) {
    const Printout printout = refused(args);
    EXPECT_EQ(printout.exit_code, 2) << args.back();
    EXPECT_EQ(printout.out, "");
    EXPECT_THAT(printout.err, HasSubstr("hint: quarry")) << args.back();
  }
}

TEST(CommandLine, ServeHasTheDocumentedDefaults) {
  const auto options = parsed<ServeOptions>({"serve", "--sandbox"});
  EXPECT_EQ(options.host, "127.0.0.1");
  EXPECT_EQ(options.port, 4000);
  EXPECT_EQ(options.sandbox_port, 0);
  EXPECT_EQ(options.data_dir, "/home/ada/.local/share/quarry");
  EXPECT_EQ(options.tuning.job_time, std::chrono::seconds(3));
  EXPECT_TRUE(options.sandbox);
  EXPECT_TRUE(options.config_file.empty());
}

TEST(CommandLine, ServeTakesEveryOption) {
  const auto options = parsed<ServeOptions>({"serve", "-c", "my config.yaml", "--host", "0.0.0.0",
                                             "--port", "0", "--data-dir", "/d d", "--port-file",
                                             "/p f", "--sandbox", "--sandbox-port", "4566",
                                             "--sandbox-port-file", "/s", "--job-seconds", "0.25"});
  EXPECT_EQ(options.config_file, "my config.yaml");
  EXPECT_EQ(options.host, "0.0.0.0");
  EXPECT_EQ(options.port, 0);
  EXPECT_EQ(options.data_dir, "/d d");
  EXPECT_EQ(options.port_file, "/p f");
  EXPECT_EQ(options.sandbox_port, 4566);
  EXPECT_EQ(options.sandbox_port_file, "/s");
  EXPECT_EQ(options.tuning.job_time, std::chrono::milliseconds(250));
}

TEST(CommandLine, TheSandboxIsTunedTheSameWayAloneAndBesideTheGateway) {
  const std::vector<std::string> tuned{
      "--clock-speed", "3600",    "--clock-origin",       "1700000000",
      "--faults",      "/f.json", "--max-jobs-per-model", "0",
      "--min-records", "1",       "--records-per-second", "2.5"};
  const auto with = [&](std::vector<std::string> args) {
    args.insert(args.end(), tuned.begin(), tuned.end());
    return args;
  };
  for (const SandboxTuning& tuning : {parsed<ServeOptions>(with({"serve", "--sandbox"})).tuning,
                                      parsed<SandboxOptions>(with({"sandbox"})).tuning}) {
    EXPECT_EQ(tuning.clock_speed, 3600);
    EXPECT_EQ(tuning.clock_origin, 1'700'000'000);
    EXPECT_EQ(tuning.faults_file, "/f.json");
    EXPECT_EQ(tuning.max_jobs_per_model, 0U);
    EXPECT_EQ(tuning.min_records, 1U);
    EXPECT_EQ(tuning.records_per_second, 2.5);
  }
  const auto fixed = parsed<SandboxOptions>({"sandbox"}).tuning;
  EXPECT_EQ(fixed.clock_speed, 1);
  EXPECT_FALSE(fixed.clock_origin);
  EXPECT_EQ(fixed.max_jobs_per_model, 20U);
  EXPECT_EQ(fixed.min_records, 100U);
  EXPECT_EQ(refused({"sandbox", "--clock-speed", "0"}).exit_code, 2);
  EXPECT_THAT(refused({"serve", "-c", "config.yaml", "--faults", "/f.json"}).err,
              HasSubstr("--faults needs --sandbox"));
}

TEST(CommandLine, TheSandboxTakesAnAccountFromAFile) {
  EXPECT_EQ(parsed<SandboxOptions>({"sandbox", "--account", "/a.json"}).tuning.account_file,
            "/a.json");
  EXPECT_EQ(parsed<ServeOptions>({"serve", "--sandbox", "--sandbox-account", "/a.json"})
                .tuning.account_file,
            "/a.json");
  EXPECT_THAT(refused({"serve", "-c", "config.yaml", "--sandbox-account", "/a.json"}).err,
              HasSubstr("--sandbox-account needs --sandbox"));
}

TEST(CommandLine, AnOptionFirstMeansServeAsWithLiteLLM) {
  for (const char* config : {"--config", "-c"}) {
    const auto options = parsed<ServeOptions>({config, "config.yaml", "--port", "8000"});
    EXPECT_EQ(options.config_file, "config.yaml");
    EXPECT_EQ(options.port, 8000);
  }
}

TEST(CommandLine, ServeWithNothingToServeSaysWhatToGive) {
  const Printout printout = refused({"serve"});
  EXPECT_EQ(printout.exit_code, 2);
  EXPECT_THAT(printout.err, HasSubstr("--config FILE"));
  EXPECT_THAT(printout.err, HasSubstr("--sandbox"));
}

TEST(CommandLine, TheDataDirectoryFollowsTheEnvironment) {
  const auto dir = [](Variables variables) {
    return parsed<ServeOptions>({"serve", "--sandbox"}, std::move(variables)).data_dir;
  };
  EXPECT_EQ(dir({{"QUARRY_DATA_DIR", "/own"}, {"XDG_DATA_HOME", "/xdg"}, {"HOME", "/h"}}), "/own");
  EXPECT_EQ(dir({{"XDG_DATA_HOME", "/xdg"}, {"HOME", "/h"}}), "/xdg/quarry");
  EXPECT_EQ(dir({{"XDG_DATA_HOME", "relative"}, {"HOME", "/h"}}), "/h/.local/share/quarry");
  EXPECT_EQ(dir({{"QUARRY_DATA_DIR", ""}, {"HOME", "/h"}}), "/h/.local/share/quarry");
  EXPECT_THAT(refused({"serve", "--sandbox"}, {}).err, HasSubstr("--data-dir"));
}

TEST(CommandLine, LogOptionsAreCommonToAllCommands) {
  for (const auto& command : std::vector<std::vector<std::string>>{
           {"serve", "--sandbox"}, {"sandbox"}, {"run", "in.jsonl"}}) {
    auto args = command;
    args.insert(args.end(), {"--log-format", "json", "--log-level", "warn"});
    const CommandLine line = parse(args);
    EXPECT_FALSE(std::holds_alternative<Printout>(line.command));
    EXPECT_EQ(line.log_format, obs::LogFormat::json);
    EXPECT_EQ(line.log_level, obs::Level::warn);
  }
  EXPECT_EQ(parse({"serve", "--sandbox", "--detailed_debug"}).log_level, obs::Level::debug);
  EXPECT_EQ(parse({"sandbox"}).log_level, obs::Level::info);
}

TEST(CommandLine, TheSandboxTakesItsRootKeysFromTheEnvironment) {
  const auto fixed = parsed<SandboxOptions>({"sandbox"});
  EXPECT_EQ(fixed.access_key_id, "");
  EXPECT_EQ(fixed.port, 4566);
  EXPECT_EQ(fixed.data_dir, "/home/ada/.local/share/quarry/sandbox");
  const auto own =
      parsed<SandboxOptions>({"sandbox", "--data-dir", "/d"},
                             {{"AWS_ACCESS_KEY_ID", "AKIA1"}, {"AWS_SECRET_ACCESS_KEY", "s3cret"}});
  EXPECT_EQ(own.access_key_id, "AKIA1");
  EXPECT_EQ(own.secret_access_key.reveal(), "s3cret");
  EXPECT_EQ(refused({"sandbox", "--data-dir", "/d"}, {{"AWS_ACCESS_KEY_ID", "AKIA1"}}).exit_code,
            2);
}

TEST(CommandLine, BucketsMayBeRepeated) {
  const auto options =
      parsed<SandboxOptions>({"sandbox", "--bucket", "one", "--bucket", "two", "--port", "0"});
  EXPECT_EQ(options.buckets, (std::vector<std::string>{"one", "two"}));
}

TEST(CommandLine, RunFillsInTheServerAndTheOutput) {
  const auto plain = parsed<RunOptions>({"run", "dir/in.jsonl"});
  EXPECT_EQ(plain.input, "dir/in.jsonl");
  EXPECT_EQ(plain.output, "dir/in.out.jsonl");
  EXPECT_EQ(plain.url, "http://127.0.0.1:4000");
  EXPECT_EQ(plain.endpoint, "/v1/chat/completions");
  EXPECT_EQ(plain.api_key.reveal(), "");
  const auto set = parsed<RunOptions>(
      {"run", "in.jsonl"},
      {{"OPENAI_BASE_URL", "https://h/v1"}, {"QUARRY_API_KEY", "q"}, {"OPENAI_API_KEY", "o"}});
  EXPECT_EQ(set.url, "https://h/v1");
  EXPECT_EQ(set.api_key.reveal(), "o");
  EXPECT_EQ(parsed<RunOptions>({"run", "i"}, {{"QUARRY_API_KEY", "q"}}).api_key.reveal(), "q");
}

TEST(CommandLine, WhatRunIsToldWinsOverTheEnvironment) {
  const auto options = parsed<RunOptions>(
      {"run", "in.jsonl", "-m", "claude", "-o", "out put.jsonl", "--url", "http://h:1", "--api-key",
       "sk-1", "--endpoint", "v1/embeddings", "--poll-seconds", "0.5"},
      {{"OPENAI_BASE_URL", "https://other"}, {"OPENAI_API_KEY", "other"}});
  EXPECT_EQ(options.model, "claude");
  EXPECT_EQ(options.output, "out put.jsonl");
  EXPECT_EQ(options.url, "http://h:1");
  EXPECT_EQ(options.api_key.reveal(), "sk-1");
  EXPECT_EQ(options.endpoint, "/v1/embeddings");
  EXPECT_EQ(options.poll_every, std::chrono::milliseconds(500));
}

TEST(CommandLine, RunNeedsAnInputOrABatchToResume) {
  EXPECT_THAT(refused({"run"}).err, HasSubstr("INPUT is missing"));
  const auto options = parsed<RunOptions>({"run", "--resume", "batch_1"});
  EXPECT_EQ(options.resume, "batch_1");
  EXPECT_EQ(options.output, "batch_1.out.jsonl");
}

TEST(Models, TakesAFilterAndItsOptions) {
  const auto all = parsed<ModelsOptions>({"models"});
  EXPECT_EQ(all.filter, "");
  EXPECT_FALSE(all.json || all.batch_only);
  EXPECT_TRUE(all.config_file.empty());
  const auto some =
      parsed<ModelsOptions>({"models", "nova", "--json", "--batch-only", "-c", "config.yaml"});
  EXPECT_EQ(some.filter, "nova");
  EXPECT_TRUE(some.json && some.batch_only);
  EXPECT_EQ(some.config_file, "config.yaml");
  EXPECT_EQ(refused({"models", "nova", "lite"}).exit_code, kExitUsage);
}

TEST(Doctor, TakesAConfigurationAndItsOptions) {
  const auto plain = parsed<DoctorOptions>({"doctor", "--config", "config.yaml"});
  EXPECT_EQ(plain.config_file, "config.yaml");
  EXPECT_TRUE(plain.model.empty() && !plain.json);
  EXPECT_EQ(plain.wait, std::chrono::seconds(20));
  const auto some = parsed<DoctorOptions>(
      {"doctor", "-c", "config.yaml", "--model", "claude", "--json", "--wait", "0.5"});
  EXPECT_EQ(some.model, "claude");
  EXPECT_TRUE(some.json);
  EXPECT_EQ(some.wait, std::chrono::milliseconds(500));
  EXPECT_EQ(refused({"doctor"}).exit_code, kExitUsage);
  EXPECT_EQ(refused({"doctor", "-c", "x", "--wait", "-1"}).exit_code, kExitUsage);
}

TEST(Keys, HasAVerbForEachRoute) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> verbs{
      {{"generate"}, "key/generate"},
      {{"list"}, "key/list"},
      {{"info", "K"}, "key/info"},
      {{"update", "K"}, "key/update"},
      {{"delete", "K", "L"}, "key/delete"},
      {{"block", "K"}, "key/block"},
      {{"unblock", "K"}, "key/unblock"},
      {{"team", "new"}, "team/new"},
      {{"team", "list"}, "team/list"},
      {{"team", "info", "T"}, "team/info"},
      {{"team", "update", "T"}, "team/update"},
      {{"team", "delete", "T"}, "team/delete"},
      {{"team", "block", "T"}, "team/block"},
      {{"team", "unblock", "T"}, "team/unblock"}};
  for (const auto& [verb, route] : verbs) {
    std::vector<std::string> args{"keys"};
    args.insert(args.end(), verb.begin(), verb.end());
    EXPECT_EQ(parsed<KeysOptions>(args).route, route);
    args.emplace_back("--help");
    EXPECT_EQ(refused(args).exit_code, 0) << route;
  }
  EXPECT_EQ(refused({"keys"}).exit_code, kExitUsage);
  EXPECT_EQ(refused({"keys", "info"}).exit_code, kExitUsage) << "which one?";
  EXPECT_THAT(refused({"keys", "--help"}).out, HasSubstr("Examples:"));
}

TEST(Keys, TakesWhatIsTypedByLiteLlmsNames) {
  const auto options = parsed<KeysOptions>(
      {"keys", "generate", "--alias", "a", "--max-budget", "5", "--models", "m,n/*", "--models",
       "o"},
      {{"LITELLM_MASTER_KEY", "sk-master"}, {"OPENAI_BASE_URL", "http://h:1/v1"}});
  EXPECT_EQ(options.members, (std::vector<std::pair<std::string, std::string>>{
                                 {"key_alias", "a"}, {"max_budget", "5"}}));
  EXPECT_EQ(options.models, (std::vector<std::string>{"m", "n/*", "o"}));
  EXPECT_EQ(options.api_key.reveal(), "sk-master");
  EXPECT_EQ(options.url, "http://h:1/v1");
  EXPECT_EQ(refused({"keys", "list", "--url", "ftp://h"}).exit_code, kExitUsage);
}

// Of a shell's variable that is not set; else a key would have no limit, and a list all keys.
TEST(Keys, RefusesAnEmptyValueByTheNameOfItsOption) {
  const std::vector<std::vector<std::string>> commands{
      {"keys", "generate", "--alias", "a", "--max-budget", ""},
      {"keys", "generate", "--team", ""},
      {"keys", "generate", "--models", ""},
      {"keys", "generate", "--key", ""},
      {"keys", "update", "KEY", "--rpm-limit", ""},
      {"keys", "list", "--user", ""},
      {"keys", "list", "--api-key", ""},
      {"keys", "team", "new", "--id", ""},
      {"keys", "team", "update", "T", "--alias", ""},
      {"keys", "team", "new", "--max-open-batches", ""}};
  for (const auto& command : commands) {
    const Printout printed = refused(command);
    EXPECT_EQ(printed.exit_code, kExitUsage);
    EXPECT_THAT(printed.err, HasSubstr(command[command.size() - 2]));
    EXPECT_THAT(printed.err, HasSubstr("`none`"));
  }
  EXPECT_EQ(refused({"keys", "delete", ""}).exit_code, kExitUsage);
  EXPECT_EQ(refused({"keys", "delete", "KEY", ""}).exit_code, kExitUsage);
}

}  // namespace
}  // namespace quarry::cli
