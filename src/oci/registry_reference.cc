// SPDX-License-Identifier: Apache-2.0
#include "oci/registry_reference.h"

#include <fmt/format.h>

#include <algorithm>

namespace supermachine::oci {
namespace {

constexpr std::size_t kMaxName = 255;  // host and repository
constexpr std::size_t kMaxTag = 128;
constexpr std::string_view kLibrary = "library/";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_alnum(char c) { return is_digit(c) || is_lower(c) || is_upper(c); }
bool is_lower_alnum(char c) { return is_digit(c) || is_lower(c); }

// Up to the first `separator`; all of it where there is none. What is left has begun behind it.
std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return part;
}

bool is_port(std::string_view text) {
  if (text.empty() || text.size() > 5 || !std::ranges::all_of(text, is_digit)) return false;
  int port = 0;
  for (const char c : text) port = port * 10 + (c - '0');
  return port >= 1 && port <= 65535;
}

bool is_host_label(std::string_view text) {
  return !text.empty() && is_alnum(text.front()) && is_alnum(text.back()) &&
         std::ranges::all_of(text, [](char c) { return is_alnum(c) || c == '-'; });
}

bool is_host_name(std::string_view text) {
  if (text.empty() || text.ends_with('.')) return false;
  while (!text.empty()) {
    if (!is_host_label(take_until(text, '.'))) return false;
  }
  return true;
}

bool is_ipv6(std::string_view text) {
  return text.size() >= 2 && text.size() <= 45 && std::ranges::count(text, ':') >= 2 &&
         std::ranges::all_of(text, [](char c) {
           return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
                  c == '.';
         });
}

// Lower case and digits, with '.', '_', "__" or any number of '-' between them.
bool is_path_part(std::string_view text) {
  if (text.empty() || !is_lower_alnum(text.front()) || !is_lower_alnum(text.back())) return false;
  for (std::size_t i = 0; i < text.size();) {
    if (is_lower_alnum(text[i])) {
      ++i;
      continue;
    }
    const char separator = text[i];
    const std::size_t end = text.find_first_not_of(separator, i);
    const std::size_t most = separator == '.' ? 1 : separator == '_' ? 2 : kMaxName;
    if ((separator != '.' && separator != '_' && separator != '-') || end - i > most) return false;
    if (!is_lower_alnum(text[end])) return false;
    i = end;
  }
  return true;
}

bool is_repository(std::string_view text) {
  if (text.empty() || text.ends_with('/')) return false;
  while (!text.empty()) {
    if (!is_path_part(take_until(text, '/'))) return false;
  }
  return true;
}

bool is_tag(std::string_view text) {
  const auto is_word = [](char c) { return is_alnum(c) || c == '_'; };
  return !text.empty() && text.size() <= kMaxTag && is_word(text.front()) &&
         std::ranges::all_of(text, [&](char c) { return is_word(c) || c == '.' || c == '-'; });
}

bool looks_like_host(std::string_view text) {
  return text.find_first_of(".:") != std::string_view::npos || text == "localhost" ||
         std::ranges::any_of(text, is_upper);
}

bool is_image_id(std::string_view text) {
  return text.size() == 64 &&
         std::ranges::all_of(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

}  // namespace

bool is_registry_host(std::string_view host) {
  if (host.starts_with('[')) {
    const std::size_t end = host.find(']');
    if (end == std::string_view::npos || !is_ipv6(host.substr(1, end - 1))) return false;
    const std::string_view port = host.substr(end + 1);
    return port.empty() || (port[0] == ':' && is_port(port.substr(1)));
  }
  const std::size_t colon = host.find(':');
  return is_host_name(host.substr(0, colon)) &&
         (colon == std::string_view::npos || is_port(host.substr(colon + 1)));
}

bool is_loopback_host(std::string_view host) {
  if (host.starts_with("[::1]")) return true;
  host = host.substr(0, host.find(':'));
  if (host == "localhost") return true;
  // Only an address: 127.example.com is somebody's.
  return host.starts_with("127.") && std::ranges::count(host, '.') == 3 &&
         std::ranges::all_of(host, [](char c) { return is_digit(c) || c == '.'; });
}

Result<RegistryReference> RegistryReference::parse(std::string_view text) {
  const auto wrong = [&](std::string_view why) {
    return Error(Errc::kInvalidArgument,
                 fmt::format("'{:.300}' is no image reference: {}", text, why));
  };
  RegistryReference out;
  std::string_view rest = text;
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    auto digest = Digest::parse(rest.substr(at + 1));
    if (!digest.ok()) return wrong("what follows '@' must be sha256: and 64 hexadecimal digits");
    out.digest = std::move(digest).value();
    rest = rest.substr(0, at);
  }
  if (const std::size_t slash = rest.find('/');
      slash != std::string_view::npos && looks_like_host(rest.substr(0, slash))) {
    out.host = rest.substr(0, slash);
    rest.remove_prefix(slash + 1);
    if (!is_registry_host(out.host)) return wrong(fmt::format("'{}' is no host", out.host));
  }
  if (const std::size_t colon = rest.find(':'); colon != std::string_view::npos) {
    out.tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    if (!is_tag(out.tag)) {
      return wrong(
          "a tag is up to 128 letters, digits, '_', '.' and '-', and begins with none of the last "
          "two");
    }
  } else if (out.digest.text().empty()) {
    out.tag = "latest";
  }
  out.repository = rest;
  if (out.host.empty() && is_image_id(rest)) return wrong("64 hexadecimal digits are no name");
  if (out.repository.empty()) return wrong("it has no name");
  if (std::ranges::any_of(out.repository, is_upper)) return wrong("names are in lower case");
  if (!is_repository(out.repository)) {
    return wrong("the parts of a name are letters and digits, with single '.', '_' or '-' between");
  }
  if (out.host.empty() || out.host == "index.docker.io") out.host = kDockerHub;
  if (out.host == kDockerHub && out.repository.find('/') == std::string::npos) {
    out.repository.insert(0, kLibrary);
  }
  if (out.name().size() > kMaxName) return wrong(fmt::format("longer than {}", kMaxName));
  return out;
}

std::string RegistryReference::familiar() const {
  std::string text = repository;
  const bool is_mistakable =
      text.find('/') != std::string::npos && looks_like_host(text.substr(0, text.find('/')));
  if (host != kDockerHub || is_mistakable) {
    text = name();
  } else if (text.starts_with(kLibrary) && text.find('/', kLibrary.size()) == std::string::npos) {
    text.erase(0, kLibrary.size());
  }
  if (!tag.empty()) text += ":" + tag;
  if (!digest.text().empty()) text += "@" + digest.text();
  return text;
}

std::string RegistryReference::canonical() const {
  if (!digest.text().empty()) return name() + "@" + digest.text();
  return name() + ":" + tag;
}

bool RegistryReference::is_loopback() const { return is_loopback_host(host); }

}  // namespace supermachine::oci
