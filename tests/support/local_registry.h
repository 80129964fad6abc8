// SPDX-License-Identifier: Apache-2.0
// Debian's docker-registry on a free port of loopback, with a directory of its own, for as long as
// the object lives; and skopeo to put images there.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/files.h"

namespace supermachine {

struct LocalRegistryOptions {
  bool basic_auth = false;  // user "me", password "secret"
  bool tls = false;         // with a certificate of its own, see certificate()
};

class LocalRegistry {
 public:
  // Answers when this returns. The error says which program is missing.
  static Result<LocalRegistry> start(const LocalRegistryOptions& options = {});
  LocalRegistry(LocalRegistry&& other) noexcept;
  LocalRegistry& operator=(LocalRegistry&&) = delete;
  ~LocalRegistry();

  [[nodiscard]] std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::string certificate() const { return dir_.path() + "/cert.pem"; }

  // "oci-archive:FILE" becomes `name` ("test/app:1"), an index with all of its images.
  Status push(const std::string& source, const std::string& name) const;
  // The manifest or index that it has under that name, as bytes.
  [[nodiscard]] Result<std::string> manifest(const std::string& name) const;
  void stop();

 private:
  LocalRegistry(TempDir dir, LocalRegistryOptions options, std::uint16_t port, pid_t pid)
      : dir_(std::move(dir)), options_(options), port_(port), pid_(pid) {}
  [[nodiscard]] std::vector<std::string> access(const std::string& prefix) const;

  TempDir dir_;
  LocalRegistryOptions options_;
  std::uint16_t port_;
  pid_t pid_;
};

}  // namespace supermachine
