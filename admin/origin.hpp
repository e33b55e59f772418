// Who may talk to us through a browser: checks of the Host and Origin headers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace holdwater::admin {

// Whether `host` (a Host header: name or address, with or without port) is an IP address, localhost or one of
// `names`. A page of another site cannot make a browser send these, unless by an address it already knows.
[[nodiscard]] bool host_is_ours(std::string_view host, const std::vector<std::string>& names);

// Whether the page at `origin` (an Origin header) was served by `host`, port included; over HTTP or HTTPS,
// which somebody in front of us may have ended.
[[nodiscard]] bool same_origin(std::string_view origin, std::string_view host);

} // namespace holdwater::admin
