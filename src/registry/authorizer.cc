// SPDX-License-Identifier: Apache-2.0
#include "registry/authorizer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "registry/challenge.h"

namespace supermachine::registry {
namespace {

constexpr std::size_t kMaxToken = std::size_t{64} << 10;
constexpr std::size_t kMaxFields = 4;
constexpr auto kEarly = std::chrono::seconds(5);  // before a token expires, it is not used any more
constexpr auto kShortest = std::chrono::seconds(10);

std::string joined_challenges(const HttpResponse& response) {
  std::string out;
  std::size_t count = 0;
  const auto [begin, end] = response.headers.equal_range("www-authenticate");
  for (auto field = begin; field != end && count < kMaxFields; ++field, ++count) {
    if (!out.empty()) out += ", ";
    out += field->second;
  }
  return out;
}

const Challenge* find_scheme(const std::vector<Challenge>& challenges, std::string_view scheme) {
  const auto found = std::ranges::find(challenges, scheme, &Challenge::scheme);
  return found == challenges.end() ? nullptr : &*found;
}

}  // namespace

Result<Token> parse_token(std::string_view text) {
  const Json json = SM_TRY(parse_json(text, "the token server's answer"));
  Token token;
  token.text = string_member(json, "token");
  if (token.text.empty()) token.text = string_member(json, "access_token");
  const bool is_plain = !token.text.empty() && token.text.size() <= kMaxToken &&
                        std::ranges::all_of(token.text, [](char c) { return c > ' ' && c < 0x7f; });
  if (!is_plain) return Error(Errc::kCorrupt, "the token server's answer holds no token");
  if (const auto seconds = number_member(json, "expires_in")) {
    constexpr std::uint64_t kMost = 24 * 3600;
    token.lifetime = std::max(kShortest, std::chrono::seconds(std::min(*seconds, kMost)));
  }
  return token;
}

std::string Authorizer::current() {
  const MutexLock lock(mutex_);
  if (std::chrono::steady_clock::now() >= expiry_) {
    header_.clear();
    expiry_ = std::chrono::steady_clock::time_point::max();
  }
  return header_;
}

Error Authorizer::refused(bool had_credentials) const {
  const std::string& host = endpoint_.host;
  return {
      Errc::kNotFound,
      fmt::format("{} gives no access to {}: {}", host, endpoint_.repository,
                  had_credentials
                      ? "the stored user and password do not suffice, or there is no such image"
                      : fmt::format("there is no such image, or it needs a login ('docker login "
                                    "{}' or 'podman login {}' store one)",
                                    host, host))};
}

Status Authorizer::load_credentials() {
  if (has_loaded_) return {};
  credentials_ = SM_TRY(find_credentials(environment_, endpoint_.host, endpoint_.repository));
  has_loaded_ = true;
  return {};
}

Result<Token> Authorizer::fetch_token(const std::string& realm, const std::string& service,
                                      const std::string& scope, HttpClient& http) {
  const Url url = SM_TRY(Url::parse(http.curl(), realm));
  // Whoever speaks TLS to us must not send our password where everybody can read it.
  if (endpoint_.base.starts_with("https://") && url.scheme != "https") {
    return Error(Errc::kCorrupt,
                 fmt::format("{} wants our credentials sent to {} without TLS; that is refused",
                             endpoint_.host, url.host));
  }
  HttpRequest request;
  const std::string query = (service.empty() ? "" : "service=" + url_escape(service) + "&") +
                            "scope=" + url_escape(scope);
  if (!credentials_.identity_token.empty()) {
    request.method = "POST";
    request.url = realm;
    request.form =
        fmt::format("grant_type=refresh_token&client_id=supermachine&{}&refresh_token={}", query,
                    url_escape(credentials_.identity_token));
    request.follow_redirects = false;
  } else {
    request.url = realm + (realm.find('?') == std::string::npos ? "?" : "&") + query;
    if (!credentials_.empty()) {
      request.authorization =
          "Basic " + base64_encode(credentials_.username + ":" + credentials_.password);
    }
  }
  const HttpResponse response = SM_TRY(http.send(request));
  if (response.status == 401 || response.status == 403 || response.status == 400) {
    return refused(!credentials_.empty());
  }
  if (!response.is_success()) {
    return Error(
        response.status >= 500 || response.status == 429 ? Errc::kExhausted : Errc::kCorrupt,
        fmt::format("token server {}: HTTP status {}", url.host, response.status));
  }
  return parse_token(response.body);
}

Status Authorizer::answer(const HttpResponse& response, const std::string& used, HttpClient& http) {
  const MutexLock lock(mutex_);
  if (!header_.empty() && header_ != used) return {};  // another thread was here
  header_.clear();
  auto challenges = parse_challenges(joined_challenges(response));
  if (!challenges.ok()) return std::move(challenges).error().with(endpoint_.host);
  SM_TRY(load_credentials());
  if (const Challenge* bearer = find_scheme(challenges.value(), "bearer")) {
    const std::string realm = bearer->parameter("realm");
    if (realm.empty()) {
      return Error(Errc::kCorrupt, endpoint_.host + ": wants a token, but does not say from where");
    }
    std::string scope = bearer->parameter("scope");
    if (scope.empty()) scope = "repository:" + endpoint_.repository + ":pull";
    const Token token = SM_TRY(fetch_token(realm, bearer->parameter("service"), scope, http));
    header_ = "Bearer " + token.text;
    expiry_ = std::chrono::steady_clock::now() + token.lifetime - kEarly;
    return {};
  }
  if (find_scheme(challenges.value(), "basic") != nullptr) {
    if (credentials_.username.empty()) return refused(!credentials_.empty());
    header_ = "Basic " + base64_encode(credentials_.username + ":" + credentials_.password);
    expiry_ = std::chrono::steady_clock::time_point::max();
    if (header_ == used) {
      header_.clear();
      return refused(true);
    }
    return {};
  }
  return challenges.value().empty()
             ? refused(!credentials_.empty())
             : Error(Errc::kUnsupported,
                     fmt::format("{}: wants authentication of a kind we do not have ({:.50})",
                                 endpoint_.host, challenges.value().front().scheme));
}

}  // namespace supermachine::registry
