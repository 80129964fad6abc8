// SPDX-License-Identifier: Apache-2.0
// One repository, wherever it can be had: at its mirrors in turn, then at its registry (OCI
// distribution specification, "Pulling manifests", "Pulling blobs").
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "oci/manifest.h"
#include "registry/authorizer.h"
#include "registry/config.h"
#include "registry/http_client.h"
#include "registry/retry.h"

namespace supermachine::registry {

struct ClientOptions {
  Environment environment;
  HttpOptions http;
  RetryPolicy retry;                          // of blobs
  RetryPolicy metadata_retry{.attempts = 3};  // of the rest, for which somebody waits
  std::function<bool()> cancelled;
};

struct ManifestDocument {
  std::string text;
  std::string media_type;
  oci::Digest digest;  // of the text
};

// Where a blob goes. Calls come in this order; an attempt that fails may be followed by another.
class BlobSink {
 public:
  virtual ~BlobSink() = default;
  // How much is here already: the next attempt asks for the rest.
  [[nodiscard]] virtual std::uint64_t offset() const = 0;
  // What comes next begins at 0 after all.
  virtual Status restart() = 0;
  virtual Status write(std::span<const std::byte> bytes) = 0;
};

// Safe to use from many threads, each of which has Connections of its own.
class RepositoryClient {
 public:
  static Result<std::unique_ptr<RepositoryClient>> create(const oci::RegistryReference& reference,
                                                          ClientOptions options);

  // A thread's clients, one for each endpoint; made when needed.
  class Connections {
   private:
    friend class RepositoryClient;
    std::vector<std::optional<HttpClient>> clients_;
  };

  // `name` is a tag or a digest; what comes has that digest. kNotFound, kUnsupported for docker's
  // schema 1.
  Result<ManifestDocument> manifest(const std::string& name, Connections& connections);

  // The digest that a tag means now, without the manifest; nullopt when the registry does not say.
  std::optional<oci::Digest> digest_of_tag(const std::string& tag, Connections& connections);

  // Puts the blob's bytes into `sink`, all that `descriptor` promises and no more. The sink checks
  // their digest; for one that found it wrong there is the way past the mirrors.
  enum class Ask { kMirrorsFirst, kRegistryOnly };
  Status blob(const oci::Descriptor& descriptor, BlobSink& sink, Connections& connections,
              Ask whom = Ask::kMirrorsFirst);
  [[nodiscard]] bool has_mirrors() const { return places_.size() > 1; }

 private:
  struct Place {
    Endpoint endpoint;
    std::unique_ptr<Authorizer> authorizer;
  };

  RepositoryClient(std::string name, std::vector<Place> places, ClientOptions options)
      : name_(std::move(name)), places_(std::move(places)), options_(std::move(options)) {}

  Result<HttpClient*> connection(std::size_t place, Connections& connections);
  // One request with what authorization it takes. Of answers only those that are no failure.
  Result<HttpResponse> send(std::size_t place, HttpRequest request, const std::string& what,
                            Connections& connections, Retry& retry);
  Result<ManifestDocument> manifest_from(std::size_t place, const std::string& name,
                                         Connections& connections, Retry& retry);
  Status blob_from(std::size_t place, const oci::Descriptor& descriptor, BlobSink& sink,
                   Connections& connections, Retry& retry);
  [[nodiscard]] std::string url(std::size_t place, const char* kind, const std::string& name) const;

  std::string name_;  // for messages
  std::vector<Place> places_;
  ClientOptions options_;
};

inline constexpr std::size_t kMaxManifestBytes = std::size_t{4} << 20;

}  // namespace supermachine::registry
