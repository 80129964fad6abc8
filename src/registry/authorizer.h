// SPDX-License-Identifier: Apache-2.0
// Answers a registry's challenges: with a token that another server gives out, or with user and
// password (distribution specification, "token authentication").
#pragma once

#include <chrono>
#include <string>

#include "base/mutex.h"
#include "registry/config.h"
#include "registry/credentials.h"
#include "registry/http_client.h"

namespace supermachine::registry {

// What a token server answered.
struct Token {
  std::string text;
  std::chrono::seconds lifetime{60};  // the specification's, where the server says nothing
};
Result<Token> parse_token(std::string_view text);

// For one repository at one endpoint; safe to use from many threads. Looks for credentials only
// when it is asked for them.
class Authorizer {
 public:
  Authorizer(const Endpoint& endpoint, const Environment& environment)
      : endpoint_(endpoint), environment_(environment) {}

  // For the Authorization header; empty as long as nobody has asked, or when it has expired.
  [[nodiscard]] std::string current();

  // `response` was a 401 to a request with `used`. Gets a better one through `http`, unless another
  // thread has meanwhile. An error says why there is no access.
  Status answer(const HttpResponse& response, const std::string& used, HttpClient& http);

 private:
  Status load_credentials() SM_REQUIRES(mutex_);
  Result<Token> fetch_token(const std::string& realm, const std::string& service,
                            const std::string& scope, HttpClient& http) SM_REQUIRES(mutex_);
  Error refused(bool had_credentials) const;

  Endpoint endpoint_;
  Environment environment_;
  Mutex mutex_;
  std::string header_ SM_GUARDED_BY(mutex_);
  std::chrono::steady_clock::time_point expiry_ SM_GUARDED_BY(mutex_) =
      std::chrono::steady_clock::time_point::max();
  bool has_loaded_ SM_GUARDED_BY(mutex_) = false;
  Credentials credentials_ SM_GUARDED_BY(mutex_);
};

}  // namespace supermachine::registry
