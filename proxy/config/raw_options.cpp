#include "proxy/config/raw_options.hpp"

#include <fmt/format.h>

#include <utility>
#include <variant>

namespace holdwater::proxy {
namespace {

std::string complaint(const setting& one, std::string_view wrong) {
  constexpr std::size_t shown = 60;
  if (one.row->kind == option_kind::secret) return fmt::format("{}: {}", one.where, wrong);
  return fmt::format("{}: {}, found \"{}\"", one.where, wrong, std::string_view(one.text).substr(0, shown));
}

struct copy_from {
  option_field from;

  template <class T>
  void operator()(T* to) const {
    *to = *std::get<T*>(from);
  }
};

} // namespace

origin raw_options::from(std::string_view option) const {
  const auto found = given.find(option);
  return found == given.end() ? origin::by_default : found->second.from;
}

void raw_options::take(const setting& one, origin where, problems& wrong) {
  const auto why = parse_option(one.row->kind, one.row->range, one.text, one.row->field(values));
  if (!why.empty()) return wrong.errors.push_back(complaint(one, why));
  given[one.row->name] = {where, one.where};
}

void raw_options::take(const account_setting& one, problems& wrong) {
  auto found = one.values;
  if (!one.password_file.empty()) {
    if (!found.password.empty())
      return wrong.errors.push_back(one.where + ": password and password_file exclude each other");
    found.password = read_password(one.password_file, one.where, wrong);
  }
  values.accounts.push_back(std::move(found));
}

void raw_options::forget(std::string_view option) {
  const auto& row = *find_option(option);
  options defaults;
  std::visit(copy_from{row.field(defaults)}, row.field(values));
  given.erase(row.name);
}

} // namespace holdwater::proxy
