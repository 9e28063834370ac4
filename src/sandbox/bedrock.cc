#include "sandbox/bedrock.h"

#include "base/bytes.h"
#include "sandbox/bedrock_catalog.h"
#include "sandbox/job_access.h"
#include "sandbox/model.h"
#include "sandbox/transfer.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

constexpr std::size_t kBodyBytesMax =
    25'000'000;  // InvokeModel's body (Bedrock runtime's service model)
constexpr std::size_t kPageMax = 1000;

struct SignedBody {
  std::string text;
  std::string sha256;  // hex
};

std::unexpected<Fault> invalid(std::string message) {
  return refuse(400, "ValidationException", std::move(message));
}
std::unexpected<Fault> unknown_operation() { return refuse(404, "UnknownOperationException", ""); }

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  path.remove_prefix(1);
  for (;;) {
    const std::size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

Answer<json::value> parse_json(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error) return refuse(400, "SerializationException", "The request body is not JSON.");
  return value;
}

Awaitable<BedrockAnswer> create_job(BedrockContext& bedrock, Caller caller, std::string text) {
  auto value = parse_json(text);
  if (!value) co_return std::unexpected(std::move(value.error()));
  if (auto right = check_create_request(*value); !right)
    co_return std::unexpected(std::move(right.error()));
  json::object request = std::move(value->get_object());
  std::string token;
  if (const json::value* given = request.if_contains("clientRequestToken");
      given != nullptr && given->is_string()) {
    token = std::string_view(given->get_string());
  }
  request.erase("clientRequestToken");
  if (auto right = may_create_job(bedrock.identities, caller, request); !right)
    co_return std::unexpected(std::move(right.error()));
  if (!knows_model(std::string_view(request.at("modelId").get_string())))
    co_return invalid("Batch inference is not supported for the requested model.");
  const std::string& account = caller.principal.account;
  JobPtr job = token.empty() ? nullptr : bedrock.jobs.find_by_token(token, caller.region, account);
  if (job != nullptr && job->request != request) {
    co_return refuse(400, "ConflictException",
                     "The clientRequestToken was used before with other parameters.");
  }
  if (job == nullptr) {
    const std::string model_id(std::string_view(request.at("modelId").get_string()));
    if (bedrock.max_jobs_per_model > 0 &&
        bedrock.jobs.open_jobs(model_id, caller.region, account) >= bedrock.max_jobs_per_model) {
      co_return refuse(
          400, "ServiceQuotaExceededException",
          fmt::format("You have reached the limit of {} submitted and in-progress batch inference "
                      "jobs for this model. Wait for a job to end and try again.",
                      bedrock.max_jobs_per_model));
    }
    job = bedrock.jobs.add(std::move(request), std::move(token), caller.region, account,
                           bedrock.clock.now());
    const std::array<std::string, 3> texts{job->text("jobName"), model_id, job->input_uri()};
    for (const FaultPtr& rule : bedrock.faults.for_job(texts, caller.region))
      job->faults.push_back(*rule);
    co_await bedrock.jobs.save(job);
    bedrock.engine.start(job);
  }
  co_return json_response(200, json::serialize(json::object{{"jobArn", job->arn}}));
}

// "arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/abcdefghijkl"
bool is_job_arn(std::string_view text) {
  const auto parts = [&] {
    std::vector<std::string_view> out;
    for (std::string_view rest = text;;) {
      const std::size_t colon = rest.find(':');
      out.push_back(rest.substr(0, colon));
      if (colon == std::string_view::npos) return out;
      rest.remove_prefix(colon + 1);
    }
  }();
  if (parts.size() != 6 || parts[0] != "arn" || !parts[1].starts_with("aws") ||
      parts[2] != "bedrock")
    return false;
  constexpr std::string_view kKind = "model-invocation-job/";
  if (!parts[5].starts_with(kKind)) return false;
  const std::string_view id = parts[5].substr(kKind.size());
  return id.size() == 12 &&
         id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") == std::string_view::npos;
}

