// The person: looks at /health/, mends the ledger, decides about dead letters; and the end of a run, when all
// must drain.
#include "tests/sim/world.hpp"

#include "tests/sim/sql_text.hpp"

#include <boost/json.hpp>

namespace holdwater::sim {
namespace {

namespace json = boost::json;

json::object asked(const std::string& path) {
  const auto body = proxy_process::http("GET", path);
  boost::system::error_code failed;
  auto value = json::parse(body, failed);
  return failed || !value.is_object() ? json::object() : value.as_object();
}

// They are listed behind the text, in a comment.
std::string with_bound_values(std::string text) {
  for (const std::string_view mark : {"/* bound:", "*/"})
    if (const auto at = text.rfind(mark); at != std::string::npos) text.erase(at, mark.size());
  return text;
}

std::string text_at(const json::object& in, const char* section, const char* key) {
  const auto* const part = in.if_contains(section);
  const auto* const value =
      part != nullptr && part->is_object() ? part->as_object().if_contains(key) : nullptr;
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

} // namespace

// As README tells: the row that the server's data stands for.
void world::mend_ledger(const std::string& spool) {
  if (spool.empty() || server_.data.ledger().contains(spool)) return;
  ledger_values row;
  for (const auto& record : server_.data.log())
    if (const auto found = record.ledger.find(spool); found != record.ledger.end()) row = found->second;
  row.epoch = 0;
  machine::the().note("the operator puts the ledger's row back: {}", row.applied);
  server_.data.ledger_table = true;
  server_.data.put_ledger_row(spool, row);
  told_.happened("halted, and mended by a person");
}

// True when everything is applied and the server is up.
bool world::look_after() {
  const auto health = asked("/health/");
  if (health.empty()) return false;
  const auto state = text_at(health, "database", "state");
  if (state == "halted") {
    told_.happened("halted");
    mend_ledger(text_at(health, "spool", "id"));
    proxy_process::http("POST", "/health/reconnect");
    return false;
  }
  const auto* const spool = health.if_contains("spool");
  return state == "up" && spool != nullptr &&
         spool->as_object().at("pending").to_number<std::uint64_t>() == 0;
}

void world::decide_dead(bool at_the_end) {
  const auto listed = asked("/spool/dead?limit=1000");
  const auto* const units = listed.if_contains("units");
  if (units == nullptr) {
    if (at_the_end) machine::the().fail("the dead letters are not listed");
    return;
  }
  for (const auto& each : units->as_array()) {
    const auto& one = each.as_object();
    const auto seq = one.at("seq").to_number<std::uint64_t>();
    std::string tag;
    for (const auto& statement : one.at("statements").as_array())
      if (tag.empty()) tag = tag_in(pieces_of(with_bound_values(std::string(statement.as_string()))));
    if (tag.empty()) machine::the().fail("a dead letter has no known write");
    if (at_the_end) {
      told_.is_dead(tag);
      told_.happened("dead letter");
      continue;
    }
    if (!luck_.chance(1, 4)) continue;
    const bool retries = luck_.chance(1, 2);
    machine::the().note("the operator {} the dead letter {} of {}", retries ? "retries" : "discards", seq,
                        tag);
    if (retries)
      told_.is_retried(tag);
    else
      told_.is_discarded(tag);
    const auto said =
        proxy_process::http("POST", fmt::format("/spool/dead/{}/{}", seq, retries ? "retry" : "discard"));
    told_.happened(retries ? "dead letter retried" : "dead letter discarded");
    return;
  }
}

void world::operate() {
  while (operates_) {
    machine::the().sleep(luck_.between(second, 5 * second));
    look_after();
    if (luck_.chance(1, 3)) decide_dead(false);
    if (luck_.chance(1, 20)) proxy_process::http("POST", "/health/sync?timeout=1");
  }
}

void world::drain() {
  auto& here = machine::the();
  const auto until = here.now() + 600 * second;
  while (!look_after()) {
    if (here.now() > until) {
      here.note("/health/ says: {}", proxy_process::http("GET", "/health/"));
      here.fail("the queue does not drain although everything is mended");
    }
    here.sleep(second);
  }
  decide_dead(true);
}

} // namespace holdwater::sim
