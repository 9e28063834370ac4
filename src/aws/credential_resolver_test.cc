// Which credentials an identity, an environment and the shared files lead to.

#include "aws/credentials.h"
#include "aws/testing/identity_desk.h"

#include <gtest/gtest.h>

namespace quarry::aws {
namespace {

using namespace std::chrono_literals;
using quarry::testing::IdentityDesk;
using quarry::testing::words;

constexpr const char* kRole = "arn:aws:iam::123456789012:role/R";

config::StaticCredentials keys(const std::string& id) {
  return {id, Secret<std::string>("s-" + id), Secret<std::string>()};
}

struct Resolver : ::testing::Test {
  Resolver() { desk.variables["AWS_EC2_METADATA_DISABLED"] = "true"; }
  std::string get(const config::AwsIdentity& identity = {}) {
    return words(desk.resolve(identity));
  }
  std::string body(std::size_t n) { return desk.client.sent().at(n).body; }
  // Who signed request n.
  bool signed_by(std::size_t n, const std::string& key) {
    const auto authorization = desk.client.sent().at(n).headers.get("Authorization");
    return authorization && authorization->contains("Credential=" + key + "/");
  }
  void environment_keys() {
    desk.variables["AWS_ACCESS_KEY_ID"] = "AKENV";
    desk.variables["AWS_SECRET_ACCESS_KEY"] = "s-AKENV";
  }
  void web_identity_of_environment() {
    desk.variables["AWS_WEB_IDENTITY_TOKEN_FILE"] = desk.home.write("token", "jwt\n");
    desk.variables["AWS_ROLE_ARN"] = kRole;
  }

  IdentityDesk desk;
};

// What the configuration says, in LiteLLM's order.

TEST_F(Resolver, KeysOfTheConfigurationAreThemselves) {
  environment_keys();
  EXPECT_EQ(get({.keys = keys("AKCONF")}), "AKCONF s-AKCONF ");
}

TEST_F(Resolver, AProfileGoesBeforeKeys) {
  desk.credentials("[p]\naws_access_key_id = AKPROF\naws_secret_access_key = s\n");
  EXPECT_EQ(get({.keys = keys("AKCONF"), .profile = "p"}), "AKPROF s ");
}

TEST_F(Resolver, ARoleIsAssumedWithTheKeysTheProfileOrWhatIsFound) {
  environment_keys();
  desk.credentials("[p]\naws_access_key_id = AKPROF\naws_secret_access_key = s\n");
  for (int i = 0; i < 3; ++i) desk.sts_gives("AssumeRole", "ASIA1");
  EXPECT_EQ(get({.keys = keys("AKCONF"), .role_arn = kRole}), "ASIA1 s-ASIA1 t-ASIA1");
  EXPECT_EQ(get({.profile = "p", .role_arn = kRole}), "ASIA1 s-ASIA1 t-ASIA1");
  EXPECT_EQ(get({.role_arn = kRole}), "ASIA1 s-ASIA1 t-ASIA1");
  EXPECT_TRUE(signed_by(0, "AKCONF"));
  EXPECT_TRUE(signed_by(1, "AKPROF"));
  EXPECT_TRUE(signed_by(2, "AKENV"));
}

TEST_F(Resolver, ARoleTakesItsSessionNameExternalIdAndTagsAlong) {
  desk.sts_gives("AssumeRole", "ASIA1");
  desk.sts_gives("AssumeRole", "ASIA1");
  get({.keys = keys("AKCONF"),
       .role_arn = kRole,
       .session_name = "mine",
       .external_id = "ext",
       .session_tags = {{"team", "ml"}},
       .sts_endpoint = "https://sts.eu-west-1.amazonaws.com"});
  EXPECT_EQ(body(0),
            "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A"
            "123456789012%3Arole%2FR&RoleSessionName=mine&ExternalId=ext"
            "&Tags.member.1.Key=team&Tags.member.1.Value=ml");
  EXPECT_EQ(desk.client.sent().at(0).url, "https://sts.eu-west-1.amazonaws.com/");
  EXPECT_TRUE(desk.client.sent().at(0).headers.get("Authorization")->contains("/eu-west-1/sts/"));
  get({.keys = keys("AKCONF"), .role_arn = kRole});
  EXPECT_TRUE(body(1).contains("&RoleSessionName=quarry-1767322800")) << body(1);
  EXPECT_EQ(desk.client.sent().at(1).url, "https://sts.us-east-1.amazonaws.com/");
}

TEST_F(Resolver, ARefusedRoleSaysWhoAskedAndWhatItsTrustPolicyMustAllow) {
  desk.client.answer(403,
                     "<ErrorResponse><Error><Code>AccessDenied</Code><Message>User is not "
                     "authorized</Message></Error></ErrorResponse>");
  const std::string got = get({.keys = keys("AKCONF"), .role_arn = kRole});
  EXPECT_TRUE(got.contains("AccessDenied: User is not authorized")) << got;
  EXPECT_TRUE(got.contains("with the credentials of litellm_params and no external id")) << got;
  EXPECT_TRUE(got.contains("trust policy must allow sts:AssumeRole")) << got;
  EXPECT_FALSE(got.contains("s-AKCONF"));
}

TEST_F(Resolver, AWebIdentityGoesBeforeAllElseInEachOfItsForms) {
  const std::string file = desk.home.write("jwt", "from-file\n");
  desk.variables["MY_TOKEN"] = "from-variable";
  desk.variables["MY_TOKEN_PATH"] = file;
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"e.y.J", "e.y.J"},
      {file, "from-file"},
      {"oidc/file/" + file, "from-file"},
      {"oidc/file" + file, "from-file"},
      {"oidc/env/MY_TOKEN", "from-variable"},
      {"oidc/env_path/MY_TOKEN_PATH", "from-file"},
  };
  for (const auto& [given, token] : rows) {
    desk.sts_gives("AssumeRoleWithWebIdentity", "ASIAW");
    EXPECT_EQ(get({.keys = keys("AKCONF"),
                   .profile = "p",
                   .role_arn = kRole,
                   .session_name = "s1",
                   .web_identity_token = Secret<std::string>(given)}),
              "ASIAW s-ASIAW t-ASIAW");
    EXPECT_TRUE(
        desk.client.sent().back().body.ends_with("&RoleSessionName=s1&WebIdentityToken=" + token))
        << given;
    EXPECT_FALSE(desk.client.sent().back().headers.get("Authorization"));
  }
}

