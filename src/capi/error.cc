// SPDX-License-Identifier: Apache-2.0
#include "supermachine/c/error.h"

#include "capi/call.h"
#include "capi/handles.h"

namespace supermachine::capi {
namespace {

// SUPERMACHINE_OK is 0, so that the codes begin at 1.
supermachine_status to_status(Errc code) { return static_cast<supermachine_status>(code) + 1; }

static_assert(static_cast<int>(Errc::kInvalidArgument) + 1 == SUPERMACHINE_INVALID_ARGUMENT);
static_assert(static_cast<int>(Errc::kNotFound) + 1 == SUPERMACHINE_NOT_FOUND);
static_assert(static_cast<int>(Errc::kUnsupported) + 1 == SUPERMACHINE_UNSUPPORTED);
static_assert(static_cast<int>(Errc::kExhausted) + 1 == SUPERMACHINE_EXHAUSTED);
static_assert(static_cast<int>(Errc::kTimeout) + 1 == SUPERMACHINE_TIMEOUT);
static_assert(static_cast<int>(Errc::kCorrupt) + 1 == SUPERMACHINE_CORRUPT);
static_assert(static_cast<int>(Errc::kGuestFault) + 1 == SUPERMACHINE_GUEST_FAULT);
static_assert(static_cast<int>(Errc::kOs) + 1 == SUPERMACHINE_OS);

}  // namespace

supermachine_status fail(supermachine_error** out, Error error) {
  const supermachine_status status = to_status(error.code());
  if (out != nullptr) *out = new supermachine_error{std::move(error)};
  return status;
}

supermachine_status finish(supermachine_error** out, Status status) {
  return status.ok() ? SUPERMACHINE_OK : fail(out, std::move(status).error());
}

Errc to_errc(supermachine_status status) {
  if (status < SUPERMACHINE_INVALID_ARGUMENT || status > SUPERMACHINE_OS)
    return Errc::kInvalidArgument;
  return static_cast<Errc>(status - 1);
}

}  // namespace supermachine::capi

using namespace supermachine::capi;

const char* supermachine_status_name(supermachine_status status) noexcept {
  switch (status) {
    case SUPERMACHINE_OK:
      return "ok";
    case SUPERMACHINE_INVALID_ARGUMENT:
      return "invalid argument";
    case SUPERMACHINE_NOT_FOUND:
      return "not found";
    case SUPERMACHINE_UNSUPPORTED:
      return "unsupported";
    case SUPERMACHINE_EXHAUSTED:
      return "exhausted";
    case SUPERMACHINE_TIMEOUT:
      return "timeout";
    case SUPERMACHINE_CORRUPT:
      return "corrupt";
    case SUPERMACHINE_GUEST_FAULT:
      return "guest fault";
    case SUPERMACHINE_OS:
      return "system call failed";
    default:
      return "unknown status";
  }
}

supermachine_error* supermachine_error_new(supermachine_status code, const char* message) noexcept {
  return new supermachine_error{
      supermachine::Error(to_errc(code), message == nullptr ? "" : message)};
}
void supermachine_error_free(supermachine_error* error) noexcept { delete error; }

supermachine_status supermachine_error_code(const supermachine_error* error) noexcept {
  return get(error, [](auto& e) { return to_status(e.error.code()); });
}
int supermachine_error_os_errno(const supermachine_error* error) noexcept {
  return get(error, [](auto& e) { return e.error.os_errno(); });
}
const char* supermachine_error_message(const supermachine_error* error) noexcept {
  return get_string(
      error, [](auto& e) -> auto& { return e.error.message(); });
}
