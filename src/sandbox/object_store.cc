#include "sandbox/object_store.h"

#include "base/bytes.h"
#include "base/ids.h"
#include "obs/log.h"

#include <boost/json.hpp>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <system_error>

namespace quarry::sandbox {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::size_t kNameBytesMax = 180;  // of the 255 that a file name may have

std::string file_name(std::string_view key) {
  std::string name = percent_encode(key, false);
  if (name.size() <= kNameBytesMax) return name;
  // '@' is never in an encoded key, so no short key is ever called this.
  return name.substr(0, kNameBytesMax - 40) + "@" + sha256_hex(key).substr(0, 32);
}

json::object to_json(const ObjectMeta& object) {
  json::array headers, files;
  for (const auto& [name, value] : object.headers)
    headers.push_back(json::array{name, percent_encode(value, true)});
  for (const auto& file : object.files)
    files.push_back(json::object{{"name", file.name}, {"size", file.size}});
  // Keys and header values are bytes, JSON's strings are not.
  return {{"key", percent_encode(object.key, true)},
          {"size", object.size},
          {"etag", object.etag},
          {"modified_ms", unix_millis(object.modified)},
          {"part_count", object.part_count},
          {"headers", std::move(headers)},
          {"files", std::move(files)}};
}

std::string text_of(const json::value& value) {
  return std::string(std::string_view(value.as_string()));
}

std::string decoded(const json::value& value) {
  auto plain = percent_decode(text_of(value));
  if (!plain) throw std::invalid_argument("a broken escape");
  return std::move(*plain);
}

ObjectMeta object_from_json(const json::object& value) {
  ObjectMeta object;
  object.key = decoded(value.at("key"));
  object.size = value.at("size").to_number<std::uint64_t>();
  object.etag = text_of(value.at("etag"));
  object.modified = from_unix_millis(value.at("modified_ms").to_number<std::int64_t>());
  object.part_count = value.at("part_count").to_number<int>();
  for (const auto& header : value.at("headers").as_array()) {
    object.headers.emplace_back(text_of(header.at(0)), decoded(header.at(1)));
  }
  for (const auto& file : value.at("files").as_array()) {
    object.files.push_back(
        {.name = text_of(file.at("name")), .size = file.at("size").to_number<std::uint64_t>()});
  }
  return object;
}

std::unexpected<Fault> no_such_bucket(const std::string& name) {
  auto fault = refuse(404, "NoSuchBucket", "The specified bucket does not exist");
  fault.error().details = {{"BucketName", name}};
  return fault;
}

}  // namespace

std::string_view bucket_name_fault(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (name.size() < 3 || name.size() > 63) return "it must have 3 to 63 characters";
  if (!std::ranges::all_of(name, [&](char c) { return plain(c) || c == '-' || c == '.'; })) {
    return "it may hold only lower-case letters, digits, '-' and '.'";
  }
  if (!plain(name.front()) || !plain(name.back())) {
    return "it must begin and end with a lower-case letter or a digit";
  }
  if (name.contains("..")) return "two dots must not stand side by side";
  if (name.find_first_not_of("0123456789.") == std::string_view::npos &&
      std::ranges::count(name, '.') == 3) {
    return "it must not look like an IP address";
  }
  if (name == "model" || name.starts_with("model-invocation-job") || name == "foundation-models" ||
      name == "inference-profiles") {
    return "Bedrock's paths on this same port begin so";
  }
  if (name == "latest" || name == "federation") {
    return "the sources of credentials on this same port begin so";
  }
  return "";
}

bool valid_bucket_name(std::string_view name) { return bucket_name_fault(name).empty(); }

ObjectStore::ObjectStore(const fs::path& data_dir)
    : root_(data_dir / "s3"), temp_(data_dir / "tmp") {
  fs::create_directories(root_);
  fs::remove_all(temp_);
  fs::create_directories(temp_);
  for (const auto& entry : fs::directory_iterator(root_)) {
    if (entry.is_directory() && fs::exists(entry.path() / "bucket.json")) load_bucket(entry.path());
  }
}

