#include "proxy/cache/redis_store.hpp"

#include "protocol/stored_answer.hpp"
#include "proxy/cache/key_digest.hpp"
#include "proxy/cache/shared_entry.hpp"
#include "spool/boot_clock.hpp"
#include "spool/sealed_value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace holdwater::proxy {

using namespace std::chrono_literals;
using std::chrono::microseconds;
using std::chrono::milliseconds;

namespace {

constexpr std::string_view version = "1:";
constexpr std::size_t most_at_once = 64; // entries of a run of the script
constexpr auto grave_life = 10min;       // for how long nothing older may come under a forgotten key
constexpr auto most_ahead = 1s;          // of a moment, by a clock that was set a little
constexpr std::size_t slack = 4096;      // a stored answer may be so much larger than the one that came
constexpr std::size_t longest_reason = 120;

// KEYS: the generation, then the entries. ARGV: the generation that they are of, now, then each value with
// its life. Writes those whose place holds nothing younger; -1: the generation is another.
std::string write_script() {
  const auto moment = fmt::format("{}, {}", entry_moment_at + 1, entry_moment_at + entry_moment_size);
  return fmt::format(R"(
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
local written = 0
for at = 2, #KEYS do
  local value = ARGV[2 * at - 1]
  local there = redis.pcall('GETRANGE', KEYS[at], 0, {0})
  local younger = type(there) == 'string' and string.sub(there, 1, {1}) == string.sub(value, 1, {1})
    and string.sub(there, {2}) > string.sub(value, {2}) and string.sub(there, {2}) <= ARGV[2]
  if not younger then
    redis.call('SET', KEYS[at], value, 'PX', ARGV[2 * at])
    written = written + 1
  end
end
return written)",
                     entry_moment_at + entry_moment_size - 1, entry_mark_size, moment);
}

std::string hex_of(std::string_view bytes) {
  std::string out;
  for (const unsigned char byte : bytes) out += fmt::format("{:02x}", byte);
  return out;
}

// Of the reply to TIME: seconds, and microseconds behind them.
std::optional<microseconds> time_in(const redis_reply& said) {
  if (said.items.size() != 2) return std::nullopt;
  std::int64_t parts[2];
  for (std::size_t at = 0; at < 2; ++at) {
    const auto& text = said.items[at].text;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parts[at]);
    if (error != std::errc{} || end != text.data() + text.size() || parts[at] < 0) return std::nullopt;
  }
  constexpr std::int64_t last_second = 1'000'000'000'000;
  if (parts[0] > last_second || parts[1] >= 1'000'000) return std::nullopt;
  return std::chrono::seconds(parts[0]) + microseconds(parts[1]);
}

std::string printable(std::string_view text) {
  std::string out(text.substr(0, longest_reason));
  std::ranges::replace_if(
      out, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return out;
}

bool is_stored_answer(std::string_view bytes) {
  const auto span = protocol::as_bytes(bytes);
  return protocol::read_stored_result(span) || protocol::read_stored_prepared(span);
}

redis_store::outcome refused(std::string why) {
  return {redis_store::outcome::kind::refused, std::move(why)};
}

} // namespace

redis_store::redis_store(redis_settings settings)
    : settings_(std::move(settings)),
      root_(settings_.prefix + std::string(version) + settings_.identity + ":"),
      generation_name_(root_ + "generation") {}

std::string redis_store::name_of(std::string_view key) const {
  return root_ + hex_of(digest_of(key));
}

std::size_t redis_store::largest_value() const {
  return settings_.largest + slack + entry_head_size + spool::sealing_overhead;
}

redis_store::outcome redis_store::open(int stop) {
  auto problem = link_.open(settings_.place, {settings_.timeout, 2 * largest_value(), stop});
  if (problem.empty()) return {};
  return {outcome::kind::lost, printable(problem)};
}

void redis_store::hurry(milliseconds timeout) {
  link_.set_limits({std::min(timeout, settings_.timeout), 2 * largest_value(), -1});
}

redis_store::outcome redis_store::exchange(std::vector<redis_reply>& replies, redis_link::patience how) {
  auto problem = link_.exchange(replies, how);
  if (!problem.empty()) return {outcome::kind::lost, printable(problem)};
  return {};
}

