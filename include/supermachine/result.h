// SPDX-License-Identifier: Apache-2.0
// Errors are values: every fallible function returns Result<T>, and nothing in supermachine throws.
//
//   Result<std::string> read_config();
//
//   Result<Vm> start_vm() {
//     std::string config = SM_TRY(read_config());  // returns the Error to our caller on failure
//     ...
//   }
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace supermachine {

// What a caller can usefully do about a failure. Add a code only when some caller branches on it;
// everything else belongs in the message.
enum class Errc : std::uint8_t {
  kInvalidArgument,  // the request makes no sense; fix the call
  kNotFound,         // the named thing does not exist
  kUnsupported,      // this host, kernel or build cannot do it
  kExhausted,        // a limit was reached; trying later may work
  kTimeout,          // the deadline passed
  kCorrupt,          // bytes from disk or wire failed validation
  kGuestFault,       // the guest broke a protocol; never fatal to the host process
  kOs,               // a system call failed; see Error::os_errno()
};

class [[nodiscard]] Error {
 public:
  Error(Errc code, std::string message) : code_(code), message_(std::move(message)) {}

  // For a failed system call: `return Error::from_errno("mmap");`
  static Error from_errno(std::string_view call) { return from_errno(call, errno); }
  static Error from_errno(std::string_view call, int os_errno) {
    Error error(Errc::kOs, std::string(call) + ": " + std::strerror(os_errno));
    error.os_errno_ = os_errno;
    return error;
  }

  // Adds what we were doing: "restore base.snap: mmap: Cannot allocate memory".
  [[nodiscard]] Error with(std::string_view context) && {
    message_.insert(0, std::string(context) + ": ");
    return std::move(*this);
  }

  [[nodiscard]] Errc code() const noexcept { return code_; }
  [[nodiscard]] int os_errno() const noexcept { return os_errno_; }
  [[nodiscard]] const std::string& message() const noexcept { return message_; }

 private:
  Errc code_;
  int os_errno_ = 0;
  std::string message_;
};

[[noreturn]] inline void check_failed(const char* expr, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: supermachine bug: check failed: %s\n", file, line, expr);
  std::abort();
}

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit

  [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
  [[nodiscard]] T& value() & { return *checked(std::get_if<0>(&state_)); }
  [[nodiscard]] const T& value() const& { return *checked(std::get_if<0>(&state_)); }
  T value() && {  // not nodiscard: SM_TRY(f()) may be a statement
    return std::move(*checked(std::get_if<0>(&state_)));
  }
  [[nodiscard]] const Error& error() const& { return *checked(std::get_if<1>(&state_)); }
  [[nodiscard]] Error error() && { return std::move(*checked(std::get_if<1>(&state_))); }

 private:
  template <typename P>
  static P* checked(P* p) {
    if (p == nullptr) [[unlikely]]
      check_failed("Result holds the other alternative", __FILE__, __LINE__);
    return p;
  }
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit

  [[nodiscard]] bool ok() const noexcept { return !error_.has_value(); }
  void value() const {
    if (!ok()) [[unlikely]]
      check_failed("Result holds an error", __FILE__, __LINE__);
  }
  // _GLIBCXX_ASSERTIONS is on in every build, so `*` on an empty optional aborts.
  [[nodiscard]] const Error& error() const& { return *error_; }
  [[nodiscard]] Error error() && { return *std::move(error_); }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace supermachine

#define SM_CONCAT_(a, b) a##b
#define SM_CONCAT(a, b) SM_CONCAT_(a, b)

// The value of a Result, or return its Error from the enclosing function.
#define SM_TRY(...) SM_TRY_(SM_CONCAT(supermachine_try_, __COUNTER__), __VA_ARGS__)
#define SM_TRY_(tmp, ...)            \
  __extension__({                    \
    auto tmp = (__VA_ARGS__);        \
    if (!tmp.ok()) [[unlikely]]      \
      return std::move(tmp).error(); \
    std::move(tmp).value();          \
  })

// For our own invariants only, in every build type. Never for input from a guest, file or socket.
#define SM_CHECK(expr) \
  ((expr) ? static_cast<void>(0) : ::supermachine::check_failed(#expr, __FILE__, __LINE__))
