#pragma once
// The name under which this process holds leases, and whose place it takes: a server that was
// killed and is started again in its data directory need not wait for its own leases to lapse.

#include <filesystem>
#include <string>

namespace quarry::cli {

class ServerName {
 public:
  // A new name, "<host>:<process id>:<mark>". Reads `<data_dir>/server` and locks it until this
  // process ends, however it does. Throws std::runtime_error that names the file. Blocks (disk).
  explicit ServerName(const std::filesystem::path& data_dir);
  ~ServerName();
  ServerName(const ServerName&) = delete;
  ServerName& operator=(const ServerName&) = delete;

  const std::string& name() const { return name_; }
  // Who was here before, on this host, and is gone: it held the same lock. "": nobody is known to.
  const std::string& predecessor() const { return predecessor_; }
  // Another server that is alive has this directory, so that none is anybody's successor here.
  bool shares_directory() const { return fd_ < 0; }
  // Writes the name for the next one; nothing if the directory is shared. To be called when the
  // predecessor's leases are released and before there are any of this name. Throws
  // std::runtime_error. Blocks (disk).
  void keep() const;

 private:
  std::filesystem::path file_;
  std::string name_;
  std::string predecessor_;
  int fd_ = -1;
};

}  // namespace quarry::cli