redis_store::outcome redis_store::learn(bool& cleared) {
  cleared = false;
  moments now{};
  link_.append({"TIME"});
  link_.append({"GET", generation_name_});
  now.sent = spool::since_boot();
  std::vector<redis_reply> replies;
  if (auto done = exchange(replies, redis_link::patience::whole); !done.well()) return done;
  now.received = spool::since_boot();
  const auto time = time_in(replies[0]);
  if (!time) return refused("it does not tell the time: " + printable(replies[0].text));
  now.redis = *time;
  if (replies[1].is == redis_reply::kind::text && is_generation(replies[1].text))
    return take_generation(replies[1], now, cleared);
  // There is none, or something else lies there.
  const auto fresh = make_generation(generation_cause::none_there);
  if (replies[1].is == redis_reply::kind::nothing)
    link_.append({"SET", generation_name_, fresh, "NX"});
  else
    link_.append({"SET", generation_name_, fresh});
  link_.append({"GET", generation_name_});
  if (auto done = exchange(replies, redis_link::patience::whole); !done.well()) return done;
  now.received = spool::since_boot();
  if (replies[0].is == redis_reply::kind::error) return refused(printable(replies[0].text));
  return take_generation(replies[1], now, cleared);
}

// `now.received` is after it was there; `now.redis` was not later than that.
redis_store::outcome redis_store::take_generation(const redis_reply& said, moments now, bool& cleared) {
  if (said.is != redis_reply::kind::text || !is_generation(said.text))
    return refused("what it says of the generation is not understood: " + printable(said.text));
  clock_ = now;
  if (said.text == generation_) return {};
  cleared = !generation_.empty() && said.text.front() == static_cast<char>(generation_cause::cleared);
  generation_ = said.text;
  generation_at_ = now.received;
  return {};
}

redis_store::outcome redis_store::clear() {
  const auto fresh = make_generation(generation_cause::cleared);
  if (fresh.empty()) return refused("there is no chance to be had");
  link_.append({"DEL", generation_name_}); // which a Redis that is full takes too
  link_.append({"SET", generation_name_, fresh});
  std::vector<redis_reply> replies;
  if (auto done = exchange(replies, redis_link::patience::whole); !done.well()) return done;
  if (replies[1].is == redis_reply::kind::error) return refused(printable(replies[1].text));
  generation_ = fresh;
  generation_at_ = spool::since_boot();
  return {};
}

// As if Redis had told its time at the last moment, so that the answer looks older rather than younger.
redis_store::value redis_store::to_value(std::string_view key, std::string_view answer, cache_moment at,
                                         microseconds life) const {
  auto name = name_of(key);
  const auto age = spool::since_boot() - at;
  const shared_entry one{generation_, at + (clock_.redis - clock_.received), spool::since_epoch() - age,
                         std::string(answer)};
  auto bytes = write_shared(one, name, keys_);
  return {std::move(name), std::move(bytes), std::chrono::duration_cast<milliseconds>(life - age)};
}

redis_store::outcome redis_store::put(std::span<const memory_tier::unsaved> all, written& done) {
  std::vector<value> values;
  for (const auto& one : all) {
    if (one.at < generation_at_) continue; // it may be of before a clear
    auto made = to_value(one.key, one.answer, one.at, settings_.max_stale);
    if (made.life.count() > 0) values.push_back(std::move(made));
  }
  return write(values, done);
}

redis_store::outcome redis_store::bury(std::span<const forgotten> all, written& done) {
  std::vector<value> values;
  for (const auto& one : all) {
    auto made = to_value(one.key, {}, one.at, grave_life);
    made.life = grave_life;
    values.push_back(std::move(made));
  }
  auto ended = write(values, done);
  if (ended.is != outcome::kind::refused) return ended;
  for (const auto& one : values) link_.append({"DEL", one.key}); // which a Redis that is full takes too
  std::vector<redis_reply> replies;
  if (auto deleted = exchange(replies, redis_link::patience::whole); !deleted.well()) return deleted;
  const bool went = std::ranges::none_of(
      replies, [](const redis_reply& one) { return one.is == redis_reply::kind::error; });
  return went ? outcome() : ended;
}

