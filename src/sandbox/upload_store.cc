#include "sandbox/upload_store.h"

#include "base/bytes.h"
#include "base/ids.h"
#include "obs/log.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace quarry::sandbox {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::size_t kCompletedKept = 1000;
// More files than this are made one: each costs a descriptor while the object is read.
constexpr std::size_t kFilesMax = 128;

std::string text_of(const json::value& value) {
  return std::string(std::string_view(value.as_string()));
}
std::string bytes_of(const json::value& value) {
  return percent_decode(text_of(value)).value_or("");
}

json::object to_json(const MultipartUpload& upload) {
  json::array headers;
  for (const auto& [name, value] : upload.headers)
    headers.push_back(json::array{name, percent_encode(value, true)});
  return {{"key", percent_encode(upload.key, true)},
          {"initiated_ms", unix_millis(upload.initiated)},
          {"headers", std::move(headers)},
          {"checksum", upload.checksum ? checksum_name(*upload.checksum) : ""},
          {"full_object_checksum", upload.full_object_checksum}};
}

json::object to_json(const UploadPart& part) {
  return {{"number", part.number},
          {"size", part.size},
          {"etag", part.etag},
          {"checksum_kind", part.checksum ? checksum_name(part.checksum->kind) : ""},
          {"checksum", part.checksum ? part.checksum->value : ""},
          {"modified_ms", unix_millis(part.modified)},
          {"file", part.file}};
}

UploadPart part_from_json(const json::object& value) {
  UploadPart part{.number = value.at("number").to_number<int>(),
                  .size = value.at("size").to_number<std::uint64_t>(),
                  .etag = text_of(value.at("etag")),
                  .checksum = {},
                  .modified = from_unix_millis(value.at("modified_ms").to_number<std::int64_t>()),
                  .file = text_of(value.at("file"))};
  if (const auto kind = checksum_kind(text_of(value.at("checksum_kind")))) {
    part.checksum = Checksum{.kind = *kind, .value = text_of(value.at("checksum"))};
  }
  return part;
}

std::unexpected<Fault> no_such_upload(const std::string& id) {
  auto fault = refuse(404, "NoSuchUpload",
                      "The specified upload does not exist. The upload ID may be invalid, or the "
                      "upload may have been aborted or completed.");
  fault.error().details = {{"UploadId", id}};
  return fault;
}

Answer<std::vector<UploadPart>> chosen_parts(const MultipartUpload& upload,
                                             const std::vector<CompletedPart>& parts) {
  std::vector<UploadPart> chosen;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0 && parts[i].number <= parts[i - 1].number) {
      return refuse(400, "InvalidPartOrder",
                    "The list of parts was not in ascending order. The parts list must be "
                    "specified in order by part number.");
    }
    const auto found = upload.parts.find(parts[i].number);
    const bool other_checksum = found != upload.parts.end() && !parts[i].checksum.empty() &&
                                found->second.checksum &&
                                found->second.checksum->value != parts[i].checksum;
    if (found == upload.parts.end() || found->second.etag != parts[i].etag || other_checksum) {
      auto fault =
          refuse(400, "InvalidPart",
                 "One or more of the specified parts could not be found.  The part may not have "
                 "been uploaded, or the specified entity tag may not match the part's entity tag.");
      fault.error().details = {{"UploadId", upload.id},
                               {"PartNumber", std::to_string(parts[i].number)},
                               {"ETag", parts[i].etag}};
      return fault;
    }
    if (upload.checksum && !upload.full_object_checksum && parts[i].checksum.empty()) {
      std::string algorithm = checksum_name(*upload.checksum);
      std::ranges::transform(algorithm, algorithm.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      });
      return refuse(400, "InvalidRequest",
                    fmt::format("The upload was created using a {} checksum. The complete request "
                                "must include the checksum for each part. It was missing for part "
                                "{} in the request.",
                                algorithm, parts[i].number));
    }
    chosen.push_back(found->second);
  }
  for (std::size_t i = 0; i + 1 < chosen.size(); ++i) {
    if (chosen[i].size >= UploadStore::kPartBytesMin) continue;
    auto fault = refuse(400, "EntityTooSmall",
                        "Your proposed upload is smaller than the minimum allowed size");
    fault.error().details = {{"ETag", chosen[i].etag},
                             {"PartNumber", std::to_string(chosen[i].number)},
                             {"MinSizeAllowed", std::to_string(UploadStore::kPartBytesMin)},
                             {"ProposedSize", std::to_string(chosen[i].size)}};
    return fault;
  }
  return chosen;
}

std::string etag_of(const std::vector<UploadPart>& parts) {
  std::string digests;
  for (const UploadPart& part : parts) {
    for (std::size_t i = 0; i + 1 < part.etag.size(); i += 2) {
      digests.push_back(static_cast<char>(std::stoi(part.etag.substr(i, 2), nullptr, 16)));
    }
  }
  return fmt::format("{}-{}", hex(md5(as_bytes(digests))), parts.size());
}