TEST_F(Resolver, AWebIdentityThatCannotBeReadSaysWhat) {
  const auto with = [this](const std::string& token) {
    return get({.role_arn = kRole, .web_identity_token = Secret<std::string>(token)});
  };
  EXPECT_EQ(with("/none/such"), "error: the web identity token: there is no file /none/such");
  EXPECT_EQ(with("oidc/env/NONE"), "error: aws_web_identity_token names NONE, which is not set");
  EXPECT_TRUE(with("oidc/google/x").starts_with("error: aws_web_identity_token is none of"));
  EXPECT_EQ(get({.web_identity_token = Secret<std::string>("t")}),
            "error: aws_web_identity_token needs the role that it is for; hint: set aws_role_name");
}

TEST_F(Resolver, APodThatIsTheRoleAlreadyDoesNotAssumeItAgain) {
  web_identity_of_environment();
  desk.sts_gives("AssumeRoleWithWebIdentity", "ASIAW");
  EXPECT_EQ(get({.role_arn = kRole}), "ASIAW s-ASIAW t-ASIAW");
  EXPECT_EQ(desk.client.sent().size(), 1u);
}

TEST_F(Resolver, APodWithAnotherRoleAssumesItWithItsOwn) {
  web_identity_of_environment();
  desk.sts_gives("AssumeRoleWithWebIdentity", "ASIAW");
  desk.sts_gives("AssumeRole", "ASIA2");
  EXPECT_EQ(get({.role_arn = "arn:aws:iam::123456789012:role/other"}), "ASIA2 s-ASIA2 t-ASIA2");
  EXPECT_TRUE(signed_by(1, "ASIAW"));
}

// What AWS's SDKs find, in botocore's order.