Answer<JobPtr> named_job(BedrockContext& bedrock,
                         const Caller& caller,
                         std::string_view segment,
                         std::string_view action) {
  const auto identifier = percent_decode(segment);
  // The live service takes the full ARN only, whatever its model says of bare ids.
  if (!identifier || !is_job_arn(*identifier)) return invalid("The provided ARN is invalid");
  if (auto right = bedrock.identities.authorize(caller.principal, action, *identifier); !right)
    return std::unexpected(std::move(right.error()));
  auto job = bedrock.jobs.find(*identifier);
  const bool theirs = job != nullptr && job->account() == caller.principal.account;
  if (!theirs || job->region != caller.region || job->vanished()) {
    return refuse(404, "ResourceNotFoundException",
                  fmt::format("Could not find model invocation job {}", *identifier));
  }
  return job;
}

BedrockAnswer get_job(BedrockContext& bedrock, const Caller& caller, std::string_view segment) {
  auto job = named_job(bedrock, caller, segment, "bedrock:GetModelInvocationJob");
  if (!job) return std::unexpected(std::move(job.error()));
  return json_response(200, json::serialize(job_json(**job)));
}

Awaitable<BedrockAnswer> stop_job(BedrockContext& bedrock, Caller caller, std::string segment) {
  auto job = named_job(bedrock, caller, segment, "bedrock:StopModelInvocationJob");
  if (!job) co_return std::unexpected(std::move(job.error()));
  if (terminal((*job)->status)) {
    co_return refuse(
        400, "ConflictException",
        fmt::format("The model invocation job {} is in state {} and cannot be stopped.",
                    (*job)->arn, name((*job)->status)));
  }
  if ((*job)->status != JobStatus::Stopping) {
    (*job)->status = JobStatus::Stopping;
    (*job)->modified = bedrock.clock.now();
    bedrock.engine.wake((*job)->id);
    co_await bedrock.jobs.save(*job);
  }
  co_return json_response(200, "{}");
}

// "2026-01-02T03:04:05Z", with up to nine digits of fraction, or an offset. nullopt when it is not
// that.
std::optional<SysTime> parse_iso(std::string_view text) {
  const auto number = [&](std::size_t at, std::size_t count) {
    int value = -1;
    if (at + count > text.size()) return -1;
    const auto [stop, error] = std::from_chars(text.data() + at, text.data() + at + count, value);
    return error == std::errc{} && stop == text.data() + at + count ? value : -1;
  };
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
      text[16] != ':')
    return std::nullopt;
  const int year = number(0, 4), month = number(5, 2), day = number(8, 2), hour = number(11, 2),
            minute = number(14, 2), second = number(17, 2);
  if (std::min({year, month, day, hour, minute, second}) < 0) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  SysTime at = std::chrono::sys_days(date) + std::chrono::hours(hour) +
               std::chrono::minutes(minute) + std::chrono::seconds(second);
  std::size_t next = 19;
  if (text[next] == '.') {
    int millis = 0, scale = 100;
    for (++next; next < text.size() && text[next] >= '0' && text[next] <= '9'; ++next, scale /= 10)
      millis += (text[next] - '0') * scale;
    at += std::chrono::milliseconds(millis);
  }
  const std::string_view zone = text.substr(std::min(next, text.size()));
  if (zone == "Z") return at;
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-')) return std::nullopt;
  const int offset_hours = number(next + 1, 2), offset_minutes = number(next + 4, 2);
  if (offset_hours < 0 || offset_minutes < 0) return std::nullopt;
  const auto offset = std::chrono::hours(offset_hours) + std::chrono::minutes(offset_minutes);
  return zone[0] == '+' ? at - offset : at + offset;
}

// Where a page ended: "<millis>/<id>".
std::string sort_key(const Job& job) {
  return fmt::format("{:015}/{}", unix_millis(job.submitted), job.id);
}

