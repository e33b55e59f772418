// The file that remembers what the tables are, so that a proxy that is started in an outage knows them.
#include "proxy/own_writes/own_writes.hpp"

#include "proxy/durable_file.hpp"

#include <boost/json.hpp>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <fstream>
#include <sstream>

namespace holdwater::proxy {
namespace {

namespace json = boost::json;

constexpr int layout = 1; // of the file

std::int64_t seconds_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

json::array to_json(const column_type& c) {
  return {c.name,          static_cast<int>(c.what),
          c.wire_type,     c.bytes,
          c.is_unsigned,   c.digits,
          c.scale,         c.longest,
          c.most_bytes,    c.padded,
          c.character_set, c.nullable,
          c.makes_id,      c.follows_now,
          c.takes_now,     static_cast<int>(c.without),
          c.constant};
}

std::string text_at(const json::array& from, std::size_t at) {
  return json::value_to<std::string>(from.at(at));
}

column_type column_from(const json::array& from) {
  column_type c;
  c.name = text_at(from, 0);
  c.what = static_cast<column_type::family>(from.at(1).to_number<int>());
  c.wire_type = from.at(2).to_number<std::uint8_t>();
  c.bytes = from.at(3).to_number<std::uint8_t>();
  c.is_unsigned = from.at(4).as_bool();
  c.digits = from.at(5).to_number<unsigned>();
  c.scale = from.at(6).to_number<unsigned>();
  c.longest = from.at(7).to_number<std::uint64_t>();
  c.most_bytes = from.at(8).to_number<std::uint64_t>();
  c.padded = from.at(9).as_bool();
  c.character_set = text_at(from, 10);
  c.nullable = from.at(11).as_bool();
  c.makes_id = from.at(12).as_bool();
  c.follows_now = from.at(13).as_bool();
  c.takes_now = from.at(14).as_bool();
  c.without = static_cast<column_type::otherwise>(from.at(15).to_number<int>());
  c.constant = text_at(from, 16);
  return c;
}

json::object to_json(const table_type& one) {
  json::array columns, key;
  for (const auto& each : one.columns) columns.push_back(to_json(each));
  for (const auto each : one.key) key.emplace_back(each);
  return {{"schema", one.name.schema},
          {"table", one.name.table},
          {"version", one.version},
          {"columns", std::move(columns)},
          {"key", std::move(key)}};
}

table_type table_from(const json::object& from) {
  table_type one;
  one.name = {json::value_to<std::string>(from.at("schema")), json::value_to<std::string>(from.at("table"))};
  one.version = from.at("version").to_number<std::uint64_t>();
  for (const auto& each : from.at("columns").as_array()) one.columns.push_back(column_from(each.as_array()));
  for (const auto& each : from.at("key").as_array()) {
    one.key.push_back(each.to_number<std::size_t>());
    static_cast<void>(one.columns.at(one.key.back()));
  }
  return one;
}

} // namespace

void own_writes::remember() {
  json::array tables;
  for (const auto& one : read_) tables.push_back(to_json(one));
  json::object all{{"layout", layout}, {"queue", queue_.id()}, {"tables", std::move(tables)}};
  auto content = json::serialize(all);
  // Only its age has changed: that is written ten times within max_age.
  const auto now = clock::now();
  if (content == remembered_ && now < remember_again_) return;
  all["read_at"] = seconds_now();
  if (const auto problem = write_durably(options_.path, json::serialize(all)); !problem.empty())
    return spdlog::warn("{} cannot be written: {}", options_.path, problem);
  remembered_ = std::move(content);
  remember_again_ = now + options_.max_age / 10;
}

// What it says may be so no more.
void own_writes::forget(lock& held) {
  held.unlock();
  if (std::remove(options_.path.c_str()) != 0 && errno != ENOENT)
    spdlog::warn("{} cannot be removed", options_.path);
  remembered_.clear();
  held.lock();
}

// What is unreadable, of another queue, or too old, is as if it were not there.
void own_writes::recall() {
  std::ifstream file(options_.path);
  if (!file) return;
  std::ostringstream content;
  content << file.rdbuf();
  try {
    const auto all = json::parse(content.str()).as_object();
    if (all.at("layout").to_number<int>() != layout ||
        json::value_to<std::string>(all.at("queue")) != queue_.id())
      return;
    std::vector<table_type> tables;
    for (const auto& one : all.at("tables").as_array()) tables.push_back(table_from(one.as_object()));
    const auto age = seconds_now() - all.at("read_at").to_number<std::int64_t>();
    set_types(std::move(tables), age >= 0 && age <= options_.max_age.count());
  } catch (const std::exception& problem) {
    spdlog::warn("{} is unreadable, and is made anew: {}", options_.path, problem.what());
  }
}

} // namespace holdwater::proxy
