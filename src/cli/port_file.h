#pragma once
// --port-file: how a program that asked for port 0 learns which one it got.

#include <cstdint>
#include <filesystem>

namespace quarry::cli {

// Writes the port as decimal text and a newline. Whoever waits for the file sees all of it or none:
// it is written beside and renamed. An empty path does nothing.
// Throws std::system_error naming the path.
void write_port_file(const std::filesystem::path& path, std::uint16_t port);

}  // namespace quarry::cli
