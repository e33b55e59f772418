#include "admin/actions.hpp"
#include "admin/asset.hpp"
#include "admin/json_text.hpp"
#include "admin/prometheus.hpp"
#include "admin/views.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace holdwater::admin {
namespace {

reply as_json(unsigned status, const boost::json::value& body) {
  return {.status = status, .body = pretty(body)};
}

unsigned served(const health& of) {
  return of.status == "down" ? 503 : 200;
}

reply metrics_page(const std::vector<counter>& families) {
  return {.status = 200, .body = prometheus_text(families), .content_type = prometheus_content_type};
}

std::vector<counter> all_metrics(const control& of) {
  auto families = of.metrics();
  for (auto& one : health_metrics(of.snapshot())) families.push_back(std::move(one));
  return families;
}

std::vector<counter> all_metrics(const process& of) {
  auto families = of.metrics();
  const auto& services = of.services();
  std::vector<health> now;
  for (const auto& one : services) {
    now.push_back(one.on->snapshot());
    add_service(families, one.name, one.on->metrics());
  }
  add_service(families, "", process_metrics(now.front()));
  for (std::size_t at = 0; at < now.size(); ++at)
    add_service(families, services[at].name, health_metrics(now[at]));
  return families;
}

reply page_of(page what, const control& from) {
  if (what == page::metrics) return metrics_page(all_metrics(from));
  const auto now =
      from.snapshot(); // for /livez too: it proves that the program's threads let go of their locks
  switch (what) {
  case page::database: return as_json(200, view(now.database));
  case page::cache: return as_json(200, view(now.cache));
  case page::live: return as_json(200, boost::json::object{{"status", "ok"}});
  case page::ready:
    if (now.stopping) return as_json(503, boost::json::object{{"status", "stopping"}});
    return as_json(served(now), boost::json::object{{"status", now.status}});
  default: return as_json(served(now), view(now));
  }
}

// The worst of them, as it is of one.
std::string worst(const std::vector<health>& all) {
  std::string out = "ok";
  for (const auto& one : all)
    if (one.status == "down" || (one.status == "degraded" && out == "ok")) out = one.status;
  return out;
}

reply page_of(page what, const process& all) {
  if (what == page::metrics) return metrics_page(all_metrics(all));
  std::vector<health> now;
  for (const auto& one : all.services()) now.push_back(one.on->snapshot());
  const auto status = worst(now);
  const unsigned code = status == "down" ? 503 : 200;
  boost::json::object services;
  switch (what) {
  case page::live: return as_json(200, boost::json::object{{"status", "ok"}});
  case page::ready:
    if (std::ranges::any_of(now, &health::stopping))
      return as_json(503, boost::json::object{{"status", "stopping"}});
    return as_json(code, boost::json::object{{"status", status}});
  default:
    for (std::size_t at = 0; at < now.size(); ++at) services[all.services()[at].name] = view(now[at]);
    return as_json(code, boost::json::object{{"status", status}, {"services", std::move(services)}});
  }
}

// Answers with the report: 200 when done, else `otherwise`.
control::completion answer(std::function<void(reply)> done, unsigned otherwise) {
  return [done = std::move(done), otherwise](const action_report& report) {
    done(as_json(report.done ? 200 : otherwise, view(report)));
  };
}

struct performer {
  control& on;
  std::function<void(reply)> done;

  void operator()(const show& what) const { done(page_of(what.what, on)); }
  void operator()(const show_asset& what) const {
    const auto file = asset_named(what.name);
    done({.status = 200, .body = std::string(file.bytes), .content_type = std::string(file.content_type)});
  }
  void operator()(const show_role& what) const {
    done(as_json(200, boost::json::object{{"role", what.who == role::operate ? "operate" : "read"}}));
  }
  void operator()(const look_back& what) const {
    done(as_json(200, view(on.look_back(what.by_second, what.after))));
  }
  void operator()(const list_sessions& what) const { done(as_json(200, view(on.sessions(what.limit)))); }
  void operator()(const list_pending& what) const {
    on.list_pending(what.after, what.limit,
                    [d = done, values = what.values](const spool_listing& listing, const std::string& error) {
                      d(error.empty() ? as_json(200, view(listing, values)) : refuse(500, error));
                    });
  }
  void operator()(const list_dead& what) const {
    on.list_dead(what.after, what.limit,
                 [d = done, values = what.values](const dead_listing& listing, const std::string& error) {
                   d(error.empty() ? as_json(200, view(listing, values)) : refuse(500, error));
                 });
  }
  void operator()(const export_pending& what) const {
    on.export_pending(what.after, what.limit, [d = done](const spool_export& made, const std::string& error) {
      d(error.empty() ? as_json(200, view(made)) : refuse(500, error));
    });
  }
  void operator()(const back_up&) const {
    on.back_up([d = done](const backup_report& made, const std::string& error) {
      d(error.empty() ? as_json(200, boost::json::object{{"number", made.number}, {"bytes", made.bytes}})
                      : refuse(409, error));
    });
  }
  void operator()(const read_backup& what) const {
    constexpr std::size_t piece = 4 << 20;
    on.read_backup(what.number, what.after, piece, [d = done](std::string bytes, const std::string& error) {
      d(error.empty()
            ? reply{.status = 200, .body = std::move(bytes), .content_type = "application/octet-stream"}
            : refuse(409, error));
    });
  }
  void operator()(const forget_backup&) const { on.forget_backup(answer(done, 409)); }
  void operator()(const import_units& what) const {
    on.import_units(what.only_check, what.bytes, [d = done](const import_report& report) {
      d(as_json(report.done ? 200 : report.allowed ? 409 : 403, view(report)));
    });
  }
  void operator()(const show_configuration&) const { done(as_json(200, view(on.configuration()))); }
  void operator()(const reload_configuration&) const { done(refuse(404, "this is of the process")); }
  void operator()(const list_services&) const { done(refuse(404, "this is of the process")); }
  void operator()(const sync_now& what) const { on.sync(what.timeout, answer(done, 504)); }
  void operator()(const reconnect&) const { on.reconnect(answer(done, 503)); }
  void operator()(const clear_cache&) const { on.clear_cache(answer(done, 409)); }
  void operator()(const retry_dead& what) const { on.retry_dead(what.seq, answer(done, 409)); }
  void operator()(const discard_dead& what) const { on.discard_dead(what.seq, answer(done, 409)); }
};

// What no service was named for. Without names, what is not the process's is that one's.
struct process_performer {
  process& all;
  std::function<void(reply)> done;

  void operator()(const reload_configuration&) const {
    const auto report = all.reload();
    done(as_json(report.done ? 200 : 409, view(report)));
  }
  void operator()(const list_services&) const { done(as_json(200, view(all.services()))); }
  void operator()(const show& what) const {
    if (all.has_names() || what.what == page::metrics)
      done(page_of(what.what, all));
    else
      of_the_one(what);
  }
  void operator()(const show_configuration& what) const {
    if (all.has_names())
      done(as_json(200, view(all.configuration())));
    else
      of_the_one(what);
  }
  template <class Action>
  void operator()(const Action& what) const {
    of_the_one(what);
  }
  template <class Action>
  void of_the_one(const Action& what) const {
    performer{*all.services().front().on, done}(what);
  }
};

} // namespace

void carry_out(const action& what, control& on, std::function<void(reply)> done) {
  std::visit(performer{on, std::move(done)}, what);
}

void carry_out(const action& what, process& all, std::function<void(reply)> done) {
  std::visit(process_performer{all, std::move(done)}, what);
}

} // namespace holdwater::admin
