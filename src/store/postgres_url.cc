#include "store/postgres_url.h"

#include <fmt/format.h>

#include <array>
#include <libpq-fe.h>
#include <map>
#include <memory>
#include <utility>

namespace quarry::store {
namespace {

// https://www.prisma.io/docs/orm/overview/databases/postgresql#arguments, but for those that libpq
// has too (connect_timeout, sslmode, sslcert).
constexpr std::array kPrismasOwn{
    "connection_limit", "pool_timeout",         "pgbouncer",
    "socket_timeout",   "sslidentity",          "sslaccept",
    "schema",           "statement_cache_size", "single_use_connections"};

// Seconds, but for tcp_user_timeout. A server that is gone without a word is known to be after
// about half a minute; one that does not answer is given up sooner.
constexpr std::array<std::pair<const char*, const char*>, 8> kDefaults{{
    {"connect_timeout", "5"},
    {"keepalives", "1"},
    {"keepalives_idle", "20"},
    {"keepalives_interval", "5"},
    {"keepalives_count", "3"},
    {"tcp_user_timeout", "30000"},
    {"application_name", "quarry"},
    {"client_encoding", "UTF8"},
}};

std::string quoted(std::string_view value) {
  std::string text = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') text += '\\';
    text += c;
  }
  return text + "'";
}

// The URI without Prisma's parameters, and the value of `schema`, as the URI spells it.
std::pair<std::string, std::string> without_prismas(const std::string& url) {
  const std::size_t question = url.find('?');
  if (question == std::string::npos) return {url, ""};
  std::string kept = url.substr(0, question);
  std::string schema;
  char separator = '?';
  std::string_view rest = std::string_view(url).substr(question + 1);
  while (!rest.empty()) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const std::string_view key = pair.substr(0, pair.find('='));
    bool prismas = false;
    for (const char* name : kPrismasOwn) prismas = prismas || key == name;
    if (key == "schema" && pair.size() > key.size()) schema = pair.substr(key.size() + 1);
    if (prismas || pair.empty()) continue;
    kept.append(1, separator).append(pair);
    separator = '&';
  }
  return {kept, schema};
}

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using Options = std::unique_ptr<PQconninfoOption, FreeOptions>;

// What the URI says.
bool read(const std::string& uri, std::map<std::string, std::string>& values) {
  char* message = nullptr;
  const Options options(PQconninfoParse(uri.c_str(), &message));
  PQfreemem(message);  // it may hold pieces of the URI
  if (!options) return false;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr) values[option->keyword] = option->val;
  }
  return true;
}

// What libpq takes where nothing says otherwise, from its environment too.
std::string default_of(const char* keyword) {
  const Options options(PQconndefaults());
  for (const PQconninfoOption* option = options.get();
       option != nullptr && option->keyword != nullptr; ++option) {
    if (std::string_view(option->keyword) == keyword && option->val != nullptr) return option->val;
  }
  return "";
}

// libpq takes what is before the first '@' for the user's name and password, a '?' too, unless a
// '/' comes sooner, and the rest for hosts and ports: it would look for a password that is not
// encoded as a host, and tell it as one.
bool holds_raw_password(std::string_view uri) {
  const std::size_t scheme = uri.find("://");
  if (scheme == std::string_view::npos) return false;
  uri.remove_prefix(scheme + 3);
  const std::size_t end = uri.find_first_of("@/?");
  if (end == std::string_view::npos) return false;
  const std::string_view rest = uri.substr(end + 1);
  if (uri[end] == '?') return rest.find('@') < rest.find('/');
  return rest.substr(0, rest.find('?')).find('@') != std::string_view::npos;
}

bool has_ports(const std::map<std::string, std::string>& values) {
  const auto port = values.find("port");
  return port == values.end() || port->second.find_first_not_of("0123456789,") == std::string::npos;
}

std::string where(const std::map<std::string, std::string>& values) {
  const auto said = [&](const char* keyword) {
    const auto found = values.find(keyword);
    return found == values.end() || found->second.empty() ? default_of(keyword) : found->second;
  };
  std::string host = said("host");
  if (host.empty()) host = said("hostaddr");
  if (host.empty()) host = "a local socket";
  std::string database = said("dbname");
  if (database.empty()) database = "of the user's name";
  return fmt::format("{}:{}, database {}", host, said("port"), database);
}

}  // namespace

bool is_postgres_url(std::string_view url) {
  return url.starts_with("postgres://") || url.starts_with("postgresql://");
}

Result<PostgresTarget> parse_postgres_url(const std::string& url) {
  const auto [uri, schema] = without_prismas(url);
  std::map<std::string, std::string> values;
  if (holds_raw_password(uri) || !read(uri, values) || !has_ports(values)) {
    return fail(Errc::invalid_request,
                "the database's URL is none that PostgreSQL's library understands; hint: "
                "postgresql://user:password@host:5432/database?sslmode=require, with what is not "
                "a letter or a digit in the user's name and the password percent-encoded (@ is "
                "%40, / is %2F, : is %3A, ? is %3F, # is %23, % is %25)");
  }
  std::map<std::string, std::string> of_schema;
  if (!schema.empty() && read("postgresql:///?options=" + schema, of_schema)) {
    std::string& options = values["options"];
    if (!options.empty()) options += ' ';
    options += "-csearch_path=" + of_schema["options"];
  }
  for (const auto& [keyword, value] : kDefaults) values.try_emplace(keyword, value);
  PostgresTarget target;
  for (const auto& [keyword, value] : values) {
    if (!target.conninfo.empty()) target.conninfo += ' ';
    target.conninfo += keyword + "=" + quoted(value);
  }
  target.where = where(values);
  return target;
}

}  // namespace quarry::store
