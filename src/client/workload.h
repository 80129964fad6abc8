// SPDX-License-Identifier: Apache-2.0
// The guest's workload, which belongs to the agent. ExecSession::follow() reads along with it.
#pragma once

#include "client/connection.h"

namespace supermachine::client {

// Its process number in the guest. kNotFound for a program that is not there, kInvalidArgument when
// a workload runs already.
Result<std::uint32_t> start_workload(const Connector& connect, const rpc::StartWorkload& request,
                                     Deadline deadline);

// kNotFound when none runs.
Status signal_workload(const Connector& connect, int number, Deadline deadline);

}  // namespace supermachine::client
