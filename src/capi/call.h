// SPDX-License-Identifier: Apache-2.0
// How a C function calls C++: checks its arguments, runs a lambda that returns a Result, and turns
// what that gives into a status, an error and a handle. Entry points are noexcept, so an exception
// (there are none but std::bad_alloc) ends the process there.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "supermachine/c/values.h"
#include "supermachine/result.h"

namespace supermachine::capi {

// An argument that must not be NULL, and what the header calls it.
struct Argument {
  const char* name;
  const void* pointer;
};

// Gives `error` away and returns its code.
supermachine_status fail(supermachine_error** out, Error error);
// `status`, given away if it is an error.
supermachine_status finish(supermachine_error** out, Status status);
// The first argument that is NULL, as an error.
Status check(std::initializer_list<Argument> required);
Errc to_errc(supermachine_status status);

template <typename F>
supermachine_status call(supermachine_error** error, std::initializer_list<Argument> required,
                         F&& body) {
  if (error != nullptr) *error = nullptr;
  if (Status checked = check(required); !checked.ok()) return finish(error, std::move(checked));
  return finish(error, body());
}

// body() gives what a T is made of, or an optional of it: then *out stays NULL for nullopt.
template <typename T, typename F>
supermachine_status give(T** out, supermachine_error** error,
                         std::initializer_list<Argument> required, F&& body) {
  if (out != nullptr) *out = nullptr;
  return call(error, required, [&]() -> Status {
    SM_TRY(check({{"the place for the result", out}}));
    auto value = SM_TRY(body());
    if constexpr (requires { value.has_value(); }) {
      if (value.has_value()) *out = new T{*std::move(value)};
    } else {
      *out = new T{std::move(value)};
    }
    return {};
  });
}

// A setter: nothing else can go wrong with it.
template <typename F>
supermachine_status set(std::initializer_list<Argument> required, F&& body) {
  if (!check(required).ok()) return SUPERMACHINE_INVALID_ARGUMENT;
  body();
  return SUPERMACHINE_OK;
}

// Of a getter: nothing of nothing.
template <typename H, typename F>
auto get(const H* handle, F&& read) -> decltype(read(*handle)) {
  return handle == nullptr ? decltype(read(*handle)){} : read(*handle);
}
template <typename H, typename F>
const char* get_string(const H* handle, F&& read) {
  return handle == nullptr ? "" : read(*handle).c_str();
}

// Longer than anybody waits, and short enough that sums of it do not overflow.
constexpr std::chrono::nanoseconds kForever = std::chrono::hours(24 * 365 * 100);

// kInvalidArgument for negative numbers but SUPERMACHINE_FOREVER, which is kForever.
Result<std::chrono::nanoseconds> to_duration(std::int64_t nanoseconds);
Result<std::chrono::milliseconds> to_milliseconds(std::int64_t nanoseconds);

// A setter of a time.
template <typename F>
supermachine_status set_time(const void* handle, std::int64_t nanoseconds, F&& body) {
  auto time = to_milliseconds(nanoseconds);
  if (handle == nullptr || !time.ok()) return SUPERMACHINE_INVALID_ARGUMENT;
  body(time.value());
  return SUPERMACHINE_OK;
}

// Up to the NULL at its end. Nothing for NULL.
std::vector<std::string> to_strings(const char* const* argv);
// NULL with a size is kInvalidArgument.
Status check_bytes(const void* bytes, std::size_t size);
std::string_view to_view(const void* bytes, std::size_t size);
// For a result: the bytes of a string, its size where that is wanted.
const void* give_bytes(const std::string& bytes, std::size_t* size);

}  // namespace supermachine::capi
