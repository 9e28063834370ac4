#include "cli/port_file.h"

#include <cerrno>
#include <fstream>
#include <string>
#include <system_error>
#include <unistd.h>

namespace quarry::cli {

void write_port_file(const std::filesystem::path& path, std::uint16_t port) {
  if (path.empty()) return;
  std::filesystem::path beside = path;
  beside += "." + std::to_string(::getpid()) + ".tmp";
  std::ofstream out(beside, std::ios::trunc);
  out << port << '\n';
  out.close();
  if (!out) throw std::system_error(errno, std::generic_category(), "writing " + beside.string());
  std::filesystem::rename(beside, path);
}

}  // namespace quarry::cli
