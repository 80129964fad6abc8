// SPDX-License-Identifier: Apache-2.0
#include "api/state.h"
#include "base/tcp.h"
#include "instance/port_forwards.h"
#include "supermachine/ports.h"
#include "supermachine/vm.h"

namespace supermachine {

struct TcpForward::State {
  std::shared_ptr<PortForwards> forwards;  // the VM's, which may end first
  PortForwards::Id id;
  std::string address;
  std::uint16_t port;

  ~State() { forwards->remove(id); }
};

TcpForward::TcpForward(detail::Owned<State> state) : state_(std::move(state)) {}
TcpForward::TcpForward(TcpForward&&) noexcept = default;
TcpForward& TcpForward::operator=(TcpForward&&) noexcept = default;
TcpForward::~TcpForward() = default;

std::uint16_t TcpForward::port() const noexcept { return state_->port; }
const std::string& TcpForward::address() const noexcept { return state_->address; }

Result<TcpForward> Vm::expose_tcp(const std::string& address, std::uint16_t host_port,
                                  std::uint16_t guest_port) {
  SM_TRY(state_->check_agent(rpc::kFeaturePorts));
  if (guest_port == 0) return Error(Errc::kInvalidArgument, "a guest port is 1 to 65535");
  TcpListener listener = SM_TRY(tcp_listen(address, host_port));
  const auto& forwards = state_->instance->port_forwards();
  const auto id = SM_TRY(forwards->add(std::move(listener.socket), guest_port));
  return TcpForward(std::unique_ptr<TcpForward::State>(
      new TcpForward::State{forwards, id, address, listener.port}));
}

Result<TcpForward> Vm::expose_tcp(std::uint16_t host_port, std::uint16_t guest_port) {
  return expose_tcp("127.0.0.1", host_port, guest_port);
}

}  // namespace supermachine
