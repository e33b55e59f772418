#include "admin/asset.hpp"

#include <algorithm>
#include <cassert>

namespace holdwater::admin {
namespace {

std::string_view type_of(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  return "image/svg+xml";
}

} // namespace

asset asset_named(std::string_view name) {
  const auto all = embedded_files();
  const auto found = std::ranges::find(all, name, &embedded_file::name);
  assert(found != all.end());
  return {found->bytes, type_of(name)};
}

} // namespace holdwater::admin
