#include "faulty_disk.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace holdwater::test {
namespace {

constexpr std::size_t sector = 512;
constexpr char rubbish_byte = '\xa5';

void overwrite(std::string& to, std::size_t offset, std::string_view bytes) {
  if (to.size() < offset + bytes.size()) to.resize(offset + bytes.size());
  to.replace(offset, bytes.size(), bytes);
}

void apply(std::string& to, const disk_file::change& what) {
  if (what.what == disk_file::change::kind::cut)
    to.resize(what.offset);
  else
    overwrite(to, what.offset, what.bytes);
}

} // namespace

void faulty_disk::plan(const fault_plan& next) {
  const std::lock_guard lock(mutex_);
  plan_ = next;
  counted_ = 0;
  failures_left_ = next.times;
  struck_ = false;
}

void faulty_disk::heal() {
  const std::lock_guard lock(mutex_);
  plan_.what = disk_fault::none;
  dead_ = false;
}

void faulty_disk::die() {
  const std::lock_guard lock(mutex_);
  dead_ = true;
}

void faulty_disk::set_capacity(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  capacity_ = bytes;
}

std::uint64_t faulty_disk::counted() const {
  const std::lock_guard lock(mutex_);
  return counted_;
}

bool faulty_disk::struck() const {
  const std::lock_guard lock(mutex_);
  return struck_;
}

std::size_t faulty_disk::choose(std::size_t below) {
  const std::lock_guard lock(mutex_);
  return random_() % below;
}

std::uint64_t faulty_disk::used() const {
  std::uint64_t bytes = 0;
  for (const auto& [path, file] : files_) bytes += file->now.size();
  return bytes;
}

std::uint64_t faulty_disk::free_bytes() const {
  const std::lock_guard lock(mutex_);
  const auto taken = used();
  return taken < capacity_ ? capacity_ - taken : 0;
}

std::uint64_t faulty_disk::used_bytes() const {
  const std::lock_guard lock(mutex_);
  return used();
}

bool faulty_disk::fits(const disk_file& file, std::size_t to) const {
  return to <= file.now.size() || capacity_ == UINT64_MAX || used() + (to - file.now.size()) <= capacity_;
}

disk_fault faulty_disk::step(unsigned call, int& error) {
  error = dead_ ? EIO : 0;
  if (dead_) return disk_fault::io_error;
  if ((plan_.calls & call) == 0) return disk_fault::none;
  ++counted_;
  if (plan_.what == disk_fault::none || counted_ < plan_.at || failures_left_ == 0) return disk_fault::none;
  if (failures_left_ > 0) --failures_left_;
  struck_ = true;
  error = plan_.what == disk_fault::no_room ? ENOSPC : plan_.what == disk_fault::short_read ? 0 : EIO;
  dead_ = plan_.what == disk_fault::killed || plan_.what == disk_fault::power_cut;
  return plan_.what;
}

// --- the calls

call_done faulty_disk::open(const std::string& path, bool make, bool only_new, bool name_is_durable,
                            file_ptr& opened) {
  const std::lock_guard lock(mutex_);
  const auto found = files_.find(path);
  const bool there = found != files_.end();
  int error = 0;
  const auto fault = step(!there && make ? ask::create : ask::open, error);
  if (error != 0 && fault != disk_fault::power_cut) return {0, error};
  if (there && make && only_new) return {0, EEXIST};
  if (!there && !make) return {0, ENOENT};
  opened = there ? found->second : std::make_shared<disk_file>();
  if (!there) change_names({{{path, opened}}});
  if (!there && name_is_durable) durable_files_[path] = opened;
  return {0, error};
}

call_done faulty_disk::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  int error = 0;
  const auto fault = step(ask::remove, error);
  if (error != 0 && fault != disk_fault::power_cut) return {0, error};
  if (files_.count(path) == 0) return {0, ENOENT};
  change_names({{{path, nullptr}}});
  return {0, error};
}

call_done faulty_disk::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  int error = 0;
  const auto fault = step(ask::rename, error);
  if (error != 0 && fault != disk_fault::power_cut) return {0, error};
  const auto found = files_.find(from);
  if (found == files_.end()) return {0, ENOENT};
  change_names({{{from, nullptr}, {to, found->second}}});
  return {0, error};
}

call_done faulty_disk::look(const std::string& path, bool& there) {
  const std::lock_guard lock(mutex_);
  int error = 0;
  static_cast<void>(step(ask::look, error));
  there = files_.count(path) != 0;
  return {0, error};
}

call_done faulty_disk::size(const disk_file& file, std::size_t& bytes) {
  const std::lock_guard lock(mutex_);
  int error = 0;
  static_cast<void>(step(ask::size, error));
  bytes = file.now.size();
  return {0, error};
}

call_done faulty_disk::read(const disk_file& file, std::size_t offset, char* to, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  int error = 0;
  const auto fault = step(ask::read, error);
  if (error != 0) return {0, error};
  const auto from = std::min(offset, file.now.size());
  auto there = std::min(bytes, file.now.size() - from);
  if (fault == disk_fault::short_read) there /= 2;
  std::memcpy(to, file.now.data() + from, there);
  return {there, 0};
}

// A write that fails, or in which the process dies, has written a part.
call_done faulty_disk::write(disk_file& file, std::size_t offset, std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  int error = 0;
  const bool alive = !dead_;
  auto fault = step(ask::write, error);
  if (error == 0 && !fits(file, offset + bytes.size())) error = ENOSPC;
  if (error != 0 && fault != disk_fault::power_cut) bytes = bytes.substr(0, alive ? bytes.size() / 2 : 0);
  if (error == ENOSPC && !fits(file, offset + bytes.size())) bytes = {};
  if (bytes.empty()) return {0, error};
  overwrite(file.now, offset, bytes);
  file.unsynced.push_back({disk_file::change::kind::write, offset, std::string(bytes)});
  return {bytes.size(), error};
}

