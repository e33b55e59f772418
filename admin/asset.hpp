// The dashboard's files, which are part of the binary: admin/dashboard/, by way of embed.cmake.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace holdwater::admin {

struct embedded_file {
  std::string_view name; // without a folder
  std::string_view bytes;
};

// Made when the program is built.
[[nodiscard]] std::span<const embedded_file> embedded_files();

struct asset {
  std::string_view bytes;
  std::string_view content_type;
};
// "index.html", "dashboard.css" and so on. Precondition: there is such a file.
[[nodiscard]] asset asset_named(std::string_view name);

} // namespace holdwater::admin
