#pragma once
// config.yaml, typed. LiteLLM's keys with LiteLLM's meaning; every error at once, each with its
// line and key; immutable once loaded.

#include "base/secret.h"
#include "config/aws_identity.h"
#include "config/batch_limits.h"
#include "config/webhook_settings.h"

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace quarry::config {

enum class SmallBatch { direct, reject };

// bedrock_invocation: how jobs of a deployment call their model.
enum class BedrockInvocation { automatic, native, converse };

// What an entry says of its model, over what the catalog says: model_info, with LiteLLM's keys.
// What is not given is the catalog's.
struct ModelOverrides {
  std::string family;      // litellm_params.bedrock_model_family; "" = not given
  std::string base_model;  // model_info.base_model: the catalog's model that an opaque ARN is
  std::string mode;        // chat, completion, responses, embedding; "" = not given, or "batch"
  std::optional<std::int64_t> max_input_tokens;
  std::optional<std::int64_t> max_output_tokens;  // max_output_tokens, else max_tokens
  // Pico-dollars per token, as catalog::Prices.
  std::optional<std::int64_t> input_pico_usd;         // input_cost_per_token
  std::optional<std::int64_t> output_pico_usd;        // output_cost_per_token
  std::optional<std::int64_t> batch_input_pico_usd;   // input_cost_per_token_batches
  std::optional<std::int64_t> batch_output_pico_usd;  // output_cost_per_token_batches
  std::optional<std::int64_t> cache_read_pico_usd;    // cache_read_input_token_cost
  std::optional<std::int64_t> cache_write_pico_usd;   // cache_creation_input_token_cost
  std::optional<bool> tools;                          // supports_function_calling
  std::optional<bool> image;                          // supports_vision
  std::optional<bool> json_schema;                    // supports_response_schema
  std::optional<bool> document;                       // supports_pdf_input
  std::optional<bool> reasoning;                      // supports_reasoning
};

// One entry of model_list.
struct DeploymentSettings {
  std::string id;          // model_info.id, else a hash of names and places, never of secrets
  std::string model_name;  // the public name
  std::string model_id;    // Bedrock's modelId: litellm_params.model without "bedrock/"
  bool batch = false;      // model_info.mode == "batch"
  int line = 0;            // in the file, for messages
  std::string path;        // in the file, for messages: "model_list[0]"
  ModelOverrides model;
  BedrockInvocation invocation = BedrockInvocation::automatic;

  // aws_region_name, else the model's path or ARN, else s3_region_name, else AWS_REGION_NAME,
  // AWS_REGION, AWS_DEFAULT_REGION, else the profile's region.
  std::string bedrock_region;
  std::string bucket;  // s3_bucket_name up to the first '/'
  std::string prefix =
      "quarry/";          // s3_prefix, or what follows the '/' of s3_bucket_name; ends in '/'
  std::string s3_region;  // s3_region_name, else bedrock_region
  // s3_output_bucket_name, split as s3_bucket_name is: where jobs write. Else bucket and prefix, as
  // "" is too.
  std::string output_bucket;
  std::string output_prefix = "quarry/";
  std::string role_arn;  // aws_batch_role_arn
  AwsIdentity identity;
  std::optional<StaticCredentials> s3_credentials;  // s3_*; none = identity
  Secret<std::string> bearer_token;  // api_key: a Bedrock API key, for Bedrock's calls; "" = none
  std::string s3_endpoint;           // s3_endpoint_url; "" = AWS's own, as the next two
  std::string bedrock_endpoint;      // aws_bedrock_endpoint
  std::string runtime_endpoint;      // aws_bedrock_runtime_endpoint
  S3Addressing s3_addressing = S3Addressing::automatic;
  std::string kms_key_id;      // s3_encryption_key_id: of what is written to S3, by us and by jobs
  bool s3_bucket_key = false;  // s3_bucket_key_enabled: with kms_key_id
  std::string bucket_owner;    // s3_bucket_owner: 12 digits, of both buckets; "" = not checked
  std::vector<Tag> job_tags;   // bedrock_tags
  std::optional<VpcConfig> vpc;          // bedrock_vpc_config
  std::optional<int> job_timeout_hours;  // bedrock_timeout_hours: 24..168; none = the window's

  int weight = 1;
  int max_concurrent_jobs = 20;
  std::uint64_t min_records_per_job = 100;
  std::uint64_t max_records_per_job = 50'000;
  std::uint64_t max_job_bytes = 1'000'000'000;
  SmallBatch small_batch = SmallBatch::direct;
  int direct_concurrency = 8;  // on-demand calls at once for small batches
  // How often a record that failed for a passing reason is run again within its batch.
  int retry_failed_records = 1;
  // deadline_fallback: direct: so long before its window closes, what a batch has not finished is
  // taken from AWS's queue and run on demand. nullopt = none.
  std::optional<std::chrono::minutes> deadline_fallback;
  // model_name holds a '*', and perhaps the model: then one deployment for each model that is asked
  // for (aws::DeploymentSet makes them, and what it made is a wildcard too).
  bool wildcard = false;
  BatchLimits limits;  // of model_info: of all deployments of its model_name together
};

struct Settings {
  std::vector<DeploymentSettings> deployments;  // at least one
  std::optional<Secret<std::string>> master_key;
  std::optional<std::chrono::milliseconds> batch_polling_interval;  // proxy_batch_polling_interval
  bool drop_params = false;                                         // litellm_settings.drop_params
  std::uint64_t max_transfer_memory_bytes = std::uint64_t{256} << 20;
  std::uint64_t max_upload_bytes = std::uint64_t{16} << 30;
  std::size_t max_line_bytes = std::size_t{16} << 20;
  std::chrono::hours max_completion_window{24};  // 24 to 168
  // How long the files that jobs were made of, and AWS's raw results, stay in S3 after a batch's
  // end.
  std::chrono::hours job_files_retention{24};
  // How often what nobody refers to any more is looked for and deleted.
  std::chrono::seconds janitor_interval{3600};
  // The `models` section, in the format of data/models.yaml; "" = none.
  std::string models_yaml;
  // general_settings.database_url, else DATABASE_URL: postgres://… or postgresql://…; "" = SQLite
  // in the data directory.
  Secret<std::string> database_url;
  int database_connections = 8;  // database_connection_pool_limit; of PostgreSQL
  // lease_seconds: how long after a server's death another takes up what it was at.
  std::chrono::seconds lease{30};
  BatchLimits key_limits;                           // of general_settings: of each key
  std::map<std::string, BatchLimits> model_limits;  // of model_info, by model_name: of all keys
  WebhookSettings webhooks;
  bool metrics_need_key = false;  // litellm_settings.require_auth_for_metrics_endpoint
  int models_line = 0;            // the line of the file that its first line is; 0 = not known
  std::vector<std::string>
      warnings;  // for the log at start: keys of LiteLLM's that do nothing here
};

struct ConfigError {
  int line = 0;     // 1-based; 0 when the whole file is meant
  std::string key;  // "model_list[0].litellm_params.s3_bucket_name"
  std::string message;
};

// The environment as a function, so that tests need none. nullopt: not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment process_environment();
// `first`, and for names it does not hold, `defaults`: `serve --sandbox` needs no AWS_ACCESS_KEY_ID
// set.
Environment with_defaults(Environment first, std::map<std::string, std::string> defaults);

// The region that a profile of ~/.aws/config names; "" is the profile in use. nullopt: none.
using ProfileRegion = std::function<std::optional<std::string>(const std::string& profile)>;

// Parses and checks the whole text. Pure but for `environment` and `profile_region`, which is asked
// only where nothing else says a region.
std::expected<Settings, std::vector<ConfigError>> load(std::string_view yaml,
                                                       const Environment& environment,
                                                       const ProfileRegion& profile_region = {});

// The settings of `serve --sandbox` without a config: the seed's model name and bucket, key
// sk-1234.
Settings sandbox_settings();

// "config.yaml:7: model_list[0].litellm_params.s3_bucket_name: is required"
std::string describe(const ConfigError& error, std::string_view file_name);

}  // namespace quarry::config
