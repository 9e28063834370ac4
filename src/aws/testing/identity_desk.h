#pragma once
// What credentials are resolved from, in a test's hand: an environment, a home directory, a clock
// that moves when told to, and a client that answers from a script.

#include "aws/child_process.h"
#include "aws/credential_source.h"
#include "aws/credentials.h"
#include "aws/testing/scripted_client.h"
#include "base/testing/run.h"
#include "base/testing/scratch_directory.h"
#include "base/timestamp.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>

namespace quarry::testing {

class MovingClock final : public Clock {
 public:
  explicit MovingClock(SysTime at) : at_(at) {}
  SysTime now() const override { return at_; }
  void move(std::chrono::milliseconds by) { at_ += by; }

 private:
  SysTime at_;
};

struct IdentityDesk {
  ScriptedClient client;
  MovingClock clock{*parse_timestamp("2026-01-02T03:00:00Z")};
  BlockingPool pool{1};
  std::shared_ptr<aws::ProgramRunner> programs = std::make_shared<aws::ProgramRunner>();
  ScratchDirectory home;
  std::map<std::string, std::string> variables{{"HOME", home.path().string()}};

  aws::IdentityWorld world() {
    return {client, clock, pool,
            [this](const std::string& name) -> std::optional<std::string> {
              const auto found = variables.find(name);
              if (found == variables.end()) return std::nullopt;
              return found->second;
            },
            programs};
  }
  void config(const std::string& text) { home.write(".aws/config", text); }
  void credentials(const std::string& text) { home.write(".aws/credentials", text); }

  Result<aws::Credentials> get(aws::CredentialProvider& provider) {
    return run(provider.get(Deadline::after(std::chrono::seconds(30))));
  }
  Result<aws::Credentials> resolve(const config::AwsIdentity& identity) {
    aws::CredentialResolver resolver(world());
    return get(*resolver.resolve(identity, "us-east-1"));
  }
  Result<aws::Found> look(aws::CredentialSource& source) {
    return run(source.look(Deadline::after(std::chrono::seconds(30))));
  }

  // STS gives a session; `action` "AssumeRole" or "AssumeRoleWithWebIdentity".
  void sts_gives(const std::string& action,
                 const std::string& key,
                 const std::string& expiration = "2026-01-02T04:00:00Z") {
    client.answer(200, "<" + action +
                           "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
                           "<" +
                           action + "Result><Credentials><AccessKeyId>" + key +
                           "</AccessKeyId><SecretAccessKey>s-" + key +
                           "</SecretAccessKey>"
                           "<SessionToken>t-" +
                           key + "</SessionToken><Expiration>" + expiration +
                           "</Expiration></Credentials></" + action + "Result></" + action +
                           "Response>");
  }
  // Instance metadata and containers give a document.
  static std::string document(const std::string& key,
                              const std::string& expiration = "2026-01-02T09:00:00Z") {
    return R"({"Code":"Success","AccessKeyId":")" + key + R"(","SecretAccessKey":"s-)" + key +
           R"(","Token":"t-)" + key + R"(","Expiration":")" + expiration + R"("})";
  }
};

// "AKID secret token" of what came, or the error's words.
inline std::string words(const Result<aws::Credentials>& got) {
  if (!got) return "error: " + got.error().message();
  return got->access_key_id + " " + got->secret_access_key.reveal() + " " +
         got->session_token.reveal();
}

}  // namespace quarry::testing
