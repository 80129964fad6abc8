// SPDX-License-Identifier: Apache-2.0
#include "supermachine/remote_vm.h"

#include "api/guest_calls.h"
#include "client/mux_socket.h"
#include "rpc/frame.h"

namespace supermachine {

struct RemoteVm::State {
  client::Connector connect;
  ImageConfig image;

  [[nodiscard]] GuestCalls calls() const { return {connect, image}; }
};

RemoteVm RemoteVm::attach(std::string vsock_path, ImageConfig image) {
  const auto open = [path = std::move(vsock_path)](Deadline deadline) {
    return client::connect_mux(path, rpc::kAgentPort, deadline);
  };
  return RemoteVm(std::unique_ptr<State>(new State{open, std::move(image)}));
}

RemoteVm::RemoteVm(detail::Owned<State> state) : state_(std::move(state)) {}
RemoteVm::RemoteVm(RemoteVm&&) noexcept = default;
RemoteVm& RemoteVm::operator=(RemoteVm&&) noexcept = default;
RemoteVm::~RemoteVm() = default;

ExecBuilder RemoteVm::exec_builder() const { return state_->calls().exec_builder(); }

Result<ExecChild> RemoteVm::exec(std::vector<std::string> argv) const {
  return exec_builder().argv(std::move(argv)).spawn();
}

Status RemoteVm::write_file(const std::string& path, std::string_view bytes, std::uint32_t mode) {
  return state_->calls().write_file(path, bytes, mode);
}

Result<std::string> RemoteVm::read_file(const std::string& path, std::size_t max_bytes) {
  return state_->calls().read_file(path, max_bytes);
}

Result<ExecChild> RemoteVm::follow_workload() const { return state_->calls().follow_workload(); }

Status RemoteVm::workload_signal(int number) const {
  return state_->calls().workload_signal(number);
}

Result<std::vector<Listener>> RemoteVm::listeners() const { return state_->calls().listeners(); }

Result<Stream> RemoteVm::connect(std::uint16_t port, std::chrono::milliseconds timeout) const {
  return state_->calls().connect(port, timeout);
}

}  // namespace supermachine
