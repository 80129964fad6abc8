// SPDX-License-Identifier: Apache-2.0
#include "registry/http_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "base/files.h"
#include "oci/registry_reference.h"

namespace supermachine::registry {
namespace {

constexpr int kMaxRedirects = 5;
constexpr std::size_t kMaxHeaderBytes = std::size_t{64} << 10;
constexpr std::size_t kMaxCaBytes = std::size_t{8} << 20;
constexpr const char* kSystemCa = "/etc/ssl/certs/ca-certificates.crt";

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return out;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

bool has_line_end(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

Error transport_error(const Curl& curl, CURLcode code, const Url& url, std::string_view detail) {
  const std::string& host = url.host;
  const std::string what = detail.empty() ? curl.easy_strerror(code) : std::string(detail);
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return {Errc::kNotFound, fmt::format("{}: no such host, or no network", host)};
    case CURLE_COULDNT_CONNECT:
      return {Errc::kOs, fmt::format("cannot connect to {} port {}", host, url.port)};
    case CURLE_OPERATION_TIMEDOUT:
      return {Errc::kTimeout, fmt::format("{}: {}", host, what)};
    case CURLE_PEER_FAILED_VERIFICATION:
      return {Errc::kUnsupported,
              fmt::format("{}: its certificate is not trusted ({}); for a CA of your own set "
                          "SSL_CERT_FILE, or put it in /etc/docker/certs.d/{}/ca.crt",
                          host, what, host)};
    case CURLE_SSL_CACERT_BADFILE:
      return {Errc::kUnsupported, fmt::format("cannot read the CA certificates: {}", what)};
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
      return {Errc::kCorrupt, fmt::format("{}: its answer is not HTTP", host)};
    default:
      return {Errc::kOs, fmt::format("{}: {}", host, what)};
  }
}

}  // namespace

Error cancelled_error() { return Error::from_errno("pull", ECANCELED); }
bool is_cancelled(const Error& error) { return error.os_errno() == ECANCELED; }

std::string HttpResponse::header(const std::string& name) const {
  const auto [begin, end] = headers.equal_range(name);
  return begin == end ? std::string() : std::prev(end)->second;
}

// What libcurl's callbacks see of one request.
struct HttpClient::Transfer {
  const HttpRequest& request;
  const HttpOptions& options;
  HttpResponse response{};
  std::size_t header_bytes = 0;
  bool told_headers = false;
  bool unwanted = false;
  std::optional<Error> error{};  // ours, which is why libcurl was told to stop
  std::array<char, CURL_ERROR_SIZE> detail{};

  bool fail(Error why) {
    error.emplace(std::move(why));
    return false;
  }
  bool add_header(std::string_view line);
  bool tell_headers();
  bool add_body(std::span<const std::byte> bytes);

  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self) {
    const std::string_view line(data, size * count);
    return static_cast<Transfer*>(self)->add_header(line) ? line.size() : 0;
  }
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self) {
    const auto bytes = std::as_bytes(std::span(data, size * count));
    return static_cast<Transfer*>(self)->add_body(bytes) ? bytes.size() : 0;
  }
  static int on_tick(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    auto& transfer = *static_cast<Transfer*>(self);
    transfer.unwanted = transfer.options.cancelled && transfer.options.cancelled();
    return transfer.unwanted ? 1 : 0;
  }
};

