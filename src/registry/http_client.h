// SPDX-License-Identifier: Apache-2.0
// One HTTP request after another, over connections that are kept. Redirects are followed here,
// because of what must not go with them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "registry/curl_library.h"
#include "registry/url.h"

namespace supermachine::registry {

struct HttpResponse {
  int status = 0;
  std::multimap<std::string, std::string> headers;  // names in lower case
  std::string body;                                 // what no sink has taken
  std::string host;                                 // who answered, after redirects

  [[nodiscard]] std::string header(const std::string& name) const;  // the last one, or empty
  [[nodiscard]] bool is_success() const { return status >= 200 && status < 300; }
};

struct HttpRequest {
  std::string method = "GET";  // or HEAD, POST
  std::string url;
  std::vector<std::string> headers;  // "Accept: ..."
  std::string authorization;         // "Bearer ..."; for the URL's own origin, never for another
  std::string form;                  // body of a POST
  bool follow_redirects = true;
  std::uint64_t max_body = std::uint64_t{4} << 20;  // of what goes to HttpResponse::body
  // Both for answers with a status of 2xx only. A failure of theirs is the request's.
  std::function<Status(const HttpResponse&)> on_headers;  // once, before the first byte
  std::function<Status(std::span<const std::byte>)> sink;
};

struct HttpOptions {
  std::chrono::milliseconds connect_timeout = std::chrono::seconds(20);
  // Below `low_speed` bytes a second for so long, a transfer has failed.
  std::chrono::seconds low_speed_time = std::chrono::seconds(30);
  long low_speed = 100;
  std::string http_proxy = {};
  std::string https_proxy = {};
  std::string no_proxy = {};
  std::string ca_file = {};       // empty: the system's
  std::string ca_directory = {};  // empty: the system's
  std::string extra_ca = {};      // PEM, beside the others
  bool skip_tls_verify = false;
  // True as soon as nobody wants an answer any more; asked several times a second.
  std::function<bool()> cancelled = {};
};

// Belongs to one thread at a time.
class HttpClient {
 public:
  static Result<HttpClient> create(HttpOptions options);

  // An answer, whatever its status; a redirect only where it is not followed. Fails with kOs or
  // kTimeout when there was no whole answer (another attempt may bring one), kNotFound for a host
  // that does not exist, kUnsupported when TLS does not trust it, kCorrupt when it talks nonsense.
  Result<HttpResponse> send(const HttpRequest& request);

  [[nodiscard]] const Curl& curl() const noexcept { return *curl_; }

 private:
  struct CloseHandle {
    const Curl* curl;
    void operator()(CURL* handle) const { curl->easy_cleanup(handle); }
  };
  struct Transfer;

  HttpClient(const Curl* curl, CURL* handle, HttpOptions options)
      : curl_(curl), handle_(handle, CloseHandle{curl}), options_(std::move(options)) {}
  Result<HttpResponse> send_once(const HttpRequest& request, const Url& url, bool with_credentials);
  Status set_up(Transfer& transfer, const HttpRequest& request, const Url& url);
  Status set_up_tls();
  template <typename Value>
  void set(CURLoption option, Value value) {
    static_cast<void>(curl_->easy_setopt(handle_.get(), option, value));
  }

  const Curl* curl_;  // not owned; for ever
  std::unique_ptr<CURL, CloseHandle> handle_;
  HttpOptions options_;
};

// Where nobody waits any more: not an answer, and no reason for another attempt.
[[nodiscard]] Error cancelled_error();
[[nodiscard]] bool is_cancelled(const Error& error);

}  // namespace supermachine::registry
