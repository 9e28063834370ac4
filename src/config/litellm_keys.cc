#include "config/litellm_keys.h"

#include "config/values.h"

#include <algorithm>
#include <array>

namespace quarry::config {
namespace {

using std::string_view;

constexpr auto kTop =
    std::to_array<string_view>({"model_list", "models", "litellm_settings", "general_settings"});
constexpr auto kModel = std::to_array<string_view>({"model_name", "litellm_params", "model_info"});
constexpr auto kLitellmParams = std::to_array<string_view>({"model",
                                                            "s3_bucket_name",
                                                            "s3_prefix",
                                                            "s3_region_name",
                                                            "s3_access_key_id",
                                                            "s3_secret_access_key",
                                                            "s3_endpoint_url",
                                                            "aws_batch_role_arn",
                                                            "aws_access_key_id",
                                                            "aws_secret_access_key",
                                                            "aws_session_token",
                                                            "aws_profile_name",
                                                            "aws_role_name",
                                                            "aws_session_name",
                                                            "aws_external_id",
                                                            "aws_session_tags",
                                                            "aws_web_identity_token",
                                                            "aws_sts_endpoint",
                                                            "api_key",
                                                            "s3_output_bucket_name",
                                                            "s3_encryption_key_id",
                                                            "s3_bucket_key_enabled",
                                                            "s3_bucket_owner",
                                                            "s3_addressing_style",
                                                            "bedrock_tags",
                                                            "bedrock_vpc_config",
                                                            "bedrock_timeout_hours",
                                                            "aws_region_name",
                                                            "aws_bedrock_endpoint",
                                                            "aws_bedrock_runtime_endpoint",
                                                            "weight",
                                                            "max_concurrent_jobs",
                                                            "min_records_per_job",
                                                            "max_records_per_job",
                                                            "max_job_bytes",
                                                            "small_batch",
                                                            "direct_concurrency",
                                                            "retry_failed_records",
                                                            "deadline_fallback",
                                                            "deadline_fallback_minutes",
                                                            "bedrock_model_family",
                                                            "bedrock_invocation",
                                                            "base_model",
                                                            "input_cost_per_token",
                                                            "output_cost_per_token",
                                                            "input_cost_per_token_batches",
                                                            "output_cost_per_token_batches",
                                                            "cache_read_input_token_cost",
                                                            "cache_creation_input_token_cost"});
constexpr auto kModelInfo = std::to_array<string_view>({"mode",
                                                        "id",
                                                        "base_model",
                                                        "max_tokens",
                                                        "max_input_tokens",
                                                        "max_output_tokens",
                                                        "input_cost_per_token",
                                                        "output_cost_per_token",
                                                        "input_cost_per_token_batches",
                                                        "output_cost_per_token_batches",
                                                        "cache_read_input_token_cost",
                                                        "cache_creation_input_token_cost",
                                                        "supports_function_calling",
                                                        "supports_vision",
                                                        "supports_response_schema",
                                                        "supports_pdf_input",
                                                        "supports_reasoning",
                                                        "max_batch_file_records",
                                                        "max_open_batches",
                                                        "batch_enqueued_token_limit"});
constexpr auto kTag = std::to_array<string_view>({"key", "value", "Key", "Value"});
constexpr auto kVpcConfig = std::to_array<string_view>({"subnet_ids", "security_group_ids"});
constexpr auto kWebhook = std::to_array<string_view>({"url", "secret", "events"});
constexpr auto kLitellmSettings =
    std::to_array<string_view>({"drop_params", "require_auth_for_metrics_endpoint"});
constexpr auto kGeneralSettings = std::to_array<string_view>({"master_key",
                                                              "proxy_batch_polling_interval",
                                                              "max_transfer_memory",
                                                              "max_upload_bytes",
                                                              "max_batch_file_size_mb",
                                                              "max_line_bytes",
                                                              "max_completion_window",
                                                              "job_files_retention_hours",
                                                              "janitor_interval",
                                                              "retry_failed_records",
                                                              "deadline_fallback",
                                                              "deadline_fallback_minutes",
                                                              "database_url",
                                                              "database_connection_pool_limit",
                                                              "lease_seconds",
                                                              "max_batch_file_uploads_per_day",
                                                              "max_batch_file_records",
                                                              "max_open_batches",
                                                              "batch_enqueued_token_limit",
                                                              "webhooks",
                                                              "allow_batch_webhooks",
                                                              "webhook_secret",
                                                              "webhook_allow_private_addresses"});

// clang-format off
// LiteLLM's own, from its config reference: what a working file of a LiteLLM user may hold.
constexpr auto kLitellm = std::to_array<string_view>({
    // the top
    "environment_variables", "router_settings", "callback_settings", "files_settings",
    "finetune_settings", "include", "credential_list", "guardrails", "mcp_servers",
    "vector_store_registry", "prompts", "search_tools", "assistant_settings",
    // litellm_params
    "allow_legacy_cloud_file_ids", "tpm", "rpm",
    "max_parallel_requests", "order", "tags", "timeout", "stream_timeout", "max_retries",
    "max_file_size_mb", "max_budget", "budget_duration", "input_cost_per_token",
    "output_cost_per_token", "input_cost_per_token_batches", "output_cost_per_token_batches",
    "input_cost_per_second", "output_cost_per_second", "litellm_credential_name",
    "api_base", "api_version", "organization", "custom_llm_provider", "base_model", "drop_params",
    "additional_drop_params", "modify_params", "merge_reasoning_content_in_choices",
    "cooldown_time", "temperature", "max_tokens", "top_p", "top_k", "stop", "seed", "stream",
    "extra_headers", "extra_body", "model_id", "guardrailConfig", "use_in_pass_through",
    "mock_response", "cache_control_injection_points", "region_name", "vertex_project",
    "vertex_location", "vertex_credentials",
    // model_info
    "team_id", "team_public_model_name", "access_groups", "max_input_tokens", "max_output_tokens",
    "supports_vision", "supports_function_calling", "supports_response_schema",
    "supports_pdf_input", "supports_reasoning", "supports_audio_input", "supports_video_input",
    "supports_audio_output", "supports_system_messages", "supports_tool_choice",
    "supports_prompt_caching", "supports_assistant_prefill", "supports_web_search",
    "supports_parallel_function_calling", "supports_native_streaming", "supports_computer_use",
    "cache_read_input_token_cost", "cache_creation_input_token_cost",
    "cache_creation_input_token_cost_above_1hr", "input_cost_per_image", "output_vector_size",
    "input_cost_per_token_above_200k_tokens", "output_cost_per_token_above_200k_tokens",
    "litellm_provider", "version", "description",
    "disable_background_health_check", "health_check_model", "db_model", "created_at",
    "updated_at", "created_by", "updated_by", "tier", "key",
    // general_settings
    "database_connection_timeout",
    "allow_requests_on_db_unavailable", "store_model_in_db", "store_prompts_in_spend_logs",
    "proxy_batch_write_at", "track_unmanaged_batch_cost", "max_file_downloads_per_minute", "max_request_size_mb",
    "max_response_size_mb", "disable_batch_input_file_rate_limiting",
    "skip_batch_input_file_rate_limiting_for_providers",
    "skip_batch_input_file_rate_limiting_for_models", "disable_spend_logs", "disable_error_logs",
    "disable_master_key_return", "maximum_spend_logs_retention_period",
    "maximum_spend_logs_retention_interval", "maximum_spend_logs_cleanup_cron", "alerting",
    "alerting_threshold", "alert_types", "background_health_checks", "health_check_interval",
    "completion_model", "custom_auth", "enable_jwt_auth", "enforce_user_param",
    "global_max_parallel_requests", "infer_model_from_keys", "key_management_system",
    "key_management_settings", "proxy_budget_rescheduler_min_time",
    "proxy_budget_rescheduler_max_time", "public_routes", "allowed_routes", "admin_only_routes",
    "ui_access_mode", "use_client_credentials_pass_through_routes",
    "use_redis_transaction_buffer", "use_x_forwarded_for", "pass_through_endpoints",
    "default_team_disabled", "block_robots", "coordination_redis_url",
    // litellm_settings
    "enable_loadbalancing_on_batch_endpoints", "require_managed_files", "callbacks",
    "success_callback", "failure_callback", "service_callbacks", "cost_discount_config",
    "cost_margin_config", "request_timeout", "cache", "cache_params", "num_retries",
    "set_verbose", "json_logs", "turn_off_message_logging", "redact_user_api_key_info",
    "context_window_fallbacks", "content_policy_fallbacks", "default_fallbacks", "fallbacks",
    "allowed_fails", "default_team_settings", "default_internal_user_params",
    "upperbound_key_generate_params", "max_internal_user_budget", "internal_user_budget_duration",
    "model_group_settings", "public_model_groups", "ssl_verify", "telemetry", "force_ipv4",
    "langfuse_default_tags", "forward_client_headers_to_llm_api",
    "disable_end_user_cost_tracking",
});
// clang-format on

}  // namespace

std::string_view name(Place place) {
  switch (place) {
    case Place::top:
      return "the top level";
    case Place::model:
      return "an entry of model_list";
    case Place::litellm_params:
      return "litellm_params";
    case Place::model_info:
      return "model_info";
    case Place::litellm_settings:
      return "litellm_settings";
    case Place::general_settings:
      return "general_settings";
    case Place::tag:
      return "a tag";
    case Place::vpc_config:
      return "bedrock_vpc_config";
    case Place::webhook:
      return "an entry of webhooks";
  }
  return "";
}

std::span<const std::string_view> our_keys(Place place) {
  switch (place) {
    case Place::top:
      return kTop;
    case Place::model:
      return kModel;
    case Place::litellm_params:
      return kLitellmParams;
    case Place::model_info:
      return kModelInfo;
    case Place::litellm_settings:
      return kLitellmSettings;
    case Place::general_settings:
      return kGeneralSettings;
    case Place::tag:
      return kTag;
    case Place::vpc_config:
      return kVpcConfig;
    case Place::webhook:
      return kWebhook;
  }
  return {};
}

bool is_litellm_key(std::string_view key) {
  return std::ranges::find(kLitellm, key) != kLitellm.end();
}

std::optional<std::string_view> slip_of(std::string_view key, Place place) {
  constexpr std::size_t kShort = 4;  // two edits make another word of these
  if (is_litellm_key(key)) return std::nullopt;
  std::optional<std::string_view> best;
  std::size_t least = 3;
  for (std::string_view ours : our_keys(place)) {
    std::size_t distance = edit_distance(key, ours);
    if (distance < least && distance <= (ours.size() <= kShort ? 1u : 2u)) {
      best = ours;
      least = distance;
    }
  }
  return best;
}

std::optional<Place> home_of(std::string_view key) {
  // One plain word ("model", "weight", "id") may mean anything anywhere.
  if (is_litellm_key(key) || key.find('_') == std::string_view::npos) return std::nullopt;
  for (Place place : {Place::top, Place::model, Place::litellm_params, Place::litellm_settings,
                      Place::general_settings}) {
    if (std::ranges::find(our_keys(place), key) != our_keys(place).end()) return place;
  }
  return std::nullopt;
}

}  // namespace quarry::config