TEST_F(Resolver, TheEnvironmentGoesBeforeAProfileThatAVariableNamesButNotBeforeANamedOne) {
  environment_keys();
  desk.variables["AWS_SESSION_TOKEN"] = "tok";
  desk.variables["AWS_PROFILE"] = "p";
  desk.credentials("[p]\naws_access_key_id = AKPROF\naws_secret_access_key = s\n");
  EXPECT_EQ(get(), "AKENV s-AKENV tok");
  EXPECT_EQ(get({.profile = "p"}), "AKPROF s ");
}

TEST_F(Resolver, HalfAPairIsAnErrorAndNotTheNextPlace) {
  desk.variables["AWS_ACCESS_KEY_ID"] = "AKENV";
  desk.credentials("[default]\naws_access_key_id = AKPROF\naws_secret_access_key = s\n");
  EXPECT_TRUE(get().contains("AWS_SECRET_ACCESS_KEY is not set"));
  desk.variables.erase("AWS_ACCESS_KEY_ID");
  desk.credentials("[default]\naws_access_key_id = AKPROF\n");
  EXPECT_TRUE(get().contains("profile default")) << get();
  EXPECT_TRUE(get().contains("aws_secret_access_key"));
}

TEST_F(Resolver, AProfilesPlacesHaveBotocoresOrder) {
  const std::string process = desk.home.write(
      "p.sh", R"(echo '{"Version":1,"AccessKeyId":"AKPROC","SecretAccessKey":"s"}')");
  desk.variables["AWS_PROFILE"] = "p";
  desk.config(
      "[profile p]\naws_access_key_id = AKCFG\naws_secret_access_key = s\n"
      "credential_process = /bin/sh " +
      process + "\n");
  EXPECT_EQ(get(), "AKPROC s ");
  desk.credentials(
      "[p]\naws_access_key_id = AKCRED\naws_secret_access_key = s\n"
      "aws_session_token = t\n");
  EXPECT_EQ(get(), "AKCRED s t");
  web_identity_of_environment();
  desk.sts_gives("AssumeRoleWithWebIdentity", "ASIAW");
  EXPECT_EQ(get(), "ASIAW s-ASIAW t-ASIAW");
}

TEST_F(Resolver, AConfigFilesKeysAreTheLastOfAProfile) {
  desk.config("[default]\naws_access_key_id = AKCFG\naws_secret_access_key = s\n");
  EXPECT_EQ(get(), "AKCFG s ");
}

TEST_F(Resolver, ChainsOfRolesAreWalkedFromTheirEnd) {
  desk.config(
      "[profile a]\nrole_arn = arn:aws:iam::1:role/A\nsource_profile = b\n"
      "external_id = e\nrole_session_name = sa\nduration_seconds = 900\nregion = eu-west-3\n"
      "[profile b]\nrole_arn = arn:aws:iam::1:role/B\nsource_profile = c\n");
  desk.credentials("[c]\naws_access_key_id = AKC\naws_secret_access_key = s\n");
  desk.sts_gives("AssumeRole", "ASIAB");
  desk.sts_gives("AssumeRole", "ASIAA");
  const auto got = desk.resolve({.profile = "a"});
  EXPECT_EQ(words(got), "ASIAA s-ASIAA t-ASIAA");
  EXPECT_EQ(got->source, "role arn:aws:iam::1:role/A of role arn:aws:iam::1:role/B of profile c");
  EXPECT_TRUE(signed_by(0, "AKC"));
  EXPECT_TRUE(signed_by(1, "ASIAB"));
  EXPECT_TRUE(body(1).contains("RoleSessionName=sa&DurationSeconds=900&ExternalId=e"));
  EXPECT_EQ(desk.client.sent().at(1).url, "https://sts.eu-west-3.amazonaws.com/");
}

TEST_F(Resolver, CirclesOfProfilesAreNamed) {
  desk.config(
      "[profile a]\nrole_arn = r1\nsource_profile = b\n"
      "[profile b]\nrole_arn = r2\nsource_profile = a\n"
      "[profile self]\nrole_arn = r3\nsource_profile = self\n");
  EXPECT_TRUE(get({.profile = "a"}).contains("goes round in circles: a -> b -> a"));
  EXPECT_TRUE(get({.profile = "self"}).contains("goes round in circles: self -> self"));
}