void ObjectStore::load_bucket(const fs::path& folder) {
  const auto info = json::parse(read_file(folder / "bucket.json")).as_object();
  Bucket bucket;
  bucket.info = {.name = folder.filename().string(),
                 .region = text_of(info.at("region")),
                 .created = from_unix_millis(info.at("created_ms").to_number<std::int64_t>())};
  std::set<std::string> named;
  for (const auto& entry : fs::directory_iterator(folder / "meta")) {
    if (entry.path().extension() != ".json") {
      fs::remove(entry.path());  // a replacement that a crash cut short
      continue;
    }
    try {
      auto object = object_from_json(json::parse(read_file(entry.path())).as_object());
      for (const auto& file : object.files) named.insert(file.name);
      auto key = object.key;
      bucket.objects.emplace(std::move(key), std::make_shared<const ObjectMeta>(std::move(object)));
    } catch (const std::exception& e) {
      obs::warn("sandbox object unreadable", {{"file", entry.path().string()}, {"why", e.what()}});
    }
  }
  for (const auto& entry : fs::directory_iterator(folder / "data")) {
    if (!named.contains(entry.path().filename().string())) fs::remove(entry.path());
  }
  auto name = bucket.info.name;
  buckets_.emplace(std::move(name), std::move(bucket));
}

bool ObjectStore::create_bucket(const std::string& name, const std::string& region, SysTime now) {
  const std::lock_guard writing(writing_);
  if (bucket(name)) return false;
  for (const char* part : {"meta", "data", "uploads"}) fs::create_directories(root_ / name / part);
  replace_file(root_ / name / "bucket.json",
               json::serialize(json::object{{"region", region}, {"created_ms", unix_millis(now)}}));
  const std::lock_guard lock(index_);
  buckets_.emplace(name,
                   Bucket{.info = {.name = name, .region = region, .created = now}, .objects = {}});
  return true;
}

Answer<void> ObjectStore::delete_bucket(const std::string& name) {
  const std::lock_guard writing(writing_);
  {
    const std::lock_guard lock(index_);
    const auto found = buckets_.find(name);
    if (found == buckets_.end()) return no_such_bucket(name);
    if (!found->second.objects.empty()) {
      return refuse(409, "BucketNotEmpty", "The bucket you tried to delete is not empty");
    }
    buckets_.erase(found);
  }
  fs::remove(root_ / name / "bucket.json");  // first: without it the rest is no bucket
  fs::remove_all(root_ / name);
  return {};
}

std::optional<BucketInfo> ObjectStore::bucket(const std::string& name) const {
  const std::lock_guard lock(index_);
  const auto found = buckets_.find(name);
  if (found == buckets_.end()) return std::nullopt;
  return found->second.info;
}

std::vector<BucketInfo> ObjectStore::buckets() const {
  const std::lock_guard lock(index_);
  std::vector<BucketInfo> all;
  for (const auto& [name, bucket] : buckets_) all.push_back(bucket.info);
  return all;
}

ObjectPtr ObjectStore::find(const std::string& bucket, const std::string& key) const {
  const std::lock_guard lock(index_);
  const auto found = buckets_.find(bucket);
  if (found == buckets_.end()) return nullptr;
  const auto object = found->second.objects.find(key);
  return object == found->second.objects.end() ? nullptr : object->second;
}

ListPage ObjectStore::list(const std::string& bucket, const ListQuery& query) const {
  const std::lock_guard lock(index_);
  ListPage page;
  const auto found = buckets_.find(bucket);
  if (found == buckets_.end() || query.count_max == 0) return page;
  const auto& objects = found->second.objects;
  // A continuation may be a common prefix: everything under it has been given.
  const auto past = [&](const std::string& prefix) {
    std::string end = prefix;
    while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
    if (end.empty()) return objects.end();
    end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
    return objects.lower_bound(end);
  };
  const bool after_prefix = !query.delimiter.empty() && query.after.size() > query.prefix.size() &&
                            query.after.starts_with(query.prefix) &&
                            query.after.ends_with(query.delimiter);
  auto at = objects.lower_bound(query.prefix);
  if (!query.after.empty() && query.after >= query.prefix) {
    at = after_prefix ? past(query.after) : objects.upper_bound(query.after);
  }
  while (at != objects.end() && at->first.starts_with(query.prefix)) {
    if (page.objects.size() + page.common_prefixes.size() == query.count_max) {
      page.truncated = true;
      break;
    }
    const std::size_t cut = query.delimiter.empty()
                                ? std::string::npos
                                : at->first.find(query.delimiter, query.prefix.size());
    if (cut == std::string::npos) {
      page.last = at->first;
      page.objects.push_back(at->second);
      ++at;
    } else {
      page.last = at->first.substr(0, cut + query.delimiter.size());
      page.common_prefixes.push_back(page.last);
      at = past(page.last);
    }
  }
  return page;
}

