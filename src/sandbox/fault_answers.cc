#include "sandbox/fault_answers.h"

#include "base/bytes.h"
#include "sandbox/wire.h"

#include <boost/json.hpp>

#include <algorithm>

namespace quarry::sandbox {
namespace {

namespace json = boost::json;

// A body handed on in drops, so that it comes at no more than a given pace.
class SlowReader final : public http::BodyReader {
 public:
  SlowReader(std::unique_ptr<http::BodyReader> inner, double bytes_per_second)
      : inner_(std::move(inner)),
        drop_bytes_(std::max<std::size_t>(1, static_cast<std::size_t>(bytes_per_second / 20))),
        bytes_per_second_(bytes_per_second) {}

  Task<std::span<const std::byte>> read() override {
    if (left_.empty()) {
      const auto piece = co_await inner_->read();
      if (!piece || piece->empty()) co_return piece;
      left_ = *piece;
    }
    const auto drop = left_.first(std::min(drop_bytes_, left_.size()));
    left_ = left_.subspan(drop.size());
    const std::chrono::duration<double> span(static_cast<double>(drop.size()) / bytes_per_second_);
    co_await sleep_for(std::chrono::duration_cast<std::chrono::steady_clock::duration>(span));
    co_return drop;
  }

 private:
  std::unique_ptr<http::BodyReader> inner_;
  std::span<const std::byte> left_;
  std::size_t drop_bytes_;
  double bytes_per_second_;
};

// The first so many bytes of a body; then it just ends, or the connection is reset.
class CutReader final : public http::BodyReader {
 public:
  CutReader(std::unique_ptr<http::BodyReader> inner, std::uint64_t bytes, bool reset)
      : inner_(std::move(inner)), left_(bytes), reset_(reset) {}

  Task<std::span<const std::byte>> read() override {
    if (left_ == 0) {
      if (reset_) co_return fail(Errc::unavailable, "a fault cuts this answer");
      co_return std::span<const std::byte>{};
    }
    auto piece = co_await inner_->read();
    if (!piece || piece->empty()) co_return piece;
    const auto kept = piece->first(std::min<std::uint64_t>(left_, piece->size()));
    left_ -= kept.size();
    co_return kept;
  }

 private:
  std::unique_ptr<http::BodyReader> inner_;
  std::uint64_t left_;
  bool reset_;
};

class TextReader final : public http::BodyReader {
 public:
  explicit TextReader(std::string text) : text_(std::move(text)) {}
  Task<std::span<const std::byte>> read() override {
    if (given_) co_return std::span<const std::byte>{};
    given_ = true;
    co_return as_bytes(text_);
  }

