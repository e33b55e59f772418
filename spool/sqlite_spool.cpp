#include "spool/sqlite_spool.hpp"

#include "spool/import_job.hpp"
#include "spool/packed_unit.hpp"
#include "spool/spool_file.hpp"
#include "spool/unit_codec.hpp"

namespace holdwater::spool {
namespace {

std::chrono::microseconds system_now() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::system_clock::now().time_since_epoch());
}

} // namespace

sqlite_spool::sqlite_spool(store file, const sqlite_spool_options& options)
    : options_(options), limits_{options.max_bytes, options.max_age, options.retention,
                                 options.retention_bytes},
      writer_(std::move(file), options) {
  if (!options_.now) options_.now = system_now;
}

result<void> sqlite_spool::load() {
  auto& file = writer_.file();
  id_ = file.id();
  auto done = file.each_open([this](const store::stored_row& row) {
    if (row.state == unit_state::dead)
      index_.add_dead(row.number, row.bytes);
    else
      index_.add_pending(row.number, row.bytes, row.accepted_at, row.tables);
  });
  if (!done) return done;
  last_ = file.last();
  dropped_ = file.dropped();
  if (auto started = clock_.start(file, options_); !started) return started;
  auto backup = file.fact(backup_fact, restored_);
  if (!backup) return backup.error();
  writer_.start();
  seal_on();
  return {};
}

// The number moves together with the unit: between the two, all up to it would look settled.
void sqlite_spool::publish_pending(const store::stored_row& row) {
  index_.add_pending(row.number, row.bytes, row.accepted_at, row.tables);
  last_ = row.number;
}

result<void> sqlite_spool::write(std::function<result<void>(store&)> work,
                                 std::function<void(store&)> after) {
  auto promise = std::make_shared<std::promise<result<void>>>();
  auto answer = promise->get_future();
  const bool queued =
      writer_.queue().push(write_job{std::move(work), std::move(after), [promise](const auto& why) {
                                       promise->set_value(why ? result<void>(*why) : result<void>());
                                     }});
  return queued ? answer.get() : result<void>(closed());
}

void sqlite_spool::set_limits(const spool_limits& fresh) {
  const std::lock_guard lock(mutex_);
  limits_ = fresh;
}

spool_limits sqlite_spool::limits() const {
  const std::lock_guard lock(mutex_);
  return limits_;
}

bool sqlite_spool::is_restored() const {
  const std::lock_guard lock(mutex_);
  return restored_;
}

failure sqlite_spool::unconfirmed() {
  return {errc::unconfirmed,
          "the queue was restored from a backup, and takes writes when the server's ledger was read"};
}

std::optional<failure> sqlite_spool::no_room_for(std::uint64_t bytes) const {
  if (is_restored()) return unconfirmed();
  const auto queued = writer_.queue().bytes();
  if (bytes > most_unit_bytes) return failure{errc::full, "the unit is larger than the spool can hold"};
  if (queued != 0 && queued + bytes > options_.queue_bytes)
    return failure{errc::full, "too many bytes wait for the disk"};
  const auto now = counts();
  const auto most = limits();
  if (now.bytes + queued + bytes > most.max_bytes)
    return failure{errc::full, "the spool is full: it has reached its limit of " +
                                   std::to_string(most.max_bytes) + " bytes"};
  if (most.max_age.count() > 0 && now.oldest_pending && system_now() - *now.oldest_pending > most.max_age)
    return failure{errc::full, "the spool takes no more: its oldest write has waited longer than " +
                                   std::to_string(most.max_age.count()) + " s"};
  return std::nullopt;
}

write_job sqlite_spool::append_job(const unit& what, packed_unit packed, appended done) {
  auto number = std::make_shared<seq>(0);
  auto kept = std::make_shared<packed_unit>(std::move(packed));
  const auto store_it = [number, kept](store& file) -> result<void> {
    auto given = file.insert(*kept);
    if (!given) return given.error();
    *number = *given;
    return {};
  };
  const auto show_it = [this, number, kept, tables = tables_of(what)](store&) {
    publish([&](auto&) {
      publish_pending({*number, unit_state::pending, kept->bytes, kept->accepted_at, tables});
    });
  };
  const auto tell = [number, done = std::move(done)](const std::optional<failure>& why) {
    done(why ? result<seq>(*why) : result<seq>(*number));
  };
  return {store_it, show_it, tell, kept->bytes, true};
}

void sqlite_spool::append(unit what, appended done) {
  if (!push_bounded(append_job(what, pack(what, options_.compress), done))) done(closed());
}

void sqlite_spool::import(std::string source, std::vector<imported_unit> units,
                          std::function<void(result<import_outcome>)> done) {
  std::vector<packed_import> all;
  all.reserve(units.size());
  for (const auto& [position, one] : units)
    all.push_back({position, pack(one, options_.compress), tables_of(one)});
  const auto show = [this](const std::vector<store::stored_row>& taken) {
    for (const auto& row : taken) publish([&](auto&) { publish_pending(row); });
  };
  if (!push_bounded(import_job(source, std::move(all), show, done))) done(closed());
}

