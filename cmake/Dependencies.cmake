# What Quarry links, all of it Debian 12 packages (scripts/setup). Headers of third parties are SYSTEM.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")

find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CURL REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json url)
find_package(simdjson REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(pugixml REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark REQUIRED)

# SOCI 4.0.3's own CMake files name static libraries that Debian does not ship in full.
find_library(SOCI_CORE soci_core REQUIRED)
find_library(SOCI_SQLITE3 soci_sqlite3 REQUIRED)
find_library(SOCI_POSTGRESQL soci_postgresql REQUIRED)
find_package(PostgreSQL REQUIRED)  # libpq
find_path(SOCI_INCLUDE soci/soci.h REQUIRED)
add_library(soci INTERFACE)
target_include_directories(soci SYSTEM INTERFACE "${SOCI_INCLUDE}")
target_link_libraries(soci INTERFACE
  "${SOCI_SQLITE3}" "${SOCI_POSTGRESQL}" "${SOCI_CORE}" SQLite::SQLite3 PostgreSQL::PostgreSQL)

# Its own CMake files ask for the web server of a part that is not used.
find_library(PROMETHEUS_CORE prometheus-cpp-core REQUIRED)
find_path(PROMETHEUS_INCLUDE prometheus/registry.h REQUIRED)
add_library(prometheus_core INTERFACE)
target_include_directories(prometheus_core SYSTEM INTERFACE "${PROMETHEUS_INCLUDE}")
target_link_libraries(prometheus_core INTERFACE "${PROMETHEUS_CORE}")

find_library(XXHASH xxhash REQUIRED)
add_library(xxhash INTERFACE)
target_link_libraries(xxhash INTERFACE "${XXHASH}")

# One set of flags for every file of ours, so that one precompiled header serves all.
add_library(quarry_flags INTERFACE)
target_compile_options(quarry_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast -Wnon-virtual-dtor -Wformat=2 -Werror
  -Wno-missing-designated-field-initializers  # unnamed members have defaults: that is what they are for
  -Wno-error=deprecated-declarations
  -Xclang -fno-pch-timestamp)
target_compile_definitions(quarry_flags INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED
  QUARRY_VERSION="${PROJECT_VERSION}")
target_include_directories(quarry_flags INTERFACE "${CMAKE_SOURCE_DIR}/src")
target_link_libraries(quarry_flags INTERFACE Boost::headers Boost::json Boost::url fmt::fmt Threads::Threads)
target_link_options(quarry_flags INTERFACE -fuse-ld=lld)