call_done faulty_disk::cut(disk_file& file, std::size_t to) {
  const std::lock_guard lock(mutex_);
  int error = 0;
  const auto fault = step(ask::cut, error);
  if (error == 0 && !fits(file, to)) error = ENOSPC;
  if (error != 0 && fault != disk_fault::power_cut) return {0, error};
  file.now.resize(to);
  file.unsynced.push_back({disk_file::change::kind::cut, to, {}});
  return {0, error};
}

call_done faulty_disk::allocate(disk_file& file, std::size_t to) {
  const std::lock_guard lock(mutex_);
  int error = 0;
  const auto fault = step(ask::allocate, error);
  if (error == 0 && !fits(file, to)) error = ENOSPC;
  if ((error != 0 && fault != disk_fault::power_cut) || to <= file.now.size()) return {0, error};
  file.now.resize(to);
  file.unsynced.push_back({disk_file::change::kind::cut, to, {}});
  return {0, error};
}

call_done faulty_disk::sync(disk_file& file) {
  const std::lock_guard lock(mutex_);
  int error = 0;
  const auto fault = step(ask::sync, error);
  if (fault == disk_fault::none) {
    for (const auto& change : file.unsynced) apply(file.durable, change);
    file.unsynced.clear();
  } else if (!dead_) { // what failed to reach the disk counts as clean
    settle(file, loss::single_writes, false);
  }
  return {0, error};
}

call_done faulty_disk::sync_names() {
  const std::lock_guard lock(mutex_);
  int error = 0;
  const auto fault = step(ask::sync_names, error);
  if (fault == disk_fault::none) {
    durable_files_ = files_;
    unsynced_names_.clear();
  } else if (!dead_) {
    settle_names(loss::single_writes);
  }
  return {0, error};
}

void faulty_disk::change_names(const name_change& what) {
  for (const auto& [path, file] : what.names) {
    if (file)
      files_[path] = file;
    else
      files_.erase(path);
  }
  unsynced_names_.push_back(what);
}

// --- what is left

faulty_disk::image faulty_disk::take_image() const {
  const std::lock_guard lock(mutex_);
  image taken;
  for (const auto& [path, file] : files_) taken.files[path] = {file->now, file->now, {}};
  return taken;
}

void faulty_disk::restore(const image& from) {
  const std::lock_guard lock(mutex_);
  files_.clear();
  for (const auto& [path, file] : from.files) files_[path] = std::make_shared<disk_file>(file);
  durable_files_ = files_;
  unsynced_names_.clear();
}

std::map<std::string, std::string> faulty_disk::contents() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::string> all;
  for (const auto& [path, file] : files_) all[path] = file->now;
  return all;
}

faulty_disk::loss faulty_disk::any_loss() {
  constexpr loss all[] = {loss::nothing, loss::everything, loss::the_end, loss::single_writes, loss::sectors};
  return all[random_() % std::size(all)];
}

void faulty_disk::lose_power() {
  const std::lock_guard lock(mutex_);
  settle_names(any_loss());
  const auto how = any_loss();
  const bool rubbish = random_() % 4 == 0;
  for (auto* const names : {&files_, &durable_files_}) // a removed file may come back
    for (auto& [path, file] : *names) settle(*file, how, rubbish);
  files_ = durable_files_;
  for (auto& [path, file] : files_) file->now = file->durable;
}

void faulty_disk::settle(disk_file& file, loss how, bool rubbish) {
  const auto kept =
      how == loss::the_end && !file.unsynced.empty() ? random_() % (file.unsynced.size() + 1) : 0;
  for (std::size_t i = 0; i < file.unsynced.size(); ++i) {
    if (how == loss::the_end && i > kept) break;
    settle_write(file, file.unsynced[i], how, i == kept, rubbish);
  }
  file.unsynced.clear();
}

void faulty_disk::settle_write(disk_file& file, const disk_file::change& what, loss how, bool last,
                               bool rubbish) {
  const bool torn = how == loss::sectors || (how == loss::the_end && last);
  if (what.what == disk_file::change::kind::cut || !torn) {
    const bool stays =
        how == loss::nothing || (how == loss::the_end && !last) || (how != loss::everything && coin());
    if (stays)
      apply(file.durable, what);
    else if (rubbish && what.what == disk_file::change::kind::write &&
             file.durable.size() < what.offset + what.bytes.size())
      file.durable.resize(what.offset + what.bytes.size(), rubbish_byte);
    return;
  }
  for (std::size_t at = 0; at < what.bytes.size();) {
    const auto size = std::min(sector - (what.offset + at) % sector, what.bytes.size() - at);
    if (coin()) overwrite(file.durable, what.offset + at, std::string_view(what.bytes).substr(at, size));
    at += size;
  }
}

void faulty_disk::settle_names(loss how) {
  const auto kept = unsynced_names_.empty() ? 0 : random_() % (unsynced_names_.size() + 1);
  for (std::size_t i = 0; i < unsynced_names_.size(); ++i) {
    const bool stays = how == loss::nothing || (how == loss::the_end && i < kept) ||
                       (how != loss::everything && how != loss::the_end && coin());
    if (!stays) continue;
    for (const auto& [path, file] : unsynced_names_[i].names) {
      if (file)
        durable_files_[path] = file;
      else
        durable_files_.erase(path);
    }
  }
  unsynced_names_.clear();
}

} // namespace holdwater::test
