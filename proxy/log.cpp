#include "proxy/log.hpp"

#include <fmt/format.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace holdwater::proxy {
namespace {

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

// The message as one line; spdlog's own %v would let a newline through.
class message_flag final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const auto line = one_line({message.payload.data(), message.payload.size()});
    out.append(line.data(), line.data() + line.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return spdlog::details::make_unique<message_flag>();
  }
};

std::shared_ptr<spdlog::logger> make_logger() {
  auto format = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  format->add_flag<message_flag>('*').set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %-7l %*");
  auto logger =
      std::make_shared<spdlog::logger>("holdwater", std::make_shared<spdlog::sinks::stdout_sink_mt>());
  logger->set_formatter(std::move(format));
  return logger;
}

} // namespace

void set_up_log(std::string_view level) {
  static const auto logger = make_logger();
  logger->set_level(spdlog::level::from_str(std::string(level)));
  spdlog::set_default_logger(logger);
}

std::string one_line(std::string_view message) {
  std::string out;
  out.reserve(message.size());
  for (const char c : message) {
    if (is_control(c)) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out;
}

} // namespace holdwater::proxy
