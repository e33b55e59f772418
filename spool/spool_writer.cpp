#include "spool/spool_writer.hpp"

#include "spool/spool_file.hpp"

namespace holdwater::spool {
namespace {

constexpr std::chrono::milliseconds recovery_interval{1000};
constexpr int checkpoint_pages = 1000; // the WAL's length past which it is folded into the file

// A failure of the job's own, which leaves the disk and the others alone.
bool is_own(const failure& why) {
  return why.code == errc::not_found || why.code == errc::full;
}

void answer_one(write_job& job, const std::optional<failure>& outcome) {
  job.done(outcome);
  job = {};
}

} // namespace

spool_writer::spool_writer(store file, const sqlite_spool_options& options)
    : file_(std::move(file)), reserve_(options.path + ".reserve", options.reserve_bytes),
      path_(options.path) {
  if (auto taken = reserve_.take(); !taken) set_trouble(taken.error());
}

spool_writer::~spool_writer() {
  stop();
}

void spool_writer::start() {
  thread_ = std::thread([this] { run(); });
}

void spool_writer::stop() {
  queue_.close();
  if (thread_.joinable()) thread_.join();
}

std::optional<failure> spool_writer::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

void spool_writer::set_trouble(std::optional<failure> why) {
  const std::lock_guard lock(mutex_);
  trouble_ = std::move(why);
}

void spool_writer::run() {
  for (bool closing = false; !closing;) {
    auto work = queue_.take(trouble() ? std::optional(recovery_interval) : std::nullopt);
    closing = work.closing;
    serve(work);
  }
}

void spool_writer::serve(writer_work& work) {
  if (trouble()) recover();
  if (const auto why = trouble()) refuse_appends(work.writes, *why);
  if (!work.writes.empty()) commit_group(work.writes);
  for (auto& read : work.reads) read(file_);
  if (sound_ && file_.wal_pages() > checkpoint_pages) checkpoint();
}

// The limit is given back before the caller hears of it, who may try again at once.
void spool_writer::refuse_appends(std::vector<write_job>& jobs, const failure& why) {
  std::vector<write_job> others;
  for (auto& job : jobs) {
    if (!job.is_append) {
      others.push_back(std::move(job));
      continue;
    }
    queue_.release(job.bytes);
    answer_one(job, why);
  }
  jobs = std::move(others);
}

void spool_writer::commit_group(std::vector<write_job>& jobs) {
  if (!sound_) return fail_group(jobs, *trouble(), false);
  std::vector<std::optional<failure>> own(jobs.size());
  bool commit_tried = false;
  if (auto done = run_group(jobs, own, commit_tried); !done)
    return fail_group(jobs, done.error(), commit_tried);
  answer(jobs, own);
}

result<void> spool_writer::run_group(std::vector<write_job>& jobs, std::vector<std::optional<failure>>& own,
                                     bool& commit_tried) {
  if (auto done = file_.begin(); !done) return done;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    auto done = jobs[i].work(file_);
    if (done) continue;
    if (!is_own(done.error())) return done;
    own[i] = done.error();
  }
  commit_tried = true;
  return file_.commit();
}

void spool_writer::answer(std::vector<write_job>& jobs, const std::vector<std::optional<failure>>& own) {
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (!own[i] && jobs[i].publish) jobs[i].publish(file_);
    queue_.release(jobs[i].bytes);
  }
  for (std::size_t i = 0; i < jobs.size(); ++i) answer_one(jobs[i], own[i]);
}

void spool_writer::fail_group(std::vector<write_job>& jobs, failure why, bool commit_tried) {
  why = while_doing("writing to " + path_, why);
  if (sound_) {
    sound_ = false;
    set_trouble(why);
    recover();
  }
  if (!sound_ && commit_tried) why.code = errc::in_doubt;
  for (auto& job : jobs) queue_.release(job.bytes);
  for (auto& job : jobs) answer_one(job, why);
}

void spool_writer::checkpoint() {
  auto done = file_.fold_wal();
  if (done) return;
  sound_ = false;
  set_trouble(while_doing("folding the WAL into " + path_, done.error()));
  recover();
}

// Undo first, with the reserve's space when there is none other; appends come back only with the reserve in
// place.
void spool_writer::recover() {
  if (!sound_) {
    if (const auto why = trouble(); why && why->code == errc::disk_full) reserve_.give_back();
    if (auto done = file_.undo_failed_commit(); !done)
      return set_trouble(while_doing("undoing a failed commit in " + path_, done.error()));
    sound_ = true;
  }
  if (auto taken = reserve_.take(); !taken) return set_trouble(taken.error());
  set_trouble(std::nullopt);
}

} // namespace holdwater::spool