Answer<ObjectPtr> ObjectStore::check(const std::string& bucket,
                                     const std::string& key,
                                     const WriteCondition& condition) const {
  if (!this->bucket(bucket)) return no_such_bucket(bucket);
  auto existing = find(bucket, key);
  const auto failed = [](const char* which) {
    auto fault = refuse(412, "PreconditionFailed",
                        "At least one of the pre-conditions you specified did not hold");
    fault.error().details = {{"Condition", which}};
    return fault;
  };
  if (condition.if_absent && existing) return failed("If-None-Match");
  if (condition.if_etag && !existing) {
    auto fault = refuse(404, "NoSuchKey", "The specified key does not exist.");
    fault.error().details = {{"Key", key}};
    return fault;
  }
  if (condition.if_etag && *condition.if_etag != "*" && *condition.if_etag != existing->etag) {
    return failed("If-Match");
  }
  return existing;
}

Answer<ObjectPtr> ObjectStore::commit(const std::string& bucket,
                                      ObjectMeta object,
                                      std::vector<StoredBytes::Piece> files,
                                      const WriteCondition& condition) {
  const std::lock_guard writing(writing_);
  auto existing = check(bucket, object.key, condition);
  if (!existing) return existing;
  const std::string name = file_name(object.key);
  const std::string version = random_hex128().substr(0, 12);
  for (std::size_t i = 0; i < files.size(); ++i) {
    std::string file = name + "@" + version;
    if (files.size() > 1) file += "." + std::to_string(i + 1);
    fs::rename(files[i].file, root_ / bucket / "data" / file);
    object.files.push_back({.name = std::move(file), .size = files[i].size});
  }
  replace_file(root_ / bucket / "meta" / (name + ".json"), json::serialize(to_json(object)));
  const auto made = std::make_shared<const ObjectMeta>(std::move(object));
  {
    const std::lock_guard lock(index_);
    buckets_.find(bucket)->second.objects.insert_or_assign(made->key, made);
  }
  if (*existing) delete_files(bucket, **existing);
  return made;
}

Answer<bool> ObjectStore::remove(const std::string& bucket,
                                 const std::string& key,
                                 const WriteCondition& condition) {
  const std::lock_guard writing(writing_);
  auto existing = check(bucket, key, condition);
  if (!existing) return std::unexpected(std::move(existing.error()));
  if (!*existing) return false;
  fs::remove(root_ / bucket / "meta" / (file_name(key) + ".json"));
  {
    const std::lock_guard lock(index_);
    buckets_.find(bucket)->second.objects.erase(key);
  }
  delete_files(bucket, **existing);
  return true;
}

void ObjectStore::delete_files(const std::string& bucket, const ObjectMeta& object) const {
  std::error_code ignored;  // left over, they are deleted at the next start
  for (const auto& file : object.files) fs::remove(root_ / bucket / "data" / file.name, ignored);
}

std::pair<ObjectPtr, std::shared_ptr<StoredBytes>> ObjectStore::open(const std::string& bucket,
                                                                     const std::string& key) const {
  for (;;) {
    auto object = find(bucket, key);
    if (!object) return {};
    std::vector<StoredBytes::Piece> pieces;
    for (const auto& file : object->files) {
      pieces.push_back({.file = root_ / bucket / "data" / file.name, .size = file.size});
    }
    try {
      return {object, std::make_shared<StoredBytes>(std::move(pieces))};
    } catch (const std::system_error&) {
      // Replaced or deleted between the look-up and the opening: look again. The same version
      // missing is real.
      if (find(bucket, key) == object) throw;
    }
  }
}

}  // namespace quarry::sandbox