std::optional<std::pair<SysTime, std::string>> place_of(std::string_view key) {
  const std::size_t slash = key.find('/');
  std::int64_t millis = 0;
  const auto [stop, error] =
      std::from_chars(key.data(), key.data() + std::min(slash, key.size()), millis);
  if (slash == std::string_view::npos || error != std::errc{} || stop != key.data() + slash)
    return std::nullopt;
  return std::pair(from_unix_millis(millis), std::string(key.substr(slash + 1)));
}

struct ListFilter {
  std::optional<JobStatus> status;
  std::optional<std::string> name_part;
  std::optional<SysTime> after;
  std::optional<SysTime> before;
  std::size_t count_max = kPageMax;
  bool ascending = false;
  std::optional<std::pair<SysTime, std::string>> from;  // the last job given
};

bool passes(const ListFilter& filter, const Job& job) {
  if (job.vanished()) return false;
  if (filter.status && job.status != *filter.status) return false;
  if ((filter.after && job.submitted <= *filter.after) ||
      (filter.before && job.submitted >= *filter.before))
    return false;
  return !filter.name_part || job.text("jobName").contains(*filter.name_part);
}

Answer<ListFilter> list_filter(const Query& query) {
  ListFilter filter;
  const auto wrong = [](std::string_view value, std::string_view member,
                        std::string_view constraint) {
    return invalid(fmt::format(
        "1 validation error detected: Value '{}' at '{}' failed to satisfy constraint: {}", value,
        member, constraint));
  };
  if (const auto status = query.get("statusEquals")) {
    filter.status = job_status(*status);
    if (!filter.status) {
      return wrong(*status, "statusEquals",
                   "Member must satisfy enum value set: [Submitted, InProgress, Completed, Failed, "
                   "Stopping, Stopped, PartiallyCompleted, Expired, Validating, Scheduled]");
    }
  }
  filter.name_part = query.get("nameContains");
  if (filter.name_part && !valid_job_name(*filter.name_part)) {
    return wrong(*filter.name_part, "nameContains",
                 "Member must satisfy regular expression pattern: "
                 "[a-zA-Z0-9]{1,63}(-*[a-zA-Z0-9\\+\\-\\.]){0,63}");
  }
  for (const auto& [member, target] : {std::pair("submitTimeAfter", &filter.after),
                                       std::pair("submitTimeBefore", &filter.before)}) {
    const auto text = query.get(member);
    if (!text) continue;
    *target = parse_iso(*text);
    if (!*target) return wrong(*text, member, "Member must be a timestamp in ISO 8601 format");
  }
  if (const auto text = query.get("maxResults")) {
    const auto [at, error] =
        std::from_chars(text->data(), text->data() + text->size(), filter.count_max);
    if (error != std::errc{} || at != text->data() + text->size() || filter.count_max < 1) {
      return wrong(*text, "maxResults", "Member must have value greater than or equal to 1");
    }
    if (filter.count_max > kPageMax)
      return wrong(*text, "maxResults", "Member must have value less than or equal to 1000");
  }
  if (const auto by = query.get("sortBy"); by && *by != "CreationTime") {
    return wrong(*by, "sortBy", "Member must satisfy enum value set: [CreationTime]");
  }
  if (const auto order = query.get("sortOrder")) {
    if (*order != "Ascending" && *order != "Descending")
      return wrong(*order, "sortOrder",
                   "Member must satisfy enum value set: [Ascending, Descending]");
    filter.ascending = *order == "Ascending";
  }
  if (const auto token = query.get("nextToken")) {
    filter.from = place_of(base64_decode(*token).value_or(""));
    if (!filter.from) return invalid("The nextToken is invalid.");
  }
  return filter;
}

