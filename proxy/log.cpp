#include "proxy/log.hpp"

#include "protocol/sql/analysis.hpp"
#include "protocol/sql/shape.hpp"
#include "proxy/config/utf8.hpp"
#include "proxy/log_scope.hpp"
#include "spool/mysql_connection.hpp"

#include <fmt/format.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/dist_sink.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>

namespace holdwater::proxy {
namespace {

enum class statement_policy { none, shape, full };
std::atomic<statement_policy> policy{statement_policy::shape};

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

std::string human_message(std::string_view message) {
  const bool has_service = log_name != nullptr && !log_name->empty();
  return has_service ? *log_name + ": " + one_line(message) : one_line(message);
}

std::string json_message(std::string_view message) {
  const bool has_service = log_name != nullptr && !log_name->empty();
  return (has_service ? "\"service\":" + json_text(*log_name) + "," : "") +
         "\"message\":" + json_text(message);
}

// The message as one line, and whose it is; spdlog's own %v would let a newline through.
template <std::string (*Written)(std::string_view)>
class message_flag final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const auto line = Written({message.payload.data(), message.payload.size()});
    out.append(line.data(), line.data() + line.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return spdlog::details::make_unique<message_flag>();
  }
};

std::unique_ptr<spdlog::formatter> formatter_of(bool json) {
  auto made = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  if (json)
    made->add_flag<message_flag<&json_message>>('*').set_pattern(
        R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%*})");
  else
    made->add_flag<message_flag<&human_message>>('*').set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %-7l %*");
  return made;
}

// One for all calls: a sink that is made anew would not know what the old one has buffered.
spdlog::sink_ptr stdout_sink() {
  static const auto one = std::make_shared<spdlog::sinks::stdout_sink_mt>();
  return one;
}

std::vector<spdlog::sink_ptr> sinks_of(const options::log_options& how) {
  std::vector<spdlog::sink_ptr> out;
  if (how.to_stdout) out.push_back(stdout_sink());
  if (how.file.empty()) return out;
  out.push_back(std::make_shared<spdlog::sinks::rotating_file_sink_mt>(
      how.file, how.file_max_bytes, static_cast<std::size_t>(how.file_count) - 1));
  return out;
}

} // namespace

std::string set_up_log(const options::log_options& how) {
  try {
    auto sinks = sinks_of(how);
    for (const auto& one : sinks) one->set_formatter(formatter_of(how.format == "json"));
    // The logger stays, since others may be in the middle of a message.
    static const auto outlets = std::make_shared<spdlog::sinks::dist_sink_mt>();
    static const auto logger = [] {
      auto made = std::make_shared<spdlog::logger>("holdwater", outlets);
      made->flush_on(spdlog::level::trace);
      spdlog::set_default_logger(made);
      return made;
    }();
    outlets->set_sinks(std::move(sinks));
    logger->set_level(spdlog::level::from_str(how.level));
  } catch (const spdlog::spdlog_ex& failure) {
    return fmt::format("the log file cannot be used: {}", failure.what());
  }
  policy = how.statements == "none"   ? statement_policy::none
           : how.statements == "full" ? statement_policy::full
                                      : statement_policy::shape;
  return {};
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

std::string json_text(std::string_view message) {
  std::string out = "\"";
  const bool text = find_bad_utf8(message) == message.npos;
  for (const char c : message) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (is_control(c)) {
      out += fmt::format("\\u{:04x}", byte);
    } else if (!text && byte >= 0x80) {
      out += fmt::format("\\\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string shown_statement(std::string_view text, const protocol::sql::dialect& how) {
  switch (policy.load(std::memory_order_relaxed)) {
  case statement_policy::full: return std::string(text);
  case statement_policy::shape: return protocol::sql::shape_of(text, how);
  default: break;
  }
  protocol::sql::analysis found;
  found.analyze(text, how);
  return std::string(name_of(found.first().kind));
}

std::string shown_error(const server_words& said) {
  if (policy.load(std::memory_order_relaxed) == statement_policy::full) return std::string(said.text);
  return without_values(said);
}

std::string without_values(const server_words& said) {
  constexpr unsigned first_of_signal = 1642, last_of_signal = 1646; // ER_SIGNAL_WARN and what follows
  constexpr std::string_view of_a_program = "45000";
  const bool of_signal = said.number >= first_of_signal && said.number <= last_of_signal;
  const bool usual = spool::is_in_servers_words({said.number, {}, std::string(said.text)});
  if (said.sql_state == of_a_program || of_signal || !usual)
    return "an error that a trigger or a routine has made, in words of its own";
  return protocol::sql::without_quotes(said.text);
}

} // namespace holdwater::proxy
