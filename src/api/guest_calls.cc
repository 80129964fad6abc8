// SPDX-License-Identifier: Apache-2.0
#include "api/guest_calls.h"

#include "api/state.h"
#include "client/files.h"
#include "client/workload.h"

namespace supermachine {
namespace {

// For calls whose work is the agent's own: a GiB takes far less.
constexpr auto kFileTimeout = std::chrono::minutes(10);
constexpr auto kStartTimeout = std::chrono::seconds(30);

}  // namespace

ExecBuilder GuestCalls::exec_builder() const {
  auto state = std::make_unique<ExecBuilder::State>();
  state->connect = connect_;
  state->log = log_;
  state->request.env = image_.env;
  state->request.cwd = image_.working_dir;
  state->request.create_cwd = true;
  state->request.user = image_.user;
  return ExecBuilder(std::move(state));
}

Status GuestCalls::start_workload(const ExecBuilder& command) {
  const ExecBuilder::State& state = *command.state_;
  SM_TRY(client::start_workload(state.connect, {.command = state.request},
                                deadline_in(kStartTimeout)));
  return {};
}

Status GuestCalls::write_file(const std::string& path, std::string_view bytes,
                              std::uint32_t mode) const {
  return client::write_file(connect_, path, mode, std::as_bytes(std::span(bytes)),
                            deadline_in(kFileTimeout));
}

Result<std::string> GuestCalls::read_file(const std::string& path, std::size_t max_bytes) const {
  return client::read_file(connect_, path, max_bytes, deadline_in(kFileTimeout));
}

}  // namespace supermachine
