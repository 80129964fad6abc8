// SPDX-License-Identifier: Apache-2.0
#include "registry/repository_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/json.h"

namespace supermachine::registry {
namespace {

constexpr const char* kAcceptManifests =
    "Accept: application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json";
constexpr int kMaxLogins = 2;  // for one request: a token may expire between two

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

// "bytes 100-199/200": where it begins.
std::optional<std::uint64_t> range_begin(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  if (!text.starts_with(kUnit)) return std::nullopt;
  text.remove_prefix(kUnit.size());
  return number(text.substr(0, text.find('-')));
}

// The first of the errors a registry lists, if it does (distribution specification, "Error codes").
std::string said(const HttpResponse& response) {
  const auto json = parse_json(response.body, "errors");
  if (!json.ok()) return {};
  const Json* errors = find_member(json.value(), "errors");
  if (errors == nullptr || !errors->is_array() || errors->empty()) return {};
  std::string text = string_member(errors->front(), "message");
  if (text.empty()) text = string_member(errors->front(), "code");
  for (char& c : text) c = c >= ' ' && c < 0x7f ? c : '?';
  return text.empty() ? "" : fmt::format(" ({:.200})", text);
}

Error status_error(const HttpResponse& response, const std::string& host, const std::string& what) {
  const std::string status = fmt::format("HTTP status {}{}", response.status, said(response));
  switch (response.status) {
    case 404:
      return {Errc::kNotFound, fmt::format("{} has no {}{}", host, what, said(response))};
    case 401:
    case 403:
      return {Errc::kNotFound, fmt::format("{} gives no access to {}: {}", host, what, status)};
    case 429:
      return {Errc::kExhausted, fmt::format("{}: too many requests{}", host, said(response))};
    default:
      return {response.status >= 500 || response.status == 408 ? Errc::kExhausted : Errc::kCorrupt,
              fmt::format("{}: {}: {}", host, what, status)};
  }
}

std::string media_type_of(const HttpResponse& response, const std::string& text) {
  std::string type = response.header("content-type");
  type = type.substr(0, type.find(';'));
  const auto is_known = [](const std::string& name) {
    oci::Descriptor descriptor;
    descriptor.media_type = name;
    return descriptor.is_index() || descriptor.is_manifest();
  };
  if (is_known(type)) return type;
  // Some send text/plain: what the document says of itself is under its digest.
  const auto json = parse_json(text, "manifest");
  if (!json.ok()) return type;
  const std::string own = string_member(json.value(), "mediaType");
  if (is_known(own)) return own;
  if (number_member(json.value(), "schemaVersion") == std::optional<std::uint64_t>(2)) {
    if (find_member(json.value(), "manifests") != nullptr) {
      return "application/vnd.oci.image.index.v1+json";
    }
    if (find_member(json.value(), "layers") != nullptr) {
      return "application/vnd.oci.image.manifest.v1+json";
    }
  }
  return type;
}

bool is_schema1(const std::string& type, const std::string& text) {
  if (type.starts_with("application/vnd.docker.distribution.manifest.v1")) return true;
  const auto json = parse_json(text, "manifest");
  return json.ok() &&
         number_member(json.value(), "schemaVersion") == std::optional<std::uint64_t>(1);
}

}  // namespace

Result<std::unique_ptr<RepositoryClient>> RepositoryClient::create(
    const oci::RegistryReference& reference, ClientOptions options) {
  const RegistryConfig config = SM_TRY(load_registry_config(options.environment));
  options.http.http_proxy = options.environment.http_proxy;
  options.http.https_proxy = options.environment.https_proxy;
  options.http.no_proxy = options.environment.no_proxy;
  options.http.ca_file = options.environment.ca_file;
  options.http.ca_directory = options.environment.ca_directory;
  options.http.cancelled = options.cancelled;
  std::vector<Place> places;
  for (Endpoint& endpoint : SM_TRY(endpoints_of(reference, config, options.environment))) {
    auto authorizer = std::make_unique<Authorizer>(endpoint, options.environment);
    places.push_back({std::move(endpoint), std::move(authorizer)});
  }
  return std::unique_ptr<RepositoryClient>(
      new RepositoryClient(reference.familiar(), std::move(places), std::move(options)));
}

std::string RepositoryClient::url(std::size_t place, const char* kind,
                                  const std::string& name) const {
  const Endpoint& endpoint = places_[place].endpoint;
  return fmt::format("{}/v2/{}/{}/{}", endpoint.base, endpoint.repository, kind, name);
}

Result<HttpClient*> RepositoryClient::connection(std::size_t place, Connections& connections) {
  connections.clients_.resize(places_.size());
  auto& client = connections.clients_[place];
  if (!client) {
    HttpOptions http = options_.http;
    http.skip_tls_verify = places_[place].endpoint.skip_tls_verify;
    http.extra_ca = places_[place].endpoint.extra_ca;
    client.emplace(SM_TRY(HttpClient::create(std::move(http))));
  }
  return &*client;
}

Result<HttpResponse> RepositoryClient::send(std::size_t place, HttpRequest request,
                                            const std::string& what, Connections& connections,
                                            Retry& retry) {
  HttpClient& http = *SM_TRY(connection(place, connections));
  Authorizer& authorizer = *places_[place].authorizer;
  for (int logins = 0;; ++logins) {
    request.authorization = authorizer.current();
    retry.saw(0);  // no answer is none of before
    HttpResponse response = SM_TRY(http.send(request));
    retry.saw(response.status);
    if (response.is_success()) return response;
    if (response.status == 401 && logins < kMaxLogins) {
      SM_TRY(authorizer.answer(response, request.authorization, http));
      continue;
    }
    if (const auto wait =
            parse_retry_after(response.header("retry-after"), std::chrono::system_clock::now())) {
      retry.ask_to_wait(*wait);
    }
    return status_error(response, places_[place].endpoint.host, what);
  }
}

Result<ManifestDocument> RepositoryClient::manifest_from(std::size_t place, const std::string& name,
                                                         Connections& connections, Retry& retry) {
  HttpRequest request;
  request.url = url(place, "manifests", name);
  request.headers = {kAcceptManifests};
  request.max_body = kMaxManifestBytes;
  const std::string what =
      places_[place].endpoint.repository + (name.starts_with("sha256:") ? "@" : ":") + name;
  HttpResponse response = SM_TRY(send(place, request, what, connections, retry));
  ManifestDocument out{std::move(response.body), {}, {}};
  out.digest = oci::Sha256::of(out.text);
  const std::string promised =
      name.starts_with("sha256:") ? name : response.header("docker-content-digest");
  if (promised.starts_with("sha256:") && promised != out.digest.text()) {
    return Error(Errc::kCorrupt,
                 fmt::format("{}: manifest {:.80}: digest mismatch: got {}",
                             places_[place].endpoint.host, promised, out.digest.text()));
  }
  out.media_type = media_type_of(response, out.text);
  if (is_schema1(out.media_type, out.text)) {
    return Error(
        Errc::kUnsupported,
        fmt::format("{}: {} is in docker's schema 1, which is not read any more; it has to "
                    "be pushed again by a newer docker",
                    places_[place].endpoint.host, what));
  }
  return out;
}

Result<ManifestDocument> RepositoryClient::manifest(const std::string& name,
                                                    Connections& connections) {
  for (std::size_t place = 0;; ++place) {
    // A mirror that fails has a successor; only the registry itself is asked again.
    const bool is_last = place + 1 == places_.size();
    Retry retry(options_.metadata_retry, options_.cancelled);
    for (;;) {
      auto document = manifest_from(place, name, connections, retry);
      if (document.ok()) return document;
      if (is_cancelled(document.error())) return document;
      if (!is_last) break;
      if (!retry.again(document.error())) return document;
    }
  }
}

std::optional<oci::Digest> RepositoryClient::digest_of_tag(const std::string& tag,
                                                           Connections& connections) {
  HttpRequest request;
  request.method = "HEAD";
  request.headers = {kAcceptManifests};
  for (std::size_t place = 0; place < places_.size(); ++place) {
    Retry retry(options_.metadata_retry, options_.cancelled);
    request.url = url(place, "manifests", tag);
    const auto response = send(place, request, tag, connections, retry);
    if (!response.ok()) continue;
    auto digest = oci::Digest::parse(response.value().header("docker-content-digest"));
    if (digest.ok()) return std::move(digest).value();
    return std::nullopt;
  }
  return std::nullopt;
}

Status RepositoryClient::blob_from(std::size_t place, const oci::Descriptor& descriptor,
                                   BlobSink& sink, Connections& connections, Retry& retry) {
  const std::string& host = places_[place].endpoint.host;
  const std::string what = "blob " + descriptor.digest.short_text();
  const std::uint64_t begin = sink.offset();
  if (begin == descriptor.size) return {};
  HttpRequest request;
  request.url = url(place, "blobs", descriptor.digest.text());
  if (begin != 0) request.headers.push_back(fmt::format("Range: bytes={}-", begin));
  const auto wrong = [&](const std::string& why) {
    return Error(Errc::kCorrupt, fmt::format("{}: {} {}", host, what, why));
  };
  request.on_headers = [&](const HttpResponse& response) -> Status {
    const bool is_rest = response.status == 206;
    if (is_rest && range_begin(response.header("content-range")) != std::optional(begin)) {
      return wrong("comes from another place than was asked for");
    }
    if (!is_rest) SM_TRY(sink.restart());  // a Range may be ignored
    const auto length = number(response.header("content-length"));
    if (length && *length != descriptor.size - sink.offset()) {
      return wrong(fmt::format("has {} bytes, its manifest says {}", *length + sink.offset(),
                               descriptor.size));
    }
    return {};
  };
  request.sink = [&](std::span<const std::byte> bytes) -> Status {
    if (bytes.size() > descriptor.size - sink.offset()) {
      return wrong(
          fmt::format("does not end after the {} bytes its manifest says", descriptor.size));
    }
    return sink.write(bytes);
  };
  auto response = send(place, request, what, connections, retry);
  if (!response.ok()) return std::move(response).error();
  if (sink.offset() != descriptor.size) {
    return Error(Errc::kOs, fmt::format("{}: {} ended after {} of {} bytes", host, what,
                                        sink.offset(), descriptor.size));
  }
  return {};
}

Status RepositoryClient::blob(const oci::Descriptor& descriptor, BlobSink& sink,
                              Connections& connections, Ask whom) {
  // Only what goes beyond it is progress: who begins again each time never ends.
  std::uint64_t farthest = sink.offset();
  bool begun_again = false;
  for (std::size_t place = whom == Ask::kMirrorsFirst ? 0 : places_.size() - 1;; ++place) {
    const bool is_last = place + 1 == places_.size();
    Retry retry(options_.retry, options_.cancelled);
    for (;;) {
      Status done = blob_from(place, descriptor, sink, connections, retry);
      if (done.ok() || is_cancelled(done.error())) return done;
      if (sink.offset() > farthest) retry.progressed();
      farthest = std::max(farthest, sink.offset());
      // What we have is no beginning of what is there. Once: then the registry contradicts itself.
      constexpr int kRangeNotSatisfiable = 416;
      if (retry.last_status() == kRangeNotSatisfiable && sink.offset() != 0 &&
          !std::exchange(begun_again, true)) {
        SM_TRY(sink.restart());
        farthest = 0;
        continue;
      }
      if (!is_last) break;
      if (!retry.again(done.error())) return done;
    }
  }
}

}  // namespace supermachine::registry