// The checksum of the parts' checksums, where every part has the one the upload asked for.
std::optional<std::string> composite_checksum(DigestKind kind,
                                              const std::vector<UploadPart>& parts) {
  std::string raw;
  for (const UploadPart& part : parts) {
    if (!part.checksum || part.checksum->kind != kind) return std::nullopt;
    raw += base64_decode(part.checksum->value).value_or("");
  }
  return fmt::format("{}-{}", base64(as_bytes(digest_of(kind, as_bytes(raw)))), parts.size());
}

// Of the whole object, from those of its parts.
std::optional<std::string> full_checksum(DigestKind kind, const std::vector<UploadPart>& parts) {
  std::optional<std::string> raw;
  for (const UploadPart& part : parts) {
    if (!part.checksum || part.checksum->kind != kind) return std::nullopt;
    const std::string own = base64_decode(part.checksum->value).value_or("");
    raw = raw ? joined_crc(kind, *raw, own, part.size) : own;
  }
  return raw ? std::optional(base64(as_bytes(*raw))) : std::nullopt;
}

// The object's checksum, held to what Complete said of it.
Answer<void> add_checksum(ObjectMeta& object,
                          const MultipartUpload& upload,
                          const std::vector<UploadPart>& parts,
                          const std::optional<Checksum>& expected) {
  if (!upload.checksum) return {};
  const DigestKind kind = *upload.checksum;
  const auto checksum =
      upload.full_object_checksum ? full_checksum(kind, parts) : composite_checksum(kind, parts);
  if (!checksum) return {};
  // A client may leave the number of parts off.
  const std::string plain = checksum->substr(0, checksum->find('-'));
  if (expected &&
      (expected->kind != kind || (expected->value != *checksum && expected->value != plain))) {
    return refuse(400, "BadDigest",
                  "The " + checksum_name(expected->kind) +
                      " you specified did not match the calculated checksum.");
  }
  object.headers.emplace_back(checksum_header(kind), *checksum);
  object.headers.emplace_back("x-amz-checksum-type",
                              upload.full_object_checksum ? "FULL_OBJECT" : "COMPOSITE");
  return {};
}

StoredBytes::Piece joined(const std::vector<StoredBytes::Piece>& files, const fs::path& folder) {
  TempFile whole(folder);
  std::vector<std::byte> block(std::size_t{1} << 20);
  StoredBytes::Piece made{.file = folder / "joined", .size = 0};
  for (const auto& file : files) {
    const StoredBytes part({file});
    for (std::uint64_t at = 0; at < part.size();) {
      const std::size_t count = part.read(at, block);
      whole.write(std::span(block).first(count));
      at += count;
    }
    made.size += part.size();
  }
  whole.keep_as(made.file);
  return made;
}

}  // namespace

UploadStore::UploadStore(ObjectStore& objects) : objects_(objects) {
  for (const BucketInfo& bucket : objects_.buckets()) {
    for (const auto& entry : fs::directory_iterator(objects_.uploads_folder(bucket.name))) {
      try {
        load(bucket.name, entry.path());
      } catch (const std::exception& e) {
        obs::warn("sandbox upload unreadable",
                  {{"folder", entry.path().string()}, {"why", e.what()}});
      }
    }
  }
}

void UploadStore::load(const std::string& bucket, const fs::path& folder) {
  const auto value = json::parse(read_file(folder / "upload.json")).as_object();
  MultipartUpload upload{
      .id = folder.filename().string(),
      .bucket = bucket,
      .key = bytes_of(value.at("key")),
      .initiated = from_unix_millis(value.at("initiated_ms").to_number<std::int64_t>()),
      .headers = {},
      .checksum = checksum_kind(text_of(value.at("checksum"))),
      .full_object_checksum = value.at("full_object_checksum").as_bool(),
      .parts = {}};
  for (const auto& header : value.at("headers").as_array()) {
    upload.headers.emplace_back(text_of(header.at(0)), bytes_of(header.at(1)));
  }
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".json" || entry.path().filename() == "upload.json") continue;
    auto part = part_from_json(json::parse(read_file(entry.path())).as_object());
    if (fs::exists(folder / part.file)) upload.parts.emplace(part.number, std::move(part));
  }
  auto id = upload.id;
  uploads_.emplace(std::move(id), std::move(upload));
}

fs::path UploadStore::folder(const MultipartUpload& upload) const {
  return objects_.uploads_folder(upload.bucket) / upload.id;
}

MultipartUpload UploadStore::create(MultipartUpload upload) {
  upload.id = random_hex128() + random_hex128();
  fs::create_directories(folder(upload));
  replace_file(folder(upload) / "upload.json", json::serialize(to_json(upload)));
  const std::lock_guard lock(index_);
  return uploads_.emplace(upload.id, upload).first->second;
}

std::optional<MultipartUpload> UploadStore::find_head(const std::string& bucket,
                                                      const std::string& key,
                                                      const std::string& id) const {
  const std::lock_guard lock(index_);
  const auto found = uploads_.find(id);
  if (found == uploads_.end() || found->second.bucket != bucket || found->second.key != key) {
    return std::nullopt;
  }
  const MultipartUpload& upload = found->second;
  return MultipartUpload{.id = upload.id,
                         .bucket = upload.bucket,
                         .key = upload.key,
                         .initiated = upload.initiated,
                         .headers = upload.headers,
                         .checksum = upload.checksum,
                         .full_object_checksum = upload.full_object_checksum,
                         .parts = {}};
}

