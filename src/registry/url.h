// SPDX-License-Identifier: Apache-2.0
// URLs, taken apart by libcurl itself: what we decide about one is about what it will ask for.
#pragma once

#include <string>

#include "registry/curl_library.h"

namespace supermachine::registry {

struct Url {
  std::string text;
  std::string scheme;  // "http" or "https"
  std::string host;    // "[::1]" with its brackets
  std::string port;    // always there

  // kInvalidArgument for what is no URL of http or https, and for one with a user or password in
  // it.
  static Result<Url> parse(const Curl& curl, const std::string& text);
  // `location` as a server gives it, which may leave out what stays the same.
  [[nodiscard]] Result<Url> follow(const Curl& curl, const std::string& location) const;

  // The same for a redirect, which may not lead from https to http. kCorrupt.
  [[nodiscard]] Result<Url> redirected(const Curl& curl, const std::string& location) const;

  // What credentials are given to.
  [[nodiscard]] std::string origin() const { return scheme + "://" + host + ":" + port; }
};

// `text` for use in a query: all but letters, digits and "-._~" is escaped.
[[nodiscard]] std::string url_escape(std::string_view text);

}  // namespace supermachine::registry