TEST_F(Resolver, AProfileMayNameItselfForItsKeys) {
  desk.config(
      "[profile self]\nrole_arn = arn:aws:iam::1:role/A\nsource_profile = self\n"
      "aws_access_key_id = AKSELF\naws_secret_access_key = s\n");
  desk.sts_gives("AssumeRole", "ASIA1");
  EXPECT_EQ(get({.profile = "self"}), "ASIA1 s-ASIA1 t-ASIA1");
  EXPECT_TRUE(signed_by(0, "AKSELF"));
}

TEST_F(Resolver, ARoleMayStandOnTheEnvironmentTheContainerOrTheInstance) {
  desk.config(
      "[profile e]\nrole_arn = arn:aws:iam::1:role/A\ncredential_source = Environment\n"
      "[profile c]\nrole_arn = arn:aws:iam::1:role/A\ncredential_source = EcsContainer\n"
      "[profile i]\nrole_arn = arn:aws:iam::1:role/A\n"
      "credential_source = Ec2InstanceMetadata\n"
      "[profile x]\nrole_arn = arn:aws:iam::1:role/A\ncredential_source = Elsewhere\n"
      "[profile n]\nrole_arn = arn:aws:iam::1:role/A\n"
      "[profile m]\nrole_arn = arn:aws:iam::1:role/A\ncredential_source = Environment\n"
      "mfa_serial = arn:aws:iam::1:mfa/me\n");
  environment_keys();
  desk.sts_gives("AssumeRole", "ASIA1");
  EXPECT_EQ(get({.profile = "e"}), "ASIA1 s-ASIA1 t-ASIA1");
  EXPECT_TRUE(signed_by(0, "AKENV"));
  desk.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://localhost/x";
  desk.client.answer(200, IdentityDesk::document("ASIAC"));
  desk.sts_gives("AssumeRole", "ASIA1");
  EXPECT_EQ(get({.profile = "c"}), "ASIA1 s-ASIA1 t-ASIA1");
  EXPECT_TRUE(signed_by(2, "ASIAC"));
  EXPECT_EQ(get({.profile = "i"}),
            "error: profile i: its credential_source Ec2InstanceMetadata "
            "has none: AWS_EC2_METADATA_DISABLED is true");
  EXPECT_TRUE(get({.profile = "x"}).contains("is none of Environment, EcsContainer"));
  EXPECT_TRUE(get({.profile = "n"}).contains("needs a source_profile or a credential_source"));
  EXPECT_TRUE(get({.profile = "m"}).contains("(mfa_serial), and nobody is here to type it"));
}

TEST_F(Resolver, AProfileWithAWebIdentityTokenFileTakesItsRoleWithThat) {
  desk.config(
      "[profile w]\nrole_arn = arn:aws:iam::1:role/W\nrole_session_name = ws\n"
      "web_identity_token_file = " +
      desk.home.write("jwt", "jwt") +
      "\n"
      "[profile over]\nrole_arn = arn:aws:iam::1:role/O\nsource_profile = w\n");
  desk.sts_gives("AssumeRoleWithWebIdentity", "ASIAW");
  desk.sts_gives("AssumeRole", "ASIAO");
  EXPECT_EQ(get({.profile = "over"}), "ASIAO s-ASIAO t-ASIAO");
  EXPECT_TRUE(body(0).contains("role%2FW&RoleSessionName=ws&WebIdentityToken=jwt"));
}

TEST_F(Resolver, TheWebIdentityOfTheEnvironmentDoesNotReachANamedProfile) {
  web_identity_of_environment();
  desk.credentials("[p]\naws_access_key_id = AKPROF\naws_secret_access_key = s\n");
  EXPECT_EQ(get({.profile = "p"}), "AKPROF s ");
}

TEST_F(Resolver, AProfileThatSignsInAsksForItsTokenByItsSession) {
  desk.config(
      "[profile s]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = R\n"
      "[profile lost]\nsso_session = none\nsso_account_id = 1\nsso_role_name = R\n"
      "[profile half]\nsso_account_id = 1\nsso_role_name = R\nsso_region = x\n"
      "[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://c\n");
  EXPECT_TRUE(get({.profile = "s"}).contains("hint: run aws sso login --profile s"));
  EXPECT_TRUE(get({.profile = "lost"}).contains("there is no [sso-session none]"));
  EXPECT_TRUE(get({.profile = "half"}).contains("sso_start_url is missing"));
}