std::string UploadStore::replaced_file(const MultipartUpload& upload, int part_number) const {
  const std::lock_guard lock(index_);
  const auto& parts = uploads_.at(upload.id).parts;
  const auto found = parts.find(part_number);
  return found == parts.end() ? "" : found->second.file;
}

std::optional<MultipartUpload> UploadStore::find(const std::string& bucket,
                                                 const std::string& key,
                                                 const std::string& id) const {
  const std::lock_guard lock(index_);
  const auto found = uploads_.find(id);
  if (found == uploads_.end() || found->second.bucket != bucket || found->second.key != key)
    return std::nullopt;
  return found->second;
}

std::vector<MultipartUpload> UploadStore::list(const std::string& bucket) const {
  std::vector<MultipartUpload> found;
  {
    const std::lock_guard lock(index_);
    for (const auto& [id, upload] : uploads_) {
      if (upload.bucket == bucket) found.push_back(upload);
    }
  }
  std::ranges::sort(found, {}, [](const MultipartUpload& upload) {
    return std::tie(upload.key, upload.initiated, upload.id);
  });
  return found;
}

Answer<UploadPart> UploadStore::add_part(const std::string& bucket,
                                         const std::string& key,
                                         const std::string& id,
                                         UploadPart part,
                                         TempFile& file) {
  const std::lock_guard writing(writing_);
  const auto upload = find_head(bucket, key, id);
  if (!upload) return no_such_upload(id);
  const std::string name = fmt::format("{:05}", part.number);
  part.file = name + "@" + random_hex128().substr(0, 12);
  file.keep_as(folder(*upload) / part.file);
  replace_file(folder(*upload) / (name + ".json"), json::serialize(to_json(part)));
  if (const std::string old = replaced_file(*upload, part.number); !old.empty()) {
    std::error_code ignored;  // it goes with the upload's folder
    fs::remove(folder(*upload) / old, ignored);
  }
  const std::lock_guard lock(index_);
  uploads_.at(id).parts.insert_or_assign(part.number, part);
  return part;
}

Answer<ObjectPtr> UploadStore::complete(const std::string& bucket,
                                        const std::string& key,
                                        const std::string& id,
                                        const std::vector<CompletedPart>& parts,
                                        const CompleteCondition& expected,
                                        SysTime now) {
  const std::lock_guard writing(writing_);
  const auto upload = find(bucket, key, id);
  if (!upload) {
    const auto done = completed_.find(id);
    auto object = objects_.find(bucket, key);
    if (done == completed_.end() || !object || done->second != std::pair(key, object->etag))
      return no_such_upload(id);
    return object;
  }
  auto object = assemble(*upload, parts, expected, now);
  if (!object) return object;
  {
    const std::lock_guard lock(index_);
    uploads_.erase(id);
  }
  if (completed_.size() == kCompletedKept) completed_.erase(completed_.begin());
  completed_.emplace(id, std::pair(key, (*object)->etag));
  std::error_code ignored;  // without upload.json it is no upload at the next start
  fs::remove(folder(*upload) / "upload.json", ignored);
  fs::remove_all(folder(*upload), ignored);
  return object;
}

Answer<ObjectPtr> UploadStore::assemble(const MultipartUpload& upload,
                                        const std::vector<CompletedPart>& parts,
                                        const CompleteCondition& expected,
                                        SysTime now) {
  auto chosen = chosen_parts(upload, parts);
  if (!chosen) return std::unexpected(std::move(chosen.error()));
  ObjectMeta object;
  object.key = upload.key;
  object.etag = etag_of(*chosen);
  object.modified = now;
  object.part_count = static_cast<int>(chosen->size());
  object.headers = upload.headers;
  std::vector<StoredBytes::Piece> files;
  for (const UploadPart& part : *chosen) {
    object.size += part.size;
    files.push_back({.file = folder(upload) / part.file, .size = part.size});
  }
  if (auto right = add_checksum(object, upload, *chosen, expected.checksum); !right)
    return std::unexpected(std::move(right.error()));
  if (files.size() > kFilesMax) files = {joined(files, folder(upload))};
  return objects_.commit(upload.bucket, std::move(object), std::move(files), expected.condition);
}

Answer<void> UploadStore::abort(const std::string& bucket,
                                const std::string& key,
                                const std::string& id) {
  const std::lock_guard writing(writing_);
  const auto upload = find_head(bucket, key, id);
  if (!upload) return no_such_upload(id);
  {
    const std::lock_guard lock(index_);
    uploads_.erase(id);
  }
  fs::remove(folder(*upload) / "upload.json");
  fs::remove_all(folder(*upload));
  return {};
}

void UploadStore::forget_bucket(const std::string& bucket) {
  const std::lock_guard lock(index_);
  std::erase_if(uploads_, [&](const auto& entry) { return entry.second.bucket == bucket; });
}

}  // namespace quarry::sandbox
