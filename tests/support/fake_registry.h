// SPDX-License-Identifier: Apache-2.0
// A registry of one repository, on loopback, that serves an OciImage; single paths can be made to
// misbehave.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/json.h"
#include "http_server.h"
#include "oci_image.h"

namespace supermachine {

class FakeRegistry {
 public:
  using Handler = HttpServer::Handler;

  // The first manifest of the image's index is the tag "1", or the whole index if it has several.
  explicit FakeRegistry(const OciImage& image, std::string repository = "test/app")
      : repository_(std::move(repository)), files_(image.files) {
    const Json index = parse_json(image.files.at("index.json"), "index").value();
    const Json& manifests = index.at("manifests");
    if (manifests.size() == 1) {
      tag("1", read(manifests.at(0)), manifests.at(0).at("mediaType").get<std::string>());
    } else {
      tag("1", image.files.at("index.json"), "application/vnd.oci.image.index.v1+json");
    }
  }

  [[nodiscard]] std::string name() { return server_.host() + "/" + repository_; }
  [[nodiscard]] std::string host() { return server_.host(); }
  [[nodiscard]] std::string reference() { return name() + ":1"; }
  [[nodiscard]] HttpServer& server() { return server_; }
  [[nodiscard]] std::string digest_of(const std::string& tag_name) {
    const MutexLock lock(mutex_);
    return OciImage::digest(tags_.at(tag_name).first);
  }

  void tag(const std::string& name, const std::string& manifest, const std::string& type) {
    const MutexLock lock(mutex_);
    tags_[name] = {manifest, type};
    tags_[OciImage::digest(manifest)] = {manifest, type};
    files_["blobs/sha256/" + OciImage::digest(manifest).substr(7)] = manifest;
  }

  // Requests whose target holds `part` go to `handler`, which may call serve() after all.
  void on(const std::string& part, Handler handler) {
    const MutexLock lock(mutex_);
    handlers_[part] = std::move(handler);
  }
  // Asked before everything else; true when it has answered.
  void guard(std::function<bool(const ServedRequest&, ServedConnection&)> guard) {
    const MutexLock lock(mutex_);
    guard_ = std::move(guard);
  }

  // As a good registry does, with ranges.
  void serve(const ServedRequest& request, ServedConnection& connection) {
    const std::string prefix = "/v2/" + repository_ + "/";
    if (!request.target.starts_with(prefix)) {
      connection.answer(404, R"({"errors":[{"code":"NAME_UNKNOWN","message":"no such name"}]})");
      return;
    }
    const std::string rest = request.target.substr(prefix.size());
    std::string body;
    std::string extra;
    {
      const MutexLock lock(mutex_);
      const std::string last = rest.substr(rest.find('/') + 1);
      if (rest.starts_with("manifests/") && tags_.contains(last)) {
        body = tags_.at(last).first;
        extra = "Content-Type: " + tags_.at(last).second +
                "\r\nDocker-Content-Digest: " + OciImage::digest(body) + "\r\n";
      } else if (last.starts_with("sha256:") && files_.contains("blobs/sha256/" + last.substr(7))) {
        body = files_.at("blobs/sha256/" + last.substr(7));
        if (rest.starts_with("manifests/")) {
          extra = "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n";
        }
      } else {
        connection.answer(404, R"({"errors":[{"code":"UNKNOWN","message":"not here"}]})");
        return;
      }
    }
    if (request.method == "HEAD") {
      connection.head(200, body.size(), extra);
      return;
    }
    const std::string range = request.header("range");
    if (range.starts_with("bytes=")) {
      const std::size_t begin = std::stoul(range.substr(6));
      connection.answer(206, body.substr(begin),
                        extra + "Content-Range: bytes " + std::to_string(begin) + "-" +
                            std::to_string(body.size() - 1) + "/" + std::to_string(body.size()) +
                            "\r\n");
      return;
    }
    connection.answer(200, body, extra);
  }

 private:
  std::string read(const Json& descriptor) {
    return files_.at("blobs/sha256/" + descriptor.at("digest").get<std::string>().substr(7));
  }

  void handle(const ServedRequest& request, ServedConnection& connection) {
    std::function<bool(const ServedRequest&, ServedConnection&)> guard;
    Handler handler;
    {
      const MutexLock lock(mutex_);
      guard = guard_;
      for (const auto& [part, special] : handlers_) {
        if (request.target.find(part) != std::string::npos) handler = special;
      }
    }
    if (guard && guard(request, connection)) return;
    handler ? handler(request, connection) : serve(request, connection);
  }

  Mutex mutex_;
  std::string repository_;
  std::map<std::string, std::string> files_;
  std::map<std::string, std::pair<std::string, std::string>> tags_;
  std::map<std::string, Handler> handlers_;
  std::function<bool(const ServedRequest&, ServedConnection&)> guard_;
  HttpServer server_{[this](const ServedRequest& request, ServedConnection& connection) {
    handle(request, connection);
  }};
};

}  // namespace supermachine
