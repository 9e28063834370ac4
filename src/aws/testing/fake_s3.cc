#include "aws/testing/fake_s3.h"

#include "base/bytes.h"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <list>
#include <utility>

namespace quarry::testing {

namespace asio = boost::asio;
using aws::ObjectInfo;
using aws::PartTag;
using aws::S3Uri;

// Those who wait for release().
struct FakeS3::Gate {
  std::list<asio::steady_timer*> waiters;
};

namespace {

std::string path_of(const S3Uri& object) { return object.bucket + "/" + object.key; }

std::string etag_of(std::string_view bytes) { return hex(md5(as_bytes(bytes))); }

std::unexpected<Error> refuse(Errc code, std::string_view s3_code, const S3Uri& object) {
  return fail(Error(code, std::string(s3_code) + ": " + aws::to_string(object))
                  .reason(std::string(s3_code)));
}

}  // namespace

FakeS3::FakeS3() : gate_(std::make_shared<Gate>()) {}
FakeS3::~FakeS3() = default;

void FakeS3::fail_next(Error error) { failures_.push_back({"", std::move(error)}); }

void FakeS3::fail_next(std::string_view operation, Error error) {
  failures_.push_back({std::string(operation), std::move(error)});
}

void FakeS3::refuse_bucket(const std::string& bucket, std::optional<Error> error) {
  refused_buckets_.erase(bucket);
  if (error) refused_buckets_.emplace(bucket, *std::move(error));
}

void FakeS3::fail_after_effect(std::string_view operation, Error error) {
  lost_answers_.push_back({std::string(operation), std::move(error)});
}

void FakeS3::hold(std::string_view operation) { held_operations_.emplace_back(operation); }

void FakeS3::release() {
  held_operations_.clear();
  for (asio::steady_timer* waiter : gate_->waiters) waiter->cancel();
}

void FakeS3::set_object(const S3Uri& object, std::string bytes) {
  const std::string path = path_of(object);
  etags_[path] = etag_of(bytes);
  modified_[path] = now;
  objects_[path] = std::move(bytes);
}

void FakeS3::erase_object(const S3Uri& object) {
  objects_.erase(path_of(object));
  etags_.erase(path_of(object));
  modified_.erase(path_of(object));
}

std::size_t FakeS3::call_count(std::string_view operation) const {
  const std::string start = std::string(operation) + " ";
  return static_cast<std::size_t>(
      std::ranges::count_if(calls_, [&](const auto& call) { return call.starts_with(start); }));
}

Task<void> FakeS3::begin(std::string operation, S3Uri object, Deadline deadline) {
  calls_.push_back(operation + " " + path_of(object));
  const auto executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
  if (std::ranges::find(held_operations_, operation) != held_operations_.end()) {
    asio::steady_timer timer(executor, deadline.at());
    auto gate = gate_;
    const auto place = gate->waiters.insert(gate->waiters.end(), &timer);
    ++held_;
    boost::system::error_code woken;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    gate->waiters.erase(place);
    --held_;
    const auto cancelled = (co_await asio::this_coro::cancellation_state).cancelled();
    if (cancelled != asio::cancellation_type::none) {
      throw boost::system::system_error(asio::error::operation_aborted);
    }
    if (!woken) co_return fail(Errc::deadline_exceeded, operation + ": too slow");
  }
  if (const auto refused = refused_buckets_.find(object.bucket);
      refused != refused_buckets_.end()) {
    co_return fail(refused->second);
  }
  const auto scripted = std::ranges::find_if(failures_, [&](const Scripted& s) {
    return s.operation.empty() || s.operation == operation;
  });
  if (scripted != failures_.end()) {
    Error error = std::move(scripted->error);
    failures_.erase(scripted);
    co_return fail(std::move(error));
  }
  co_return Result<void>();
}

Result<void> FakeS3::lose_answer(std::string_view operation) {
  const auto scripted = std::ranges::find(lost_answers_, operation, &Scripted::operation);
  if (scripted == lost_answers_.end()) return {};
  Error error = std::move(scripted->error);
  lost_answers_.erase(scripted);
  return fail(std::move(error));
}

Task<aws::RangeRead> FakeS3::get_range(S3Uri object,
                                       std::uint64_t offset,
                                       std::span<std::byte> buffer,
                                       std::string if_match,
                                       Deadline deadline) {
  auto begun = co_await begin("get_range", object, deadline);
  if (!begun) co_return fail(std::move(begun.error()));
  const std::string path = path_of(object);
  const auto found = objects_.find(path);
  if (found == objects_.end()) co_return refuse(Errc::not_found, "NoSuchKey", object);
  const std::string& etag = etags_[path];
  if (!if_match.empty() && if_match != etag) {
    co_return refuse(Errc::conflict, "PreconditionFailed", object);
  }
  const std::string& bytes = found->second;
  if (offset > bytes.size()) co_return refuse(Errc::invalid_request, "InvalidRange", object);
  const std::size_t count =
      std::min<std::size_t>(buffer.size(), bytes.size() - static_cast<std::size_t>(offset));
  std::ranges::copy(as_bytes(bytes).subspan(static_cast<std::size_t>(offset), count),
                    buffer.begin());
  aws::RangeRead read{.bytes = count, .object_bytes = bytes.size(), .etag = etag};
  auto kept = lose_answer("get_range");
  if (!kept) co_return fail(std::move(kept.error()));
  co_return read;
}

Task<ObjectInfo> FakeS3::put(S3Uri object, std::span<const std::byte> bytes, Deadline deadline) {
  auto begun = co_await begin("put", object, deadline);
  if (!begun) co_return fail(std::move(begun.error()));
  set_object(object, std::string(as_text(bytes)));
  auto kept = lose_answer("put");
  if (!kept) co_return fail(std::move(kept.error()));
  co_return ObjectInfo{object.key, bytes.size(), etags_[path_of(object)]};
}

Task<ObjectInfo> FakeS3::put_new(S3Uri object,
                                 std::span<const std::byte> bytes,
                                 Deadline deadline) {
  auto begun = co_await begin("put_new", object, deadline);
  if (!begun) co_return fail(std::move(begun.error()));
  if (objects_.contains(path_of(object))) {
    co_return fail(Error(Errc::conflict, path_of(object) + " exists").reason("PreconditionFailed"));
  }
  set_object(object, std::string(as_text(bytes)));
  auto kept = lose_answer("put_new");
  if (!kept) co_return fail(std::move(kept.error()));
  co_return ObjectInfo{object.key, bytes.size(), etags_[path_of(object)]};
}

Task<std::string> FakeS3::bucket_region(std::string bucket, Deadline deadline) {
  auto begun = co_await begin("bucket_region", {bucket, ""}, deadline);
  if (!begun) co_return fail(std::move(begun.error()));
  co_return region;
}

Task<ObjectInfo> FakeS3::head(S3Uri object, Deadline deadline) {
  auto begun = co_await begin("head", object, deadline);
  if (!begun) co_return fail(std::move(begun.error()));
  const auto found = objects_.find(path_of(object));
  if (found == objects_.end()) co_return refuse(Errc::not_found, "NoSuchKey", object);
  co_return ObjectInfo{object.key, found->second.size(), etags_[found->first]};
}

Task<aws::ListPage> FakeS3::list(S3Uri prefix,
                                 std::optional<std::string> token,
                                 Deadline deadline) {
  auto begun = co_await begin("list", prefix, deadline);
  if (!begun) co_return fail(std::move(begun.error()));
  aws::ListPage page;
  const std::string start = path_of(prefix);
  // The token is the last path of the page before.
  auto it = token ? objects_.upper_bound(*token) : objects_.lower_bound(start);
  for (; it != objects_.end() && it->first.starts_with(start); ++it) {
    if (page.objects.size() == page_keys_max) {
      page.next_token = std::prev(it)->first;
      break;
    }
    page.objects.push_back({it->first.substr(prefix.bucket.size() + 1), it->second.size(),
                            etags_[it->first], modified_[it->first]});
  }
  co_return page;
}

Task<void> FakeS3::remove(S3Uri object, Deadline deadline) {
  auto begun = co_await begin("remove", object, deadline);
  if (!begun) co_return fail(std::move(begun.error()));
  erase_object(object);
  co_return lose_answer("remove");
}

Task<std::string> FakeS3::create_multipart(S3Uri object, Deadline deadline) {
  auto begun = co_await begin("create_multipart", object, deadline);
  if (!begun) co_return fail(std::move(begun.error()));
  const std::string id = "upload-" + std::to_string(++last_upload_);
  uploads_[id] = Upload{path_of(object), {}, now};
  auto kept = lose_answer("create_multipart");
  if (!kept) co_return fail(std::move(kept.error()));
  co_return id;
}

Task<PartTag> FakeS3::upload_part(S3Uri object,
                                  std::string upload_id,
                                  int number,
                                  std::span<const std::byte> bytes,
                                  Deadline deadline) {
  auto begun = co_await begin("upload_part", object, deadline);
  if (!begun) co_return fail(std::move(begun.error()));
  const auto upload = uploads_.find(upload_id);
  if (upload == uploads_.end() || upload->second.path != path_of(object)) {
    co_return refuse(Errc::not_found, "NoSuchUpload", object);
  }
  if (number < 1 || number > 10'000) {
    co_return refuse(Errc::invalid_request, "InvalidArgument", object);
  }
  std::string& part = upload->second.parts[number];
  part = as_text(bytes);
  PartTag tag{number, etag_of(part)};
  auto kept = lose_answer("upload_part");
  if (!kept) co_return fail(std::move(kept.error()));
  co_return tag;
}

Result<std::string> FakeS3::join_parts(const Upload& upload, const std::vector<PartTag>& parts) {
  std::string bytes;
  int last = 0;
  for (const PartTag& tag : parts) {
    const auto part = upload.parts.find(tag.number);
    const auto problem = [&]() -> std::string_view {
      if (part == upload.parts.end() || etag_of(part->second) != tag.etag) return "InvalidPart";
      if (tag.number <= last) return "InvalidPartOrder";
      if (part->second.size() < part_bytes_min && &tag != &parts.back()) return "EntityTooSmall";
      return {};
    }();
    if (!problem.empty()) {
      return fail(Error(Errc::upstream, std::string(problem)).reason(std::string(problem)));
    }
    last = tag.number;
    bytes += part->second;
  }
  if (parts.empty()) return fail(Error(Errc::upstream, "MalformedXML").reason("MalformedXML"));
  return bytes;
}

Task<ObjectInfo> FakeS3::complete_multipart(S3Uri object,
                                            std::string upload_id,
                                            std::vector<PartTag> parts,
                                            Deadline deadline) {
  auto begun = co_await begin("complete_multipart", object, deadline);
  if (!begun) co_return fail(std::move(begun.error()));
  const auto upload = uploads_.find(upload_id);
  if (upload == uploads_.end() || upload->second.path != path_of(object)) {
    co_return refuse(Errc::not_found, "NoSuchUpload", object);
  }
  auto bytes = join_parts(upload->second, parts);
  if (!bytes) co_return fail(std::move(bytes.error()));
  // S3's rule: the digest of the parts' digests, then how many.
  std::string digests;
  for (const PartTag& tag : parts) {
    digests += as_text(md5(as_bytes(upload->second.parts[tag.number])));
  }
  const std::string path = upload->second.path;
  ObjectInfo info{object.key, bytes->size(), etag_of(digests) + "-" + std::to_string(parts.size())};
  objects_[path] = std::move(*bytes);
  etags_[path] = info.etag;
  modified_[path] = now;
  uploads_.erase(upload);
  auto kept = lose_answer("complete_multipart");
  if (!kept) co_return fail(std::move(kept.error()));
  co_return info;
}

Task<void> FakeS3::abort_multipart(S3Uri object, std::string upload_id, Deadline deadline) {
  auto begun = co_await begin("abort_multipart", object, deadline);
  if (!begun) co_return fail(std::move(begun.error()));
  uploads_.erase(upload_id);
  co_return lose_answer("abort_multipart");
}

Task<aws::MultipartPage> FakeS3::list_multiparts(S3Uri prefix,
                                                 std::optional<aws::MultipartMarker> after,
                                                 Deadline deadline) {
  auto begun = co_await begin("list_multiparts", prefix, deadline);
  if (!begun) co_return fail(std::move(begun.error()));
  const std::string start = path_of(prefix);
  std::map<std::pair<std::string, std::string>, SysTime> found;  // by key and id
  for (const auto& [id, upload] : uploads_) {
    if (!upload.path.starts_with(start)) continue;
    found[{upload.path.substr(prefix.bucket.size() + 1), id}] = upload.initiated;
  }
  aws::MultipartPage page;
  auto it = after ? found.upper_bound({after->key, after->upload_id}) : found.begin();
  for (; it != found.end(); ++it) {
    if (page.uploads.size() == page_keys_max) {
      page.next = {page.uploads.back().key, page.uploads.back().upload_id};
      break;
    }
    page.uploads.push_back({it->first.first, it->first.second, it->second});
  }
  co_return page;
}

}  // namespace quarry::testing