 private:
  std::string text_;
  bool given_ = false;
};

// nullptr where the answer has no body.
std::unique_ptr<http::BodyReader> take_body(http::ServerResponse& response) {
  if (response.stream) return std::move(response.stream);
  if (response.body.empty()) return nullptr;
  response.content_length = response.body.size();
  return std::make_unique<TextReader>(std::move(response.body));
}

Fault fault_of(const FaultRule& rule, bool s3) {
  const auto made = [&](int status, const char* code, const char* message) {
    return Fault{
        .status = status, .code = code, .message = rule.text("message", message), .details = {}};
  };
  switch (rule.kind) {
    case FaultKind::throttle:
      return s3 ? made(503, "SlowDown", "Please reduce your request rate.")
                : made(429, "ThrottlingException",
                       "Too many requests, please wait before trying again.");
    case FaultKind::internal:
      return s3 ? made(500, "InternalError", "We encountered an internal error. Please try again.")
                : made(500, "InternalServerException",
                       "The system encountered an unexpected error during processing. Try your "
                       "request again.");
    case FaultKind::unavailable:
      return s3 ? made(503, "ServiceUnavailable", "Service is unable to handle request.")
                : made(503, "ServiceUnavailableException",
                       "Bedrock is unable to process your request.");
    case FaultKind::quota:
      return made(400, "ServiceQuotaExceededException",
                  "You have reached the maximum number of submitted and in-progress batch "
                  "inference jobs for this model.");
    case FaultKind::access_denied:
      return s3 ? made(403, "AccessDenied", "Access Denied")
                : made(403, "AccessDeniedException",
                       "You don't have access to the model with the specified model ID.");
    case FaultKind::expired_token:
      return s3 ? made(400, "ExpiredToken", "The provided token has expired.")
                : made(403, "ExpiredTokenException",
                       "The security token included in the request is expired");
    case FaultKind::conflict:
      return made(409, "ConditionalRequestConflict",
                  "The conditional request cannot succeed due to a conflicting operation against "
                  "this resource.");
    case FaultKind::precondition:
      return made(412, "PreconditionFailed",
                  "At least one of the pre-conditions you specified did not hold");
    case FaultKind::redirect:
      return made(301, "PermanentRedirect",
                  "The bucket you are attempting to access must be addressed using the specified "
                  "endpoint. Please send all future requests to this endpoint.");
    default:  // FaultKind::error
      return {.status = static_cast<int>(rule.whole("status", 500)),
              .code = rule.text("code", "InternalError"),
              .message = rule.text("message", "a fault of the script"),
              .details = {}};
  }
}

// STS words some of them otherwise.
Fault sts_fault_of(const FaultRule& rule) {
  Fault fault = fault_of(rule, false);
  const auto become = [&](int status, std::string_view code, std::string_view message) {
    fault = {.status = status,
             .code = std::string(code),
             .message = rule.text("message", message),
             .details = {}};
  };
  if (rule.kind == FaultKind::throttle) become(400, "Throttling", "Rate exceeded");
  if (rule.kind == FaultKind::internal) become(500, "InternalFailure", "");
  if (rule.kind == FaultKind::unavailable) become(503, "ServiceUnavailable", "");
  if (rule.kind == FaultKind::access_denied) become(403, "AccessDenied", "Access denied");
  if (rule.kind == FaultKind::expired_token)
    become(403, "ExpiredToken", "The security token included in the request is expired");
  return fault;
}

// The shapes in which services of AWS have been seen to name an error.
http::ServerResponse bedrock_error(const Fault& fault, const std::string& form) {
  http::ServerResponse response = bedrock_fault(fault);
  if (form == "plain") response.headers.set("x-amzn-ErrorType", fault.code);
  if (form == "body_type") {
    response.headers.remove("x-amzn-ErrorType");
    response.body = json::serialize(
        json::object{{"__type", "com.amazon.bedrock#" + fault.code}, {"message", fault.message}});
  }
  if (form == "Message") response.body = json::serialize(json::object{{"Message", fault.message}});
  return response;
}

http::ServerResponse error_answer(const FaultRule& rule,
                                  const RequestFacts& facts,
                                  std::string_view resource) {
  if (facts.operation.group == OperationGroup::sts)
    return query_fault(sts_fault_of(rule), amzn_request_id());
  if (facts.operation.group != OperationGroup::s3) {
    auto response = bedrock_error(fault_of(rule, false), rule.text("error_form", "type_suffix"));
    response.headers.set("x-amzn-RequestId", amzn_request_id());
    return response;
  }
  const std::string id = s3_request_id();
  auto response = s3_fault(fault_of(rule, true), resource, id);
  response.headers.set("x-amz-request-id", id);
  response.headers.set("x-amz-id-2", "quarry-sandbox");
  if (rule.kind == FaultKind::redirect)
    response.headers.set("x-amz-bucket-region", rule.text("bucket_region", "eu-central-1"));
  return response;
}

// S3 has begun to answer before it fails: the error comes with status 200.
http::ServerResponse failed_complete(const FaultRule& rule, std::string_view resource) {
  const Fault fault{
      .status = 200,
      .code = rule.text("code", "InternalError"),
      .message = rule.text("message", "We encountered an internal error. Please try again."),
      .details = {}};
  return s3_fault(fault, resource, s3_request_id());
}

http::ServerResponse cut_connection() {
  http::ServerResponse response;
  response.drop_connection = true;
  return response;
}

}  // namespace

std::optional<http::ServerResponse> answer_instead(const FaultRule& rule,
                                                   const RequestFacts& facts,
                                                   std::string_view resource) {
  switch (rule.kind) {
    case FaultKind::reset_after:
    case FaultKind::slow_headers:
    case FaultKind::slow_body:
    case FaultKind::truncated_body:
    case FaultKind::clock_skew:
      return std::nullopt;
    case FaultKind::reset_before:
      return cut_connection();
    case FaultKind::complete_error:
      return failed_complete(rule, resource);
    default:
      return error_answer(rule, facts, resource);
  }
}

Awaitable<http::ServerResponse> spoil_answer(FaultPtr rule, http::ServerResponse response) {
  if (!rule) co_return response;
  switch (rule->kind) {
    case FaultKind::reset_after:
      co_return cut_connection();
    case FaultKind::slow_headers:
      co_await sleep_for(std::chrono::duration_cast<std::chrono::steady_clock::duration>(
          std::chrono::duration<double>(rule->number("seconds", 1))));
      break;
    case FaultKind::slow_body:
      if (auto body = take_body(response)) {
        response.stream =
            std::make_unique<SlowReader>(std::move(body), rule->number("bytes_per_second", 1));
      }
      break;
    case FaultKind::truncated_body:
      if (auto body = take_body(response)) {
        const std::uint64_t half = response.content_length.value_or(2) / 2;
        response.stream = std::make_unique<CutReader>(std::move(body), half, rule->flag("reset"));
      }
      break;
    case FaultKind::clock_skew:
      response.date_offset = clock_offset(rule);
      break;
    default:
      break;
  }
  co_return response;
}

std::chrono::seconds clock_offset(const FaultPtr& rule) {
  if (!rule || rule->kind != FaultKind::clock_skew) return std::chrono::seconds(0);
  return std::chrono::seconds(static_cast<std::int64_t>(rule->number("seconds", 0)));
}

}  // namespace quarry::sandbox
