#include "spool/spool_writer.hpp"

#include "spool/spool_file.hpp"

#include <algorithm>
#include <limits>
#include <sys/statvfs.h>

namespace holdwater::spool {
namespace {

constexpr std::chrono::milliseconds recovery_interval{1000};
constexpr int checkpoint_pages = 1000; // the WAL's length past which it is folded into the file
constexpr int longest_kept_wal_pages = 4000;
// ... and when the disk has little room, so that little is needed to fold it.
constexpr int frugal_checkpoint_pages = 64;
constexpr std::uint64_t little_room = 16ULL << 20;
// What must be free beside the reserve, at the least, before appends come back to a disk that was full.
constexpr std::uint64_t least_room_for_appends = 256ULL << 10;

// A failure of the job's own, which leaves the disk and the others alone.
bool is_own(const failure& why) {
  return why.code == errc::not_found || why.code == errc::full || why.code == errc::wrong_key ||
         why.code == errc::unconfirmed;
}

// Of the file system that holds the path; unlimited when it does not tell.
std::uint64_t free_bytes(const std::string& path) {
  struct statvfs found {};
  if (::statvfs(path.c_str(), &found) != 0) return std::numeric_limits<std::uint64_t>::max();
  return static_cast<std::uint64_t>(found.f_bavail) * found.f_frsize;
}

void answer_one(write_job& job, const std::optional<failure>& outcome) {
  job.done(outcome);
  job = {};
}

} // namespace

spool_writer::spool_writer(store file, const sqlite_spool_options& options)
    : file_(std::move(file)), reserve_(options.path + ".reserve", options.reserve_bytes), path_(options.path),
      free_bytes_(options.free_bytes) {
  if (!free_bytes_) free_bytes_ = [path = path_] { return free_bytes(path); };
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
  if (sound_ && file_.is_to_be_wiped()) wipe();
  if (sound_ && is_time_to_fold()) checkpoint();
}

// Looks at the disk once for every so many pages.
bool spool_writer::is_time_to_fold() {
  const auto pages = file_.wal_pages();
  if (pages > checkpoint_pages) return true;
  if (pages < next_look_) return false;
  next_look_ = pages + frugal_checkpoint_pages;
  return free_bytes_() < little_room;
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
  auto done = run_group(jobs, own, commit_tried);
  if (!done && done.error().code == errc::disk_full && reserve_.holds()) {
    // What settles units has the reserve's room, and makes room in the end.
    const auto why = while_doing("writing to " + path_, done.error());
    sound_ = false;
    set_trouble(why);
    ask_for_room(jobs);
    undo();
    if (sound_) {
      refuse_appends(jobs, why);
      own.assign(jobs.size(), std::nullopt);
      done = run_group(jobs, own, commit_tried = false);
    }
  }
  if (done)
    answer(jobs, own);
  else
    fail_group(jobs, done.error(), commit_tried);
  if (trouble()) recover();
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

// A WAL that one large commit has made long is not kept so.
void spool_writer::checkpoint() {
  const bool cut = file_.wal_pages() > longest_kept_wal_pages || free_bytes_() < little_room;
  if (!fold(cut ? store::wal_after::cut : store::wal_after::kept)) recover();
}

bool spool_writer::fold(store::wal_after how) {
  return went_well(file_.fold_wal(how), "folding the WAL into ");
}

void spool_writer::wipe() {
  if (!went_well(file_.wipe(free_bytes_()), "wiping old values from ")) recover();
}

// What was done to the whole file, between commits. False: it failed, and the writer is not sound.
bool spool_writer::went_well(const result<void>& done, const char* doing) {
  next_look_ = frugal_checkpoint_pages; // of a WAL that is empty now
  if (done) return true;
  sound_ = false;
  set_trouble(while_doing(doing + path_, done.error()));
  return false;
}

// With the reserve's space when there is none other.
void spool_writer::undo() {
  if (const auto why = trouble(); why && why->code == errc::disk_full) reserve_.give_back();
  if (auto done = file_.undo_failed_commit(); !done)
    return set_trouble(while_doing("undoing a failed commit in " + path_, done.error()));
  sound_ = true;
}

// Undo first; appends come back only with the reserve in place.
void spool_writer::recover() {
  if (!sound_) undo();
  if (!sound_) return;
  auto taken = reserve_.take();
  if (!taken && taken.error().code == errc::disk_full && can_fold_on_full_disk()) {
    if (!fold(store::wal_after::cut)) return;
    taken = reserve_.take();
  }
  if (!taken) return set_trouble(taken.error());
  if (wanted_room_ > 0 && free_bytes_() < wanted_room_)
    return set_trouble(failure{errc::disk_full, "too little room on the disk for " + path_});
  wanted_room_ = 0;
  set_trouble(std::nullopt);
}

// So that a queue that says it accepts does.
void spool_writer::ask_for_room(const std::vector<write_job>& jobs) {
  std::uint64_t appended = 0;
  for (const auto& job : jobs) appended += job.is_append ? job.bytes : 0;
  wanted_room_ = std::max({wanted_room_, least_room_for_appends, 2 * appended});
}

// A fold that fails for want of room has used up what room there was.
bool spool_writer::can_fold_on_full_disk() {
  if (file_.wal_pages() == 0) return false;
  const auto growth = file_.growth_by_folding();
  return growth && *growth <= free_bytes_();
}

} // namespace holdwater::spool