bool HttpClient::Transfer::add_header(std::string_view line) {
  header_bytes += line.size();
  if (header_bytes > kMaxHeaderBytes) {
    return fail({Errc::kCorrupt, response.host + ": its answer's head is too long"});
  }
  if (line.starts_with("HTTP/")) {  // another answer begins: after a 100, or a proxy's
    response.headers.clear();
    response.status = 0;
    const std::size_t space = line.find(' ');
    for (std::size_t i = space + 1;
         space != std::string_view::npos && i < line.size() && i < space + 4; ++i) {
      if (line[i] < '0' || line[i] > '9') break;
      response.status = response.status * 10 + (line[i] - '0');
    }
    return true;
  }
  const std::size_t colon = line.find(':');
  if (colon != std::string_view::npos) {
    response.headers.emplace(lower(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
  }
  return true;
}

bool HttpClient::Transfer::tell_headers() {
  if (std::exchange(told_headers, true) || !request.on_headers || !response.is_success())
    return true;
  Status told = request.on_headers(response);
  return told.ok() || fail(std::move(told).error());
}

bool HttpClient::Transfer::add_body(std::span<const std::byte> bytes) {
  if (!tell_headers()) return false;
  if (request.sink && response.is_success()) {
    Status taken = request.sink(bytes);
    return taken.ok() || fail(std::move(taken).error());
  }
  if (response.body.size() + bytes.size() > request.max_body) {
    // Of an error's text the beginning is enough.
    if (!response.is_success()) return true;
    return fail({Errc::kCorrupt, fmt::format("{}: its answer is longer than {} bytes",
                                             response.host, request.max_body)});
  }
  response.body.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());  // bytes as text
  return true;
}

Result<HttpClient> HttpClient::create(HttpOptions options) {
  const Curl* curl = SM_TRY(load_curl());
  CURL* handle = curl->easy_init();
  if (handle == nullptr) return Error(Errc::kExhausted, "libcurl: no memory");
  return HttpClient(curl, handle, std::move(options));
}

Status HttpClient::set_up_tls() {
  const std::string& file = options_.ca_file;
  if (!options_.extra_ca.empty()) {
    // One option holds all that is trusted, so the system's come along.
    std::string all = options_.extra_ca + "\n";
    auto others = read_file(file.empty() ? kSystemCa : file, kMaxCaBytes);
    if (others.ok()) all += others.value();
    curl_blob blob{all.data(), all.size(), CURL_BLOB_COPY};
    set(CURLOPT_CAINFO_BLOB, &blob);
  } else if (!file.empty()) {
    set(CURLOPT_CAINFO, file.c_str());
  }
  if (!options_.ca_directory.empty()) set(CURLOPT_CAPATH, options_.ca_directory.c_str());
  if (options_.skip_tls_verify) {
    set(CURLOPT_SSL_VERIFYPEER, 0L);
    set(CURLOPT_SSL_VERIFYHOST, 0L);
  }
  return {};
}

Status HttpClient::set_up(Transfer& transfer, const HttpRequest& request, const Url& url) {
  curl_->easy_reset(handle_.get());  // connections stay
  set(CURLOPT_URL, url.text.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(CURLOPT_USERAGENT, "supermachine");
  set(CURLOPT_ERRORBUFFER, transfer.detail.data());
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout.count()));
  set(CURLOPT_LOW_SPEED_LIMIT, options_.low_speed);
  set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(options_.low_speed_time.count()));
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(CURLOPT_HTTP09_ALLOWED, 0L);
  set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(&transfer));
  set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&transfer));
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &Transfer::on_tick);
  set(CURLOPT_XFERINFODATA, static_cast<void*>(&transfer));
  if (request.method == "HEAD") set(CURLOPT_NOBODY, 1L);
  if (request.method == "POST") {
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.form.size()));
    set(CURLOPT_COPYPOSTFIELDS, request.form.c_str());
  }
  // As Go's programs have it, our own machine is never behind a proxy. An empty text keeps libcurl
  // from reading the environment itself.
  const std::string& proxy = url.scheme == "https" ? options_.https_proxy : options_.http_proxy;
  set(CURLOPT_PROXY, oci::is_loopback_host(url.host) ? "" : proxy.c_str());
  set(CURLOPT_NOPROXY, options_.no_proxy.c_str());
  return set_up_tls();
}

Result<HttpResponse> HttpClient::send_once(const HttpRequest& request, const Url& url,
                                           bool with_credentials) {
  if (options_.cancelled && options_.cancelled()) return cancelled_error();
  Transfer transfer{.request = request, .options = options_};
  transfer.response.host = url.host;
  SM_TRY(set_up(transfer, request, url));

  std::vector<std::string> lines = request.headers;
  if (with_credentials && !request.authorization.empty()) {
    lines.push_back("Authorization: " + request.authorization);
  }
  const std::unique_ptr<curl_slist, decltype(curl_->slist_free_all)> list = [&] {
    curl_slist* head = nullptr;
    for (const std::string& line : lines) {
      if (!has_line_end(line)) head = curl_->slist_append(head, line.c_str());
    }
    return std::unique_ptr<curl_slist, decltype(curl_->slist_free_all)>(head,
                                                                        curl_->slist_free_all);
  }();
  set(CURLOPT_HTTPHEADER, list.get());

  const CURLcode code = curl_->easy_perform(handle_.get());
  if (transfer.error) return *std::move(transfer.error);
  if (transfer.unwanted) return cancelled_error();
  if (code != CURLE_OK) {
    return transport_error(*curl_, code, url, trimmed(transfer.detail.data()));
  }
  if (!transfer.tell_headers()) return *std::move(transfer.error);  // of an empty body
  return std::move(transfer.response);
}

Result<HttpResponse> HttpClient::send(const HttpRequest& request) {
  Url url = SM_TRY(Url::parse(*curl_, request.url));
  const std::string origin = url.origin();
  for (int redirects = 0;; ++redirects) {
    HttpResponse response = SM_TRY(send_once(request, url, url.origin() == origin));
    if (!is_redirect(response.status) || !request.follow_redirects) return response;
    if (redirects == kMaxRedirects) {
      return Error(Errc::kCorrupt, url.host + ": redirects too often");
    }
    url = SM_TRY(url.redirected(*curl_, response.header("location")));
  }
}

}  // namespace supermachine::registry