redis_store::outcome redis_store::write(std::span<const value> all, written& done) {
  static const auto script = write_script();
  const auto now = print_moment(clock_.redis + (spool::since_boot() - clock_.sent));
  std::vector<std::string> numbers;
  numbers.reserve(all.size() + all.size() / most_at_once + 1);
  for (auto rest = all; !rest.empty();) {
    const auto some = rest.first(std::min(rest.size(), most_at_once));
    rest = rest.subspan(some.size());
    std::vector<std::string_view> words{
        "EVAL", script, numbers.emplace_back(fmt::format("{}", some.size() + 1)), generation_name_};
    for (const auto& one : some) words.push_back(one.key);
    words.insert(words.end(), {generation_, now});
    for (const auto& one : some)
      words.insert(words.end(), {one.bytes, numbers.emplace_back(fmt::format("{}", one.life.count()))});
    link_.append(words);
  }
  std::vector<redis_reply> replies;
  if (auto ended = exchange(replies, redis_link::patience::silence); !ended.well()) return ended;
  for (const auto& one : replies) {
    if (one.is == redis_reply::kind::error) return refused(printable(one.text));
    done.stale = done.stale || one.number < 0;
    done.entries += static_cast<std::uint64_t>(std::max<std::int64_t>(one.number, 0));
  }
  return {};
}

redis_store::outcome redis_store::get(const std::vector<std::string>& keys, gathered& all) {
  all.answers.resize(keys.size());
  const auto end = fmt::format("{}", largest_value()); // one byte more than a value may have
  std::vector<std::string> names;
  link_.append({"TIME"});
  link_.append({"GET", generation_name_});
  for (const auto& key : keys) link_.append({"GETRANGE", names.emplace_back(name_of(key)), "0", end});
  moments now{spool::since_boot(), {}, {}};
  std::vector<redis_reply> replies;
  if (auto done = exchange(replies, redis_link::patience::whole); !done.well()) return done;
  const auto time = time_in(replies[0]);
  if (!time) return refused("it does not tell the time: " + printable(replies[0].text));
  now.redis = *time;
  const auto generation = replies[1].text;
  all.stale = generation != generation_;
  if (!is_generation(generation)) return {};
  for (std::size_t at = 0; at < keys.size(); ++at) {
    const auto& reply = replies[at + 2];
    if (reply.is == redis_reply::kind::error && !reply.text.starts_with("WRONGTYPE"))
      return refused(printable(reply.text));
    auto one = read(reply, names[at], generation, now);
    if (one) {
      all.answers[at] = std::move(*one);
      continue;
    }
    ++all.bad;
    all.why = one.error().context;
    if (one.error().code == spool::errc::corrupt) all.wrong.push_back(names[at]);
  }
  if (all.wrong.empty()) return {};
  for (const auto& name : all.wrong) link_.append({"DEL", name});
  return exchange(replies, redis_link::patience::whole);
}

spool::result<std::optional<redis_store::found>> redis_store::read(const redis_reply& reply,
                                                                   const std::string& name,
                                                                   const std::string& generation,
                                                                   moments now) const {
  const auto corrupt = [](std::string why) { return spool::failure{spool::errc::corrupt, std::move(why)}; };
  if (reply.is != redis_reply::kind::text) return corrupt("a value is none");
  if (reply.text.empty()) return std::nullopt;
  if (reply.text.size() > largest_value()) return corrupt("a value is too large");
  auto one = read_shared(reply.text, name, keys_);
  if (!one) return one.error();
  if (one->generation != generation || one->answer.empty()) return std::nullopt;
  if (one->at > now.redis + most_ahead) return corrupt("a value is from the future");
  if (!is_stored_answer(one->answer)) return corrupt("a value is no answer");
  const auto age = std::max({now.redis - one->at, spool::since_epoch() - one->wall_at, microseconds(0)});
  if (age > settings_.max_stale) return std::nullopt;
  return found{std::move(one->answer), now.sent - age};
}

} // namespace holdwater::proxy
