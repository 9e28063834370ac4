#pragma once
// Buckets and objects on disk, with an ordered index of every bucket in memory.
//
//   s3/<bucket>/bucket.json             region and time of creation
//   s3/<bucket>/meta/<name>.json        one object: key, size, ETag, headers, and the files that
//   hold its bytes s3/<bucket>/data/<name>@<version>   its bytes; several where a multipart upload
//   made it s3/<bucket>/uploads/<id>/…          multipart uploads (upload_store.h) tmp/ what is
//   being written; emptied at start
//
// <name> is the key with all but A-Z a-z 0-9 - . _ ~ percent-encoded; long ones are cut and end in
// a hash. Replacing the meta file is the commit; a data file that no meta file names is deleted at
// start.
//
// Any thread. What says "blocking" writes to disk and belongs on the pool; the rest only looks at
// memory.

#include "base/clock.h"
#include "sandbox/disk.h"
#include "sandbox/wire.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace quarry::sandbox {

struct ObjectMeta {
  struct File {
    std::string name;  // in data/
    std::uint64_t size = 0;
  };

  std::string key;
  std::uint64_t size = 0;
  std::string etag;  // without quotes
  SysTime modified{};
  int part_count = 0;  // 0 unless a multipart upload made it
  // Content-Type, x-amz-meta-*, checksums, …: given back as they were given.
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<File> files;
};
using ObjectPtr = std::shared_ptr<const ObjectMeta>;

struct BucketInfo {
  std::string name;
  std::string region;
  SysTime created{};
};

// If-Match and If-None-Match of a write or a delete; etags without quotes.
struct WriteCondition {
  bool if_absent = false;
  std::optional<std::string> if_etag;
};

struct ListQuery {
  std::string prefix;
  std::string delimiter;
  std::string after;  // exclusive: a key, or a common prefix that has been given
  std::size_t count_max = 1000;
};

struct ListPage {
  std::vector<ObjectPtr> objects;
  std::vector<std::string> common_prefixes;
  bool truncated = false;
  std::string last;  // the last key or common prefix given
};

class ObjectStore {
 public:
  // Reads what is there. Blocking. Throws when the directory cannot be used.
  explicit ObjectStore(const std::filesystem::path& data_dir);

  // False if it exists. Blocking.
  bool create_bucket(const std::string& name, const std::string& region, SysTime now);
  // Faults: NoSuchBucket, BucketNotEmpty. Blocking.
  Answer<void> delete_bucket(const std::string& name);
  std::optional<BucketInfo> bucket(const std::string& name) const;
  std::vector<BucketInfo> buckets() const;

  // nullptr when there is no such object, or no such bucket.
  ObjectPtr find(const std::string& bucket, const std::string& key) const;
  ListPage list(const std::string& bucket, const ListQuery& query) const;

  // Makes the files the object's bytes, in order; object.files is filled in here, object.key must
  // be set. The files must lie in temp_folder() or an uploads folder. Blocking. Faults:
  // NoSuchBucket, PreconditionFailed, NoSuchKey (If-Match of an absent key).
  Answer<ObjectPtr> commit(const std::string& bucket,
                           ObjectMeta object,
                           std::vector<StoredBytes::Piece> files,
                           const WriteCondition& condition);
  // True if it was there. Blocking. Faults: NoSuchBucket, PreconditionFailed.
  Answer<bool> remove(const std::string& bucket,
                      const std::string& key,
                      const WriteCondition& condition);
  // The newest version, opened; nullptrs when absent. Blocking.
  std::pair<ObjectPtr, std::shared_ptr<StoredBytes>> open(const std::string& bucket,
                                                          const std::string& key) const;

  const std::filesystem::path& temp_folder() const { return temp_; }
  std::filesystem::path uploads_folder(const std::string& bucket) const {
    return root_ / bucket / "uploads";
  }

 private:
  struct Bucket {
    BucketInfo info;
    std::map<std::string, ObjectPtr, std::less<>> objects;
  };

  void load_bucket(const std::filesystem::path& folder);
  Answer<ObjectPtr> check(const std::string& bucket,
                          const std::string& key,
                          const WriteCondition& condition) const;
  void delete_files(const std::string& bucket, const ObjectMeta& object) const;

  std::filesystem::path root_;  // <data_dir>/s3
  std::filesystem::path temp_;
  std::mutex writing_;        // held while a change goes to disk: changes are one after the other
  mutable std::mutex index_;  // held for moments only
  std::map<std::string, Bucket, std::less<>> buckets_;
};

// S3's rules: 3..63 of a-z 0-9 - ., a letter or digit at both ends, no "..", not an address. Nor
// the first segment of one of Bedrock's paths, which are on the same port. "" = it breaks none.
std::string_view bucket_name_fault(std::string_view name);
bool valid_bucket_name(std::string_view name);

}  // namespace quarry::sandbox
