#include "store/postgres_session.h"

#include "store/column_text.h"

#include <soci/postgresql/soci-postgresql.h>

#include <memory>
#include <utility>

namespace quarry::store {
namespace {

namespace base = soci::details;

// SOCI's library keeps its classes to itself, so each is wrapped rather than derived from.
class Into final : public base::standard_into_type_backend {
 public:
  explicit Into(base::standard_into_type_backend* inner) : inner_(inner) {}

  void define_by_pos(int& position, void* data, base::exchange_type type) override {
    if (type == base::x_stdstring) text_ = static_cast<std::string*>(data);
    inner_->define_by_pos(position, data, type);
  }
  void pre_exec(int count) override { inner_->pre_exec(count); }
  void pre_fetch() override { inner_->pre_fetch(); }
  void post_fetch(bool got_data, bool called_from_fetch, soci::indicator* indicator) override {
    inner_->post_fetch(got_data, called_from_fetch, indicator);
    if (got_data && text_ != nullptr) *text_ = text_of_column(std::move(*text_));
  }
  void clean_up() override { inner_->clean_up(); }

 private:
  std::unique_ptr<base::standard_into_type_backend> inner_;
  std::string* text_ = nullptr;
};

class Use final : public base::standard_use_type_backend {
 public:
  explicit Use(base::standard_use_type_backend* inner) : inner_(inner) {}

  void bind_by_pos(int& position, void* data, base::exchange_type type, bool read_only) override {
    inner_->bind_by_pos(position, stored_instead_of(data, type), type, read_only);
  }
  void bind_by_name(std::string const& name,
                    void* data,
                    base::exchange_type type,
                    bool read_only) override {
    inner_->bind_by_name(name, stored_instead_of(data, type), type, read_only);
  }
  void pre_exec(int count) override { inner_->pre_exec(count); }
  void pre_use(soci::indicator const* indicator) override {
    if (text_ != nullptr) stored_ = column_text(*text_);
    inner_->pre_use(indicator);
  }
  void post_use(bool got_data, soci::indicator* indicator) override {
    inner_->post_use(got_data, indicator);
  }
  void clean_up() override { inner_->clean_up(); }

 private:
  void* stored_instead_of(void* data, base::exchange_type type) {
    if (type != base::x_stdstring) return data;
    text_ = static_cast<const std::string*>(data);
    return &stored_;
  }

  std::unique_ptr<base::standard_use_type_backend> inner_;
  const std::string* text_ = nullptr;
  std::string stored_;
};

class Statement final : public base::statement_backend {
 public:
  explicit Statement(base::statement_backend* inner) : inner_(inner) {}

  void alloc() override { inner_->alloc(); }
  void clean_up() override { inner_->clean_up(); }
  void prepare(std::string const& query, base::statement_type type) override {
    inner_->prepare(query, type);
  }
  exec_fetch_result execute(int number) override { return inner_->execute(number); }
  exec_fetch_result fetch(int number) override { return inner_->fetch(number); }
  long long get_affected_rows() override { return inner_->get_affected_rows(); }
  int get_number_of_rows() override { return inner_->get_number_of_rows(); }
  std::string get_parameter_name(int index) const override {
    return inner_->get_parameter_name(index);
  }
  std::string rewrite_for_procedure_call(std::string const& query) override {
    return inner_->rewrite_for_procedure_call(query);
  }
  int prepare_for_describe() override { return inner_->prepare_for_describe(); }
  void describe_column(int column, soci::data_type& type, std::string& name) override {
    inner_->describe_column(column, type, name);
  }
  base::standard_into_type_backend* make_into_type_backend() override {
    return std::make_unique<Into>(inner_->make_into_type_backend()).release();
  }
  base::standard_use_type_backend* make_use_type_backend() override {
    return std::make_unique<Use>(inner_->make_use_type_backend()).release();
  }
  // Vectors are not used in this room: their texts would pass as they are.
  base::vector_into_type_backend* make_vector_into_type_backend() override {
    throw soci::soci_error("vectors are not read");
  }
  base::vector_use_type_backend* make_vector_use_type_backend() override {
    throw soci::soci_error("vectors are not bound");
  }

 private:
  std::unique_ptr<base::statement_backend> inner_;
};

class Session final : public base::session_backend {
 public:
  explicit Session(soci::postgresql_session_backend* inner) : inner_(inner) {}

  bool is_connected() override { return inner_->is_connected(); }
  void begin() override { inner_->begin(); }
  void commit() override { inner_->commit(); }
  void rollback() override { inner_->rollback(); }
  std::string get_dummy_from_table() const override { return inner_->get_dummy_from_table(); }
  std::string get_backend_name() const override { return inner_->get_backend_name(); }
  base::statement_backend* make_statement_backend() override {
    return std::make_unique<Statement>(as_base(inner_.get()).make_statement_backend()).release();
  }
  base::rowid_backend* make_rowid_backend() override {
    return as_base(inner_.get()).make_rowid_backend();
  }
  base::blob_backend* make_blob_backend() override {
    return as_base(inner_.get()).make_blob_backend();
  }

  PGconn* connection() { return inner_->conn_; }

 private:
  static base::session_backend& as_base(base::session_backend* session) { return *session; }

  std::unique_ptr<soci::postgresql_session_backend> inner_;
};

// What libpq tells of a table that is there already is nothing for the log.
void ignore_notice(void* /*nothing*/, const PGresult* /*notice*/) {}

class Factory final : public soci::backend_factory {
 public:
  base::session_backend* make_session(
      soci::connection_parameters const& parameters) const override {
    auto session = std::make_unique<Session>(static_cast<soci::postgresql_session_backend*>(
        soci::factory_postgresql()->make_session(parameters)));
    PQsetNoticeReceiver(session->connection(), ignore_notice, nullptr);
    return session.release();
  }
};

const Factory kFactory;

}  // namespace

void open_postgres(soci::session& sql, const std::string& conninfo) {
  sql.open(kFactory, conninfo);
}

PGconn* connection_of(soci::session& sql) {
  return static_cast<Session*>(sql.get_backend())->connection();
}

}  // namespace quarry::store
