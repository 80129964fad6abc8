// SPDX-License-Identifier: Apache-2.0
// An HTTP server on loopback that does what a test tells it, however wrong.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/handles.h"
#include "base/mutex.h"

namespace supermachine {

struct ServedRequest {
  std::string method;
  std::string target;                          // path and query
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  [[nodiscard]] std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
};

// One connection; it is closed when the handler returns.
class ServedConnection {
 public:
  explicit ServedConnection(int fd) : fd_(fd) {}
  // False when the client has gone: time for the handler to end.
  bool send(const std::string& bytes);
  // A whole answer with a right Content-Length. `extra` are whole lines: "Location: /x\r\n".
  bool answer(int status, const std::string& body = {}, const std::string& extra = {});
  // Only the head of one, which promises `length` bytes.
  bool head(int status, std::size_t length, const std::string& extra = {});

 private:
  int fd_;  // borrowed
};

class HttpServer {
 public:
  // Called on a thread for each connection, with its one request.
  using Handler = std::function<void(const ServedRequest&, ServedConnection&)>;

  explicit HttpServer(Handler handler);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();  // ends all connections

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  // What came so far, in order.
  [[nodiscard]] std::vector<ServedRequest> requests();
  // Those whose target holds `text`.
  [[nodiscard]] std::size_t count(const std::string& text);

 private:
  void accept_all();
  void serve(int fd);

  Handler handler_;
  UniqueFd listener_;
  std::uint16_t port_ = 0;
  Mutex mutex_;
  std::vector<ServedRequest> requests_ SM_GUARDED_BY(mutex_);
  std::vector<int> open_ SM_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_ SM_GUARDED_BY(mutex_);
  std::thread accepter_;
};

}  // namespace supermachine
