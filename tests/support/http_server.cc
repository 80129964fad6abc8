// SPDX-License-Identifier: Apache-2.0
#include "http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

namespace supermachine {
namespace {

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

// Up to the end of the head, and as much body as it promises.
bool read_request(int fd, ServedRequest& request) {
  std::string text;
  std::size_t head_end = std::string::npos;
  std::array<char, 4096> piece{};
  while ((head_end = text.find("\r\n\r\n")) == std::string::npos) {
    const ssize_t got = ::recv(fd, piece.data(), piece.size(), 0);
    if (got <= 0) return false;
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  std::size_t line = text.find("\r\n");
  const std::string first = text.substr(0, line);
  const std::size_t space = first.find(' ');
  request.method = first.substr(0, space);
  request.target = first.substr(space + 1, first.rfind(' ') - space - 1);
  while (line < head_end) {
    const std::size_t begin = line + 2;
    line = text.find("\r\n", begin);
    const std::string field = text.substr(begin, line - begin);
    const std::size_t colon = field.find(": ");
    if (colon != std::string::npos) {
      request.headers[lower(field.substr(0, colon))] = field.substr(colon + 2);
    }
  }
  request.body = text.substr(head_end + 4);
  const std::string length = request.header("content-length");
  while (!length.empty() && request.body.size() < std::stoul(length)) {
    const ssize_t got = ::recv(fd, piece.data(), piece.size(), 0);
    if (got <= 0) return false;
    request.body.append(piece.data(), static_cast<std::size_t>(got));
  }
  return true;
}

}  // namespace

bool ServedConnection::send(const std::string& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t got = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (got <= 0) return false;
    sent += static_cast<std::size_t>(got);
  }
  return true;
}

bool ServedConnection::head(int status, std::size_t length, const std::string& extra) {
  return send("HTTP/1.1 " + std::to_string(status) + " Said\r\nContent-Length: " +
              std::to_string(length) + "\r\nConnection: close\r\n" + extra + "\r\n");
}

bool ServedConnection::answer(int status, const std::string& body, const std::string& extra) {
  return head(status, body.size(), extra) && send(body);
}

HttpServer::HttpServer(Handler handler)
    : handler_(std::move(handler)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* raw = reinterpret_cast<sockaddr*>(&address);  // as the sockets API has it
  socklen_t size = sizeof(address);
  SM_CHECK(::bind(listener_.get(), raw, size) == 0);
  SM_CHECK(::listen(listener_.get(), 64) == 0);
  SM_CHECK(::getsockname(listener_.get(), raw, &size) == 0);
  port_ = ntohs(address.sin_port);
  accepter_ = std::thread([this] { accept_all(); });
}

HttpServer::~HttpServer() {
  ::shutdown(listener_.get(), SHUT_RDWR);
  accepter_.join();
  std::vector<std::thread> threads;
  {
    const MutexLock lock(mutex_);
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
    threads.swap(threads_);
  }
  for (std::thread& thread : threads) thread.join();
}

void HttpServer::accept_all() {
  for (;;) {
    const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const MutexLock lock(mutex_);
    open_.push_back(fd);
    threads_.emplace_back([this, fd] { serve(fd); });
  }
}

void HttpServer::serve(int fd) {
  const UniqueFd owned(fd);
  ServedRequest request;
  if (read_request(fd, request)) {
    {
      const MutexLock lock(mutex_);
      requests_.push_back(request);
    }
    ServedConnection connection(fd);
    handler_(request, connection);
    ::shutdown(fd, SHUT_WR);
  }
  const MutexLock lock(mutex_);
  std::erase(open_, fd);
}

std::vector<ServedRequest> HttpServer::requests() {
  const MutexLock lock(mutex_);
  return requests_;
}

std::size_t HttpServer::count(const std::string& text) {
  const MutexLock lock(mutex_);
  return static_cast<std::size_t>(std::ranges::count_if(requests_, [&](const ServedRequest& it) {
    return it.target.find(text) != std::string::npos;
  }));
}

}  // namespace supermachine
