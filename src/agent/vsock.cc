// SPDX-License-Identifier: Apache-2.0
#include "agent/vsock.h"

#include <sys/socket.h>
// Needs sa_family_t from the line above.
#include <linux/vm_sockets.h>

#include <cerrno>

#include "rpc/frame.h"

namespace supermachine::agent {
namespace {

Result<UniqueFd> vsock_socket() {
  UniqueFd fd(::socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return Error::from_errno("socket(AF_VSOCK)");
  return fd;
}

sockaddr_vm address_of(unsigned cid, unsigned port) {
  sockaddr_vm address{};
  address.svm_family = AF_VSOCK;
  address.svm_cid = cid;
  address.svm_port = port;
  return address;
}

// The sockets API wants every address as a sockaddr.
const sockaddr* generic(const sockaddr_vm& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

}  // namespace

Result<UniqueFd> listen_for_host() {
  UniqueFd fd = SM_TRY(vsock_socket());
  const sockaddr_vm address = address_of(VMADDR_CID_ANY, rpc::kAgentPort);
  if (::bind(fd.get(), generic(address), sizeof(address)) != 0)
    return Error::from_errno("bind vsock");
  if (::listen(fd.get(), SOMAXCONN) != 0) return Error::from_errno("listen on vsock");
  return fd;
}

Result<UniqueFd> connect_to_host() {
  UniqueFd fd = SM_TRY(vsock_socket());
  const sockaddr_vm address = address_of(VMADDR_CID_HOST, rpc::kControlPort);
  if (::connect(fd.get(), generic(address), sizeof(address)) != 0 && errno != EINPROGRESS) {
    return Error::from_errno("connect to host");
  }
  return fd;
}

Status connect_outcome(int socket) {
  int error = 0;
  socklen_t size = sizeof(error);
  if (::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
    return Error::from_errno("getsockopt");
  }
  if (error != 0) return Error::from_errno("connect to host", error);
  return {};
}

}  // namespace supermachine::agent
