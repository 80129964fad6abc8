// SPDX-License-Identifier: Apache-2.0
#include "registry/url.h"

#include <fmt/format.h>

#include <memory>

namespace supermachine::registry {
namespace {

class Parts {
 public:
  explicit Parts(const Curl& curl) : curl_(curl), url_(curl.url()) { SM_CHECK(url_ != nullptr); }
  Parts(const Parts&) = delete;
  Parts& operator=(const Parts&) = delete;
  ~Parts() { curl_.url_cleanup(url_); }

  // A second call resolves against the first.
  bool set(const std::string& text) {
    return curl_.url_set(url_, CURLUPART_URL, text.c_str(), 0) == CURLUE_OK;
  }
  [[nodiscard]] std::string get(CURLUPart part, unsigned flags = 0) const {
    char* text = nullptr;
    if (curl_.url_get(url_, part, &text, flags) != CURLUE_OK || text == nullptr) return {};
    std::string out = text;
    curl_.free(text);
    return out;
  }

 private:
  const Curl& curl_;
  CURLU* url_;
};

Result<Url> read(const Parts& parts, const std::string& said) {
  Url url{parts.get(CURLUPART_URL), parts.get(CURLUPART_SCHEME), parts.get(CURLUPART_HOST),
          parts.get(CURLUPART_PORT, CURLU_DEFAULT_PORT)};
  if ((url.scheme != "http" && url.scheme != "https") || url.host.empty() || url.port.empty() ||
      url.text.empty()) {
    return Error(Errc::kInvalidArgument, fmt::format("'{:.200}' is no http or https URL", said));
  }
  if (!parts.get(CURLUPART_USER).empty() || !parts.get(CURLUPART_PASSWORD).empty()) {
    return Error(Errc::kInvalidArgument,
                 fmt::format("a URL for {} holds a user or password", url.host));
  }
  return url;
}

}  // namespace

Result<Url> Url::parse(const Curl& curl, const std::string& text) {
  Parts parts(curl);
  if (!parts.set(text)) {
    return Error(Errc::kInvalidArgument, fmt::format("'{:.200}' is no http or https URL", text));
  }
  return read(parts, text);
}

Result<Url> Url::follow(const Curl& curl, const std::string& location) const {
  Parts parts(curl);
  if (!parts.set(text) || !parts.set(location)) {
    return Error(Errc::kInvalidArgument, fmt::format("'{:.200}' is no URL", location));
  }
  return read(parts, location);
}

Result<Url> Url::redirected(const Curl& curl, const std::string& location) const {
  if (location.empty()) return Error(Errc::kCorrupt, host + ": redirects to nowhere");
  auto next = follow(curl, location);
  if (!next.ok()) {
    return Error(Errc::kCorrupt,
                 fmt::format("{}: redirects wrongly: {}", host, next.error().message()));
  }
  if (scheme == "https" && next.value().scheme != "https") {
    return Error(Errc::kCorrupt,
                 fmt::format("{}: redirects from https to http, to {}; that is refused", host,
                             next.value().host));
  }
  return next;
}

std::string url_escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace supermachine::registry
