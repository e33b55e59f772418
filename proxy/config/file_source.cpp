// The configuration file: TOML, read by toml11. Each message starts with FILE:LINE.
//
// Format: https://toml.io/en/v1.0.0
#include "proxy/config/rule_source.hpp"
#include "proxy/config/source.hpp"
#include "proxy/config/utf8.hpp"

#include <fmt/format.h>
#include <toml.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>

namespace holdwater::proxy {
namespace {

std::string_view type_name(toml::value_t type) {
  switch (type) {
  case toml::value_t::boolean: return "true or false";
  case toml::value_t::integer: return "a whole number";
  case toml::value_t::floating: return "a number with a fraction";
  case toml::value_t::string: return "text";
  case toml::value_t::array: return "a list";
  case toml::value_t::table: return "a section";
  default: return "a date or time";
  }
}

bool takes(option_kind kind, toml::value_t type) {
  switch (kind) {
  case option_kind::number: return type == toml::value_t::integer;
  case option_kind::bytes: return type == toml::value_t::integer || type == toml::value_t::string;
  case option_kind::yes_no: return type == toml::value_t::boolean;
  case option_kind::seconds: return type == toml::value_t::integer || type == toml::value_t::floating;
  case option_kind::texts: return type == toml::value_t::array;
  default: return type == toml::value_t::string;
  }
}

std::string_view wanted(option_kind kind) {
  switch (kind) {
  case option_kind::number: return "a whole number";
  case option_kind::bytes: return "a number of bytes, such as 1048576 or \"1MiB\"";
  case option_kind::yes_no: return "true or false";
  case option_kind::seconds: return "a number of seconds";
  case option_kind::texts: return "a list of texts in quotes";
  default: return "text in quotes";
  }
}

std::string as_text(const toml::value& value) {
  if (value.is_boolean()) return value.as_boolean() ? "true" : "false";
  if (value.is_integer()) return fmt::format("{}", value.as_integer());
  if (value.is_floating()) return fmt::format("{}", value.as_floating());
  if (!value.is_array()) return value.as_string().str;
  std::string out;
  for (const auto& one : value.as_array()) out.append(one.as_string().str).push_back('\0');
  return out;
}

// toml11 keeps tables in hash order; messages and settings come in the order of the file.
std::vector<const toml::table::value_type*> in_file_order(const toml::table& table) {
  std::vector<const toml::table::value_type*> out;
  for (const auto& entry : table) out.push_back(&entry);
  std::ranges::stable_sort(out, {}, [](const auto* entry) {
    const auto at = entry->second.location();
    return std::tuple(at.line(), at.column(), entry->first);
  });
  return out;
}

bool is_service_name(std::string_view name) {
  constexpr std::size_t longest = 32;
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  return !name.empty() && name.size() <= longest && is_letter(name.front()) &&
         name != "askers" && // a file in a service's folder
         std::ranges::all_of(
             name, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-'; });
}

class file_reader {
 public:
  explicit file_reader(std::string path) : path_(std::move(path)) {}

  source read() {
    std::ifstream in(path_, std::ios::binary);
    if (!in.is_open())
      return fail(fmt::format("{}: cannot be opened: {}", path_, std::generic_category().message(errno)));
    if (const auto root = parse(in)) take_top(root->as_table());
    return std::move(out_);
  }

 private:
  std::string path_;
  source out_;
  source* into_ = &out_; // or a service's own
  bool in_service_ = false;

  source fail(std::string message) {
    out_.errors.push_back(std::move(message));
    return std::move(out_);
  }

  std::string at(const toml::value& value) const {
    return fmt::format("{}:{}", path_, value.location().line());
  }

  void wrong(const toml::value& value, std::string_view what) {
    out_.errors.push_back(fmt::format("{}: {}", at(value), what));
  }

  // toml11 reports by exception; it ends here. Given bytes that are not UTF-8 its version 3.7 reads past the
  // end.
  std::optional<toml::value> parse(std::ifstream& in) {
    try {
      const std::string text(std::istreambuf_iterator<char>(in), {});
      const auto bad = find_bad_utf8(text);
      if (bad == text.npos) {
        std::istringstream sound(text);
        return toml::parse(sound, path_);
      }
      const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(bad), '\n');
      out_.errors.push_back(fmt::format("{}:{}: this is not UTF-8", path_, line));
    } catch (const toml::exception& e) {
      out_.errors.push_back(
          fmt::format("{}:{}: this is not TOML: {}", path_, e.location().line(), first_line(e.what())));
    } catch (const std::exception& e) {
      out_.errors.push_back(fmt::format("{}: cannot be read: {}", path_, first_line(e.what())));
    }
    return std::nullopt;
  }

  // The library's message without its prefix and its drawing of the line.
  static std::string first_line(std::string_view text) {
    text = text.substr(0, text.find('\n'));
    if (text.starts_with("[error] ")) text.remove_prefix(8);
    if (text.starts_with("toml::")) {
      const auto colon = text.find(": ");
      if (colon != text.npos) text.remove_prefix(colon + 2);
    }
    return text.empty() ? "a value is not written as TOML wants it (is text without quotes?)"
                        : std::string(text);
  }

  void take_top(const toml::table& root) {
    for (const auto* entry : in_file_order(root)) {
      const auto& [key, value] = *entry;
      if (key == "account") {
        take_accounts(value);
      } else if (key == "rule") {
        for (auto& one : read_rules(value, path_, out_.errors)) into_->rules.push_back(std::move(one));
      } else if (key == "service" && !in_service_) {
        take_services(value);
      } else if (key == "name" && in_service_) {
        continue; // is known already
      } else if (value.is_table() && !find_option(key)) {
        take_section(key, value);
      } else {
        take_option(key, value);
      }
    }
  }

  void take_services(const toml::value& value) {
    const auto refuse = [this](const toml::value& where) {
      wrong(where, "service: write each service as a section of its own, [[service]]");
    };
    if (!value.is_array()) return refuse(value);
    for (const auto& entry : value.as_array()) {
      if (entry.is_table())
        take_service(entry);
      else
        refuse(entry);
    }
  }

  void take_service(const toml::value& entry) {
    const auto& table = entry.as_table();
    const auto where = fmt::format("{}: [[service]]", at(entry));
    const auto named = table.find("name");
    const auto name = named == table.end()        ? std::string()
                      : named->second.is_string() ? named->second.as_string().str
                                                  : std::string("?");
    service_source found{.name = name, .own = {}, .where = name.empty() ? where : where + " " + name};
    const auto before = out_.errors.size();
    if (name.empty())
      out_.errors.push_back(where + ": name is missing");
    else if (!is_service_name(name))
      wrong(named->second, "service.name: expected a small letter, then small letters, digits, _ and -, 32 "
                           "at most, and not \"askers\"");
    else if (std::ranges::any_of(out_.services, [&](const auto& one) { return one.name == name; }))
      wrong(named->second, fmt::format("service.name: there is a service {} already", name));
    const bool has_name = out_.errors.size() == before;
    into_ = &found.own;
    in_service_ = true;
    take_top(table);
    in_service_ = false;
    into_ = &out_;
    if (has_name) out_.services.push_back(std::move(found));
  }

  void take_section(const std::string& name, const toml::value& section) {
    const bool known = std::ranges::any_of(
        option_table(), [&](const option_row& row) { return row.name.starts_with(name + "."); });
    if (!known)
      return wrong(section, fmt::format("unknown section [{}]{}", name, did_you_mean(name, section_names())));
    for (const auto* entry : in_file_order(section.as_table()))
      take_option(name + "." + entry->first, entry->second);
  }

  void take_option(const std::string& name, const toml::value& value) {
    const auto* row = find_option(name);
    if (!row)
      return wrong(value, fmt::format("unknown option {}{}", name, did_you_mean(name, option_names())));
    if (in_service_ && row->scope == option_scope::process)
      return wrong(value, fmt::format("{}: is the whole process's: give it outside of [[service]]", name));
    if (!takes(row->kind, value.type()))
      return wrong(
          value, fmt::format("{}: expected {}, found {}", name, wanted(row->kind), type_name(value.type())));
    if (value.is_array())
      for (const auto& one : value.as_array())
        if (!one.is_string())
          return wrong(one,
                       fmt::format("{}: expected text in quotes, found {}", name, type_name(one.type())));
    into_->settings.push_back({row, as_text(value), fmt::format("{}: {}", at(value), name)});
  }

  void take_accounts(const toml::value& value) {
    if (!value.is_array())
      return wrong(value, "account: write each account as a section of its own, [[account]]");
    for (const auto& entry : value.as_array()) {
      if (!entry.is_table()) {
        wrong(entry, "account: write each account as a section of its own, [[account]]");
      } else {
        take_account(entry);
      }
    }
  }

  void take_account(const toml::value& entry) {
    account_setting found{
        .values = {}, .password_file = {}, .where = fmt::format("{}: [[account]]", at(entry))};
    const auto before = out_.errors.size();
    for (const auto* field : in_file_order(entry.as_table()))
      take_account_field(found, field->first, field->second);
    if (out_.errors.size() != before) return;
    if (found.values.user.empty()) return out_.errors.push_back(found.where + ": user is missing");
    if (std::ranges::any_of(into_->accounts,
                            [&](const auto& a) { return a.values.user == found.values.user; }))
      return out_.errors.push_back(
          fmt::format("{}: user \"{}\" is there twice", found.where, found.values.user));
    into_->accounts.push_back(std::move(found));
  }

  void take_account_field(account_setting& into, const std::string& key, const toml::value& value) {
    const std::vector<std::string> keys{"user", "password", "password_file", "plugin"};
    std::string* const places[] = {&into.values.user, &into.values.password, &into.password_file,
                                   &into.values.plugin};
    const auto known = std::ranges::find(keys, key);
    if (known == keys.end())
      return wrong(value, fmt::format("unknown option account.{}{}", key, did_you_mean(key, keys)));
    if (!value.is_string())
      return wrong(
          value, fmt::format("account.{}: expected text in quotes, found {}", key, type_name(value.type())));
    const auto kind = key == "plugin" ? option_kind::auth_plugin : option_kind::text;
    const auto problem = parse_option(kind, {}, value.as_string().str, places[known - keys.begin()]);
    if (!problem.empty()) wrong(value, fmt::format("account.{}: {}", key, problem));
  }

  static std::vector<std::string> option_names() {
    std::vector<std::string> out;
    for (const auto& row : option_table()) out.emplace_back(row.name);
    return out;
  }

  static std::vector<std::string> section_names() {
    std::vector<std::string> out{"account", "rule", "service"};
    for (const auto& row : option_table())
      if (const auto dot = row.name.find('.'); dot != row.name.npos)
        out.emplace_back(row.name.substr(0, dot));
    return out;
  }
};

} // namespace

source read_file(const std::string& path) {
  return file_reader(path).read();
}

} // namespace holdwater::proxy
