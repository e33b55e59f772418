#include "proxy/insert_ids/insert_ids.hpp"

#include "proxy/insert_ids/id_book.hpp"
#include "proxy/insert_ids/id_keeper.hpp"

#include <utility>

namespace holdwater::proxy {

struct insert_ids::impl {
  explicit impl(insert_ids_options given)
      : options(std::move(given)), book(options.path, options.block), keeper(book, options.database, [this] {
          return spool::mysql_connection::connect(options.server(), options.account, {}, options.timeouts);
        }) {}

  const insert_ids_options options;
  id_book book;
  id_keeper keeper;
};

insert_ids::insert_ids(insert_ids_options options) : impl_(std::make_unique<impl>(std::move(options))) {}

insert_ids::~insert_ids() {
  stop();
}

void insert_ids::start() {
  impl_->keeper.start();
}

void insert_ids::stop() {
  impl_->keeper.stop();
}

void insert_ids::server_is_coming() {
  impl_->book.server_is_coming();
  impl_->keeper.server_is_away(); // replay has it for itself
}

void insert_ids::server_is_up() {
  impl_->book.server_is_up();
  impl_->keeper.server_is_up();
}

void insert_ids::server_is_away() {
  impl_->book.server_is_away();
  impl_->keeper.server_is_away();
}

void insert_ids::schema_changed() {
  impl_->keeper.schema_changed();
}

std::size_t insert_ids::known_tables() const {
  return impl_->book.known_tables();
}

void insert_ids::saw_insert(std::string_view schema, std::string_view table) {
  if (impl_->book.saw_insert(schema, table)) impl_->keeper.look();
}

std::optional<bool> insert_ids::saw_insert(std::string_view schema, std::string_view table,
                                           std::string_view text, const protocol::sql::statement& one,
                                           const protocol::sql::dialect& how) {
  std::optional<bool> makes_id;
  if (impl_->book.saw_insert(schema, table, text, one, how, makes_id)) impl_->keeper.look();
  return makes_id;
}

id_plan insert_ids::plan(std::string_view schema, std::string_view table, std::string_view text,
                         const protocol::sql::statement& one, const protocol::sql::dialect& how,
                         std::uint64_t increment, std::uint64_t offset) {
  return impl_->book.plan(schema, table, text, one, how, increment, offset);
}

std::vector<std::string> insert_ids::tables_without_ids() const {
  return impl_->book.tables_without_ids();
}

} // namespace holdwater::proxy
