#include "store/database.h"

#include "store/measured_connections.h"
#include "store/postgres_pool.h"
#include "store/session.h"
#include "store/sqlite_file.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace quarry::store {
namespace {

std::unique_ptr<Connections> connect(const DatabaseOptions& options) {
  if (options.url.reveal().empty()) return std::make_unique<SqliteFile>(options.data_dir);
  auto target = parse_postgres_url(options.url.reveal());
  if (!target) throw std::runtime_error(target.error().message());
  return std::make_unique<PostgresPool>(
      PostgresPool::Options{std::move(*target), options.connections, options.patience});
}

}  // namespace

Database::Impl::Impl(std::unique_ptr<Connections> opened)
    : connections(measured(std::move(opened))),
      threads(static_cast<std::size_t>(std::max(1, connections->count() - 1))) {
  if (connections->count() > 1) for_leases.emplace(1);
}

Database::Impl::~Impl() {
  threads.join();
  if (for_leases) for_leases->join();
}

Database::Database(const DatabaseOptions& options)
    : impl_(std::make_unique<Impl>(connect(options))) {}
Database::Database(const std::filesystem::path& data_dir)
    : Database(DatabaseOptions{.data_dir = data_dir, .url = {}}) {}
Database::~Database() = default;

bool Database::shared() const { return impl_->connections->shared(); }
std::string Database::name() const { return impl_->connections->name(); }

}  // namespace quarry::store
