#pragma once
// Multipart uploads on disk, under their bucket's uploads/<id>/: upload.json, and for every part a
// file of bytes and a small JSON file. Any thread; "blocking" writes to disk and belongs on the
// pool.

#include "sandbox/object_store.h"
#include "sandbox/payload.h"
#include "sandbox/xml.h"

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace quarry::sandbox {

struct UploadPart {
  int number = 0;
  std::uint64_t size = 0;
  std::string etag;  // hex MD5
  std::optional<Checksum> checksum;
  SysTime modified{};
  std::string file;  // beside upload.json
};

struct MultipartUpload {
  std::string id;
  std::string bucket;
  std::string key;
  SysTime initiated{};
  std::vector<std::pair<std::string, std::string>> headers;  // of the object to be
  std::optional<DigestKind> checksum;
  bool full_object_checksum = false;
  std::map<int, UploadPart> parts;
};

// What the object to be is held to.
struct CompleteCondition {
  WriteCondition condition;
  std::optional<Checksum> checksum;
};

class UploadStore {
 public:
  static constexpr std::uint64_t kPartBytesMin = std::uint64_t{5} << 20;
  static constexpr int kPartNumberMax = 10000;

  // Reads what is there. Blocking.
  explicit UploadStore(ObjectStore& objects);

  // Gives it an id. Blocking.
  MultipartUpload create(MultipartUpload upload);
  // Without its parts: there may be thousands.
  std::optional<MultipartUpload> find_head(const std::string& bucket,
                                           const std::string& key,
                                           const std::string& id) const;
  std::optional<MultipartUpload> find(const std::string& bucket,
                                      const std::string& key,
                                      const std::string& id) const;
  // By key, then by time.
  std::vector<MultipartUpload> list(const std::string& bucket) const;

  // Takes the file; replaces a part of the same number. Blocking. Faults: NoSuchUpload.
  Answer<UploadPart> add_part(const std::string& bucket,
                              const std::string& key,
                              const std::string& id,
                              UploadPart part,
                              TempFile& file);
  // Makes the object. Asked again for an upload just completed, gives the same object while it is
  // there. Blocking. Faults: NoSuchUpload, InvalidPart, InvalidPartOrder, EntityTooSmall,
  // InvalidRequest (a part's checksum is missing), BadDigest, and those of commit().
  Answer<ObjectPtr> complete(const std::string& bucket,
                             const std::string& key,
                             const std::string& id,
                             const std::vector<CompletedPart>& parts,
                             const CompleteCondition& expected,
                             SysTime now);
  // Blocking. Faults: NoSuchUpload.
  Answer<void> abort(const std::string& bucket, const std::string& key, const std::string& id);
  // The bucket was deleted, and its uploads with it.
  void forget_bucket(const std::string& bucket);

 private:
  Answer<ObjectPtr> assemble(const MultipartUpload& upload,
                             const std::vector<CompletedPart>& parts,
                             const CompleteCondition& expected,
                             SysTime now);
  std::string replaced_file(const MultipartUpload& upload, int part_number) const;
  void load(const std::string& bucket, const std::filesystem::path& folder);
  std::filesystem::path folder(const MultipartUpload& upload) const;

  ObjectStore& objects_;
  mutable std::mutex writing_;
  mutable std::mutex index_;
  std::map<std::string, MultipartUpload> uploads_;  // by id
  std::map<std::string, std::pair<std::string, std::string>>
      completed_;  // id -> (key, etag), the latest
};

}  // namespace quarry::sandbox