BedrockAnswer list_jobs(BedrockContext& bedrock, const Caller& caller, std::string_view raw_query) {
  const auto query = Query::parse(raw_query);
  if (!query) return invalid("The query string is malformed.");
  auto right = bedrock.identities.authorize(caller.principal, "bedrock:ListModelInvocationJobs",
                                            bedrock_arn(caller, "*"));
  if (!right) return std::unexpected(std::move(right.error()));
  const auto filter = list_filter(*query);
  if (!filter) return std::unexpected(filter.error());
  json::object out;
  json::array summaries;
  const Job* last = nullptr;
  // True when the page is full.
  const auto take = [&](const Job& job) {
    if (job.account() != caller.principal.account || !passes(*filter, job)) return false;
    if (summaries.size() == filter->count_max) {
      out["nextToken"] = base64(as_bytes(sort_key(*last)));
      return true;
    }
    summaries.push_back(job_json(job));
    last = &job;
    return false;
  };
  // Neighbours of the token in time and id are found at once, so that any page costs a page.
  const JobTable::Order& all = bedrock.jobs.of_region(caller.region);
  if (filter->ascending) {
    auto at = filter->from ? all.upper_bound(*filter->from) : all.begin();
    while (at != all.end() && !take(*at->second)) ++at;
  } else {
    auto at = filter->from ? all.lower_bound(*filter->from) : all.end();
    while (at != all.begin() && !take(*std::prev(at)->second)) --at;
  }
  out["invocationJobSummaries"] = std::move(summaries);
  return json_response(200, json::serialize(out));
}

Fault runtime_fault(const ModelError& error) {
  const auto made = [&](int status, const char* code) {
    return Fault{.status = status, .code = code, .message = error.message, .details = {}};
  };
  switch (error.code) {
    case 400:
      return made(400, "ValidationException");
    case 403:
      return made(403, "AccessDeniedException");
    case 404:
      return made(404, "ResourceNotFoundException");
    case 408:
      return made(408, "ModelTimeoutException");
    case 429:
      return made(429, "ThrottlingException");
    case 500:
      return made(500, "InternalServerException");
    case 503:
      return made(503, "ServiceUnavailableException");
    default:
      return made(424, "ModelErrorException");
  }
}

// InvokeModel and Converse.
Awaitable<BedrockAnswer> ask_model(
    BedrockContext& bedrock, Caller caller, std::string segment, SignedBody body, bool converse) {
  const auto model_id = percent_decode(segment);
  if (!model_id || !knows_model(*model_id))
    co_return invalid("The provided model identifier is invalid.");
  auto right = bedrock.identities.authorize(caller.principal, "bedrock:InvokeModel",
                                            model_arn(*model_id, caller));
  if (!right) co_return std::unexpected(std::move(right.error()));
  // A body may be 25 MB: parsed and answered on the pool.
  auto result = co_await run_blocking(bedrock.pool, [&]() -> ModelResult {
    boost::system::error_code error;
    const json::value value = json::parse(body.text, error, {}, {.max_depth = 256});
    if (error || !value.is_object()) {
      return std::unexpected(ModelError{
          .code = 400,
          .message = "Malformed input request, please reformat your input and try again."});
    }
    return converse ? answer_converse(value.get_object(), *model_id, "", ConverseIn::live)
                    : answer_native(value.get_object(), *model_id, "");
  });
  if (!result) co_return std::unexpected(runtime_fault(result.error()));
  bedrock.calls.invoked(*model_id, body.sha256, result->input_tokens, result->output_tokens);
  auto response = json_response(200, std::move(result->body));
  if (converse) co_return response;
  response.headers.set("X-Amzn-Bedrock-Input-Token-Count", std::to_string(result->input_tokens));
  response.headers.set("X-Amzn-Bedrock-Output-Token-Count", std::to_string(result->output_tokens));
  response.headers.set("X-Amzn-Bedrock-Invocation-Latency", "1");
  co_return response;
}

std::optional<TagOperation> tag_operation(std::string_view segment) {
  if (segment == "listTagsForResource") return TagOperation::list;
  if (segment == "tagResource") return TagOperation::tag;
  if (segment == "untagResource") return TagOperation::untag;
  return std::nullopt;
}