TEST_F(Resolver, AProfileThatIsNotThereIsNamedWithThoseThatAre) {
  desk.config("[profile a]\nregion = x\n[default]\nregion = x\n");
  const std::string got = get({.profile = "b"});
  EXPECT_TRUE(got.contains("profile b: it is not in " + desk.home.path(".aws/config"))) << got;
  EXPECT_TRUE(got.contains("there are: a, default; hint: mend aws_profile_name")) << got;
  desk.variables["AWS_PROFILE"] = "c";
  EXPECT_TRUE(get().contains("profile c: it is not in"));
  EXPECT_TRUE(get().contains("hint: mend AWS_PROFILE"));
}

TEST_F(Resolver, AFileThatCannotBeUnderstoodIsAnError) {
  desk.config("[default\nsecret\n");
  EXPECT_TRUE(get().contains(".aws/config: line 1: a section without its ]"));
}

TEST_F(Resolver, AContainerGoesBeforeTheInstance) {
  desk.variables.erase("AWS_EC2_METADATA_DISABLED");
  desk.variables["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = "http://localhost/x";
  desk.client.answer(200, IdentityDesk::document("ASIAC"));
  EXPECT_EQ(get(), "ASIAC s-ASIAC t-ASIAC");
  desk.variables.erase("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  desk.client.answer(200, "token");
  desk.client.answer(200, "role");
  desk.client.answer(200, IdentityDesk::document("ASIAI"));
  EXPECT_EQ(get(), "ASIAI s-ASIAI t-ASIAI");
}

TEST_F(Resolver, WhereThereAreNoneEveryPlaceIsNamedAndWhatToSet) {
  const std::string got = get();
  for (const char* place :
       {"AWS_ACCESS_KEY_ID is not set", "profile default of ", "AWS_WEB_IDENTITY_TOKEN_FILE is not",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI is set", "AWS_EC2_METADATA_DISABLED is true",
        "hint: set AWS_ACCESS_KEY_ID"}) {
    EXPECT_TRUE(got.contains(place)) << place << " in " << got;
  }
}

TEST_F(Resolver, EqualIdentitiesShareOneProviderAndOneFetch) {
  desk.sts_gives("AssumeRole", "ASIA1");
  CredentialResolver resolver(desk.world());
  const config::AwsIdentity identity{.keys = keys("AKCONF"), .role_arn = kRole};
  const auto one = resolver.resolve(identity, "us-east-1");
  EXPECT_EQ(one, resolver.resolve(identity, "us-east-1"));
  EXPECT_NE(one, resolver.resolve(identity, "eu-west-1"));
  EXPECT_EQ(resolver.resolve({.keys = keys("AKCONF")}, "us-east-1"),
            resolver.resolve({.keys = keys("AKCONF")}, "eu-west-1"));
  EXPECT_EQ(words(desk.get(*one)), "ASIA1 s-ASIA1 t-ASIA1");
  EXPECT_EQ(words(desk.get(*one)), "ASIA1 s-ASIA1 t-ASIA1");
  EXPECT_EQ(desk.client.sent().size(), 1u);
}

TEST_F(Resolver, ARotatedTokenFileIsReadForTheNextSession) {
  web_identity_of_environment();
  desk.sts_gives("AssumeRoleWithWebIdentity", "ASIA1");
  desk.sts_gives("AssumeRoleWithWebIdentity", "ASIA2", "2026-01-02T05:00:00Z");
  CredentialResolver resolver(desk.world());
  const auto provider = resolver.resolve({}, "us-east-1");
  EXPECT_EQ(words(desk.get(*provider)), "ASIA1 s-ASIA1 t-ASIA1");
  desk.home.write("token", "jwt-2");
  desk.clock.move(55min);
  EXPECT_EQ(words(desk.get(*provider)), "ASIA2 s-ASIA2 t-ASIA2");
  EXPECT_TRUE(body(1).ends_with("WebIdentityToken=jwt-2"));
}

}  // namespace
}  // namespace quarry::aws
