#include "admin/json_text.hpp"

#include <boost/json.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cmath>

namespace holdwater::admin {
namespace {

namespace json = boost::json;

class writer {
 public:
  std::string out;

  void write(const json::value& value) {
    if (const auto* object = value.if_object()) {
      list('{', *object, '}', [this](const json::key_value_pair& field) {
        out += json::serialize(field.key()) + ": ";
        write(field.value());
      });
    } else if (const auto* array = value.if_array()) {
      list('[', *array, ']', [this](const json::value& item) { write(item); });
    } else if (const auto* number = value.if_double()) {
      out += std::isfinite(*number) ? fmt::format("{}", *number) : "null";
    } else {
      out += json::serialize(value);
    }
  }

 private:
  std::size_t depth_ = 0;

  template <class Items, class Write>
  void list(char open, const Items& items, char close, Write write_item) {
    out += open;
    ++depth_;
    const char* before = "";
    for (const auto& item : items) {
      out += std::exchange(before, ",");
      new_line();
      write_item(item);
    }
    --depth_;
    if (!items.empty()) new_line();
    out += close;
  }

  void new_line() { out.append("\n").append(2 * depth_, ' '); }
};

} // namespace

std::string pretty(const boost::json::value& value) {
  writer to;
  to.write(value);
  return std::move(to.out) + "\n";
}

std::string iso8601(std::chrono::system_clock::time_point when) {
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(when);
  const auto s = std::chrono::floor<std::chrono::seconds>(when);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(s)),
                     (ms - s).count());
}

} // namespace holdwater::admin
