#include "proxy/replicas/name_lookup.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace holdwater::proxy {

// Outlives the lookup when the resolver hangs.
struct name_lookup::question {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false; // the resolver has not answered
  bool cancelled = false;
};

namespace {

bool is_address(const std::string& host) {
  boost::system::error_code none;
  boost::asio::ip::make_address(host, none);
  return !none;
}

} // namespace

name_lookup::name_lookup(std::string host, resolver how)
    : host_(std::move(host)), how_(std::move(how)), asked_(std::make_shared<question>()) {}

void name_lookup::ask_the_system(const std::string& host) {
  boost::asio::io_context unused;
  boost::asio::ip::tcp::resolver asked(unused);
  boost::system::error_code failed; // which is an answer too
  asked.resolve(host, "", failed);
}

bool name_lookup::answers_within(std::chrono::milliseconds limit) {
  if (host_.empty() || is_address(host_)) return true;
  std::unique_lock lock(asked_->mutex);
  if (asked_->cancelled) return false;
  if (!std::exchange(asked_->open, true)) try {
      std::thread([one = asked_, host = host_, how = how_] {
        how(host);
        const std::lock_guard answered(one->mutex);
        one->open = false;
        one->changed.notify_all();
      }).detach();
    } catch (const std::system_error&) { // no room for a thread
      asked_->open = false;
      return false;
    }
  return asked_->changed.wait_for(lock, limit, [this] { return !asked_->open || asked_->cancelled; }) &&
         !asked_->cancelled;
}

void name_lookup::cancel() {
  const std::lock_guard lock(asked_->mutex);
  asked_->cancelled = true;
  asked_->changed.notify_all();
}

} // namespace holdwater::proxy
