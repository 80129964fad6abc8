// SPDX-License-Identifier: Apache-2.0
// Which call a request begins.
#pragma once

#include "agent/call.h"

namespace supermachine::agent {

// The call that `request` asks for; the caller starts it. Empty when the request was carried out at
// once: then its end has been reported to `context`.
Result<std::unique_ptr<Call>> make_call(const CallContext& context, const rpc::FrameView& request);

}  // namespace supermachine::agent
