// SPDX-License-Identifier: Apache-2.0
// Who we are to a registry: docker's config.json and podman's auth.json, and the programs they name
// that keep secrets.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "registry/environment.h"
#include "supermachine/result.h"

namespace supermachine::registry {

struct Credentials {
  std::string username;
  std::string password;
  std::string identity_token;  // instead of both: changed for an access token

  [[nodiscard]] bool empty() const {
    return username.empty() && password.empty() && identity_token.empty();
  }
};

// One such file.
struct AuthFile {
  std::map<std::string, Credentials> auths;    // by key, as written
  std::map<std::string, std::string> helpers;  // credHelpers: of a host, by name
  std::string store;                           // credsStore: of all others
};

// kCorrupt, without saying any of the content.
Result<AuthFile> parse_auth_file(std::string_view text);

// What a helper answered to "get".
Result<Credentials> parse_helper_answer(std::string_view text);

// Of `host` ("docker.io", "localhost:5000") and, where a file tells them apart, `repository` there.
// The first file that knows it counts: $REGISTRY_AUTH_FILE alone, or else podman's auth.json, then
// docker's config.json. Empty when none does; an error names the file or the helper.
Result<Credentials> find_credentials(const Environment& environment, const std::string& host,
                                     const std::string& repository);

// `text` in base64; nullopt-like empty for what is none, of decode.
[[nodiscard]] std::string base64_encode(std::string_view text);
Result<std::string> base64_decode(std::string_view text);

}  // namespace supermachine::registry