// Where there is no room for it, it is refused in its turn, and costs nothing while it waits.
bool sqlite_spool::push_bounded(write_job job) {
  if (auto why = no_room_for(job.bytes))
    job = write_job{[why = *why](store&) -> result<void> { return why; }, {}, job.done, 0, true};
  return writer_.queue().push(std::move(job));
}

result<std::vector<unit>> sqlite_spool::read_pending(seq after, std::size_t max_units,
                                                     std::size_t max_bytes) {
  return start_reading_pending(after, max_units, max_bytes).get();
}

std::future<result<std::vector<unit>>> sqlite_spool::start_reading_pending(seq after, std::size_t max_units,
                                                                           std::size_t max_bytes) {
  return start_reading<std::vector<unit>>(
      [=](store& file) { return file.read(unit_state::pending, after, max_units, max_bytes); });
}

result<std::vector<unit>> sqlite_spool::read_applied(seq after, std::size_t max_units,
                                                     std::size_t max_bytes) {
  return read<std::vector<unit>>(
      [=](store& file) { return file.read(unit_state::applied, after, max_units, max_bytes); });
}

result<bool> sqlite_spool::compact_once() {
  auto more = std::make_shared<bool>(false);
  const auto most = limits();
  auto done = write(
      [=, this](store& file) -> result<void> {
        auto dropped = file.drop_settled(clock_.now() - most.retention, most.retention_bytes);
        if (!dropped) return dropped.error();
        *more = *dropped;
        return {};
      },
      [this](store& file) { publish([&](auto&) { dropped_ = file.dropped(); }); });
  if (!done) return done.error();
  return *more;
}

result<void> sqlite_spool::compact() {
  while (true) {
    auto more = compact_once();
    if (!more) return more.error();
    if (!*more) break;
  }
  seal_on();
  return {};
}

// One step after the other, with others' work between them. compact() begins it anew after a failure.
void sqlite_spool::seal_on() {
  auto more = std::make_shared<bool>(false);
  const auto work = [more](store& file) -> result<void> {
    auto done = file.seal_some();
    if (!done) return done.error();
    *more = *done;
    return {};
  };
  const auto go_on = [this, more](const std::optional<failure>& why) {
    if (!why && *more) seal_on();
  };
  static_cast<void>(writer_.queue().push(write_job{work, {}, go_on})); // false: we are closing
}

result<void> sqlite_spool::set_keys(key_ring_ptr fresh) {
  auto done = write([fresh](store& file) { return file.take_keys(fresh); });
  if (done) seal_on();
  return done;
}

result<void> sqlite_spool::check_keys(const key_ring_ptr& fresh) {
  return read<void>([fresh](store& file) { return file.check_keys(fresh); });
}

result<void> sqlite_spool::ledger_agrees() {
  if (!is_restored()) return {};
  return write([](store& file) { return file.forget_fact(backup_fact); },
               [this](store&) { publish([this](auto&) { restored_ = false; }); });
}

spool_counts sqlite_spool::counts() const {
  const std::lock_guard lock(mutex_);
  const auto& first = index_.front();
  return {.pending = index_.pending(),
          .dead = index_.dead(),
          .bytes = index_.bytes(),
          .last = last_,
          .applied = first ? first->number - 1 : last_,
          .dropped = dropped_,
          .oldest_pending = first ? std::optional(first->accepted_at) : std::nullopt};
}

bool sqlite_spool::pending_on(const std::vector<table_name>& tables) const {
  const std::lock_guard lock(mutex_);
  return index_.writes_any(tables);
}

std::optional<failure> sqlite_spool::trouble() const {
  if (auto why = writer_.trouble()) return why;
  return no_room_for(unit_overhead);
}

result<std::optional<std::string>> sqlite_spool::fact(std::string_view key) {
  using found_fact = std::optional<std::string>;
  return read<found_fact>([name = std::string(key)](store& file) -> result<found_fact> {
    bool found = false;
    auto value = file.fact(name, found);
    if (!value) return value.error();
    return found ? found_fact(*value) : std::nullopt;
  });
}

result<void> sqlite_spool::set_fact(std::string_view key, std::string_view value) {
  return write([name = std::string(key), text = std::string(value)](store& file) {
    return file.set_fact(name, text);
  });
}

result<std::unique_ptr<spool>> open_sqlite_spool(const sqlite_spool_options& options) {
  auto file = store::open(options);
  if (!file) return file.error();
  auto opened = std::make_unique<sqlite_spool>(std::move(*file), options);
  if (auto done = opened->load(); !done) return while_doing("opening " + options.path, done.error());
  return std::unique_ptr<spool>(std::move(opened));
}

} // namespace holdwater::spool