Awaitable<BedrockAnswer> operate(BedrockContext& bedrock,
                                 http::ServerRequest request,
                                 Caller caller,
                                 SignedBody body) {
  const auto segments = segments_of(request.path);
  const bool get = request.method == "GET", post = request.method == "POST";
  const std::string first(segments[0]);
  const std::string second(segments.size() > 1 ? segments[1] : "");
  if (first == "model-invocation-job") {
    if (segments.size() == 1 && post)
      co_return co_await create_job(bedrock, std::move(caller), std::move(body.text));
    if (segments.size() == 2 && get) co_return get_job(bedrock, caller, second);
    if (segments.size() == 3 && post && segments[2] == "stop")
      co_return co_await stop_job(bedrock, std::move(caller), second);
  }
  if (first == "model-invocation-jobs" && segments.size() == 1 && get)
    co_return list_jobs(bedrock, caller, request.query);
  if (first == "model" && segments.size() == 3 && post) {
    if (segments[2] == "invoke" || segments[2] == "converse")
      co_return co_await ask_model(bedrock, std::move(caller), second, std::move(body),
                                   segments[2] == "converse");
  }
  if (first == "foundation-models" && segments.size() == 2 && get)
    co_return get_foundation_model(bedrock, caller, second);
  if (first == "inference-profiles" && segments.size() <= 2 && get) {
    co_return second.empty() ? list_inference_profiles(bedrock, caller, request.query)
                             : get_inference_profile(bedrock, caller, second);
  }
  if (const auto tags = tag_operation(first); tags && segments.size() == 1 && post)
    co_return co_await handle_tags(bedrock, *tags, std::move(caller), std::move(body.text));
  co_return unknown_operation();
}

Awaitable<BedrockAnswer> verified_answer(BedrockContext& bedrock,
                                         http::ServerRequest request,
                                         std::string text,
                                         std::chrono::seconds clock_offset) {
  std::string hash = co_await run_blocking(bedrock.pool, [&] { return sha256_hex(text); });
  auto caller = verify_signature(request, Service::bedrock, hash, bedrock.identities,
                                 bedrock.wall.now() + clock_offset);
  if (!caller) co_return std::unexpected(std::move(caller.error()));
  co_return co_await operate(bedrock, std::move(request), std::move(*caller),
                             {.text = std::move(text), .sha256 = std::move(hash)});
}

}  // namespace

Awaitable<Answer<std::string>> read_bedrock_body(http::BodyReader& body) {
  std::string text;
  for (;;) {
    const auto piece = co_await body.read();
    if (!piece) co_return std::unexpected(body_fault(piece.error()));
    if (piece->empty()) co_return text;
    if (text.size() + piece->size() > kBodyBytesMax)
      co_return refuse(413, "ValidationException", "The request body is too large.");
    text += as_text(*piece);
  }
}

bool is_bedrock_path(std::string_view path) {
  const std::string_view first = path.substr(0, path.find('/', 1));
  constexpr std::array<std::string_view, 8> kFirst{
      "/model-invocation-job", "/model-invocation-jobs", "/model",       "/foundation-models",
      "/inference-profiles",   "/listTagsForResource",   "/tagResource", "/untagResource"};
  return std::ranges::find(kFirst, first) != kFirst.end();
}

Awaitable<http::ServerResponse> handle_bedrock(BedrockContext& bedrock,
                                               http::ServerRequest request,
                                               std::string body,
                                               std::chrono::seconds clock_offset) {
  BedrockAnswer answer =
      co_await verified_answer(bedrock, std::move(request), std::move(body), clock_offset);
  http::ServerResponse response = answer ? std::move(*answer) : bedrock_fault(answer.error());
  response.headers.set("x-amzn-RequestId", amzn_request_id());
  co_return response;
}

}  // namespace quarry::sandbox
