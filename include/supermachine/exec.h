// SPDX-License-Identifier: Apache-2.0
// Commands in a VM.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "supermachine/detail/pointers.h"
#include "supermachine/detail/std.h"
#include "supermachine/result.h"

namespace supermachine {

// How a command ended, and, where they were collected, what it wrote.
struct ExecOutcome {
  int status = 0;  // its exit status; 128 + n when signal n ended it; 126 or 127 when it could not
                   // be run or found
  std::string stdout;
  std::string stderr;
  std::chrono::nanoseconds duration{};  // from the first start to the last exit, in the guest
  bool timed_out = false;               // it was ended because ExecBuilder::timeout() passed
  std::uint64_t peak_rss_kib = 0;       // the most memory one of its processes had
  std::size_t step = 0;                 // which command ran last: 0 is argv(), n the n-th chain()

  [[nodiscard]] bool success() const noexcept { return status == 0 && !timed_out; }
};

// What a running command does next. The outcome comes last; its stdout and stderr are empty.
struct ExecStdout {
  std::string data;
};
struct ExecStderr {
  std::string data;
};
using ExecEvent = std::variant<ExecStdout, ExecStderr, ExecOutcome>;

// A command that runs. For one thread at a time. Destroying it before the outcome kills the
// command.
class ExecChild {
 public:
  using Timeout = std::optional<std::chrono::milliseconds>;  // nullopt: none

  ExecChild(ExecChild&&) noexcept;
  ExecChild& operator=(ExecChild&&) noexcept;
  ~ExecChild();

  // The next event. kTimeout when there is none in time (the command goes on); kGuestFault when the
  // VM ended before the command did.
  Result<ExecEvent> next(Timeout timeout = {});
  // The same without waiting; nullopt for now there is none.
  Result<std::optional<ExecEvent>> try_next();

  // Reads to the end and collects. What exceeds 1 GiB is kExhausted.
  Result<ExecOutcome> wait(Timeout timeout = {});

  // Returns when the command's standard input has taken all of `bytes`. Output that comes meanwhile
  // is kept for next(), up to 8 MiB; beyond that it fails with kExhausted.
  Status write_stdin(std::string_view bytes, Timeout timeout = {});
  // How many bytes were taken without waiting, perhaps none.
  Result<std::size_t> try_write_stdin(std::string_view bytes);
  void close_stdin();

  // Signal `number`, as Linux numbers them, to the command and what it started.
  Status signal(int number);
  // A new size of the terminal.
  Status resize(std::uint16_t rows, std::uint16_t cols);

  // Of a workload: bytes of its output before those that next() gave last which the guest did not
  // keep until they could be read.
  [[nodiscard]] std::uint64_t skipped_bytes() const noexcept;

  // For callers with a poll(2) of their own: wait until fd() is readable, or writable while
  // wants_write(), then call try_next() until it gives nothing.
  [[nodiscard]] int fd() const noexcept;
  [[nodiscard]] bool wants_write() const noexcept;

 private:
  friend class ExecBuilder;
  friend class GuestCalls;
  struct State;
  explicit ExecChild(detail::Owned<State> state);
  detail::Owned<State> state_;
};

// Describes a command, then runs it. From Vm::exec_builder(); the VM must outlive what it starts.
//
//   auto outcome = vm.exec_builder().argv({"sh", "-c", "wc -l < in"}).cwd("/tmp")
//                      .stage_file("/tmp/in", "a\nb\n").timeout(5s).output();
class ExecBuilder {
 public:
  ExecBuilder(const ExecBuilder&);
  ExecBuilder& operator=(const ExecBuilder&);
  ExecBuilder(ExecBuilder&&) noexcept;
  ExecBuilder& operator=(ExecBuilder&&) noexcept;
  ~ExecBuilder();

  // The program, looked up in the command's PATH, and its arguments.
  ExecBuilder& argv(std::vector<std::string> argv);
  // Adds to the image's environment or replaces part of it.
  ExecBuilder& env(std::string_view name, std::string_view value);
  // Default: the image's working directory, which is made if it is missing.
  ExecBuilder& cwd(std::string dir);
  // "name", "uid", "name:group" or "uid:gid", by the image's own passwd. Default: the image's user.
  ExecBuilder& user(std::string user);
  // A terminal for standard input, output and error; all output is then ExecStdout.
  ExecBuilder& tty(bool on = true);
  ExecBuilder& winsize(std::uint16_t rows, std::uint16_t cols);
  // Lets spawn() write standard input. Default: it is empty.
  ExecBuilder& with_stdin(bool on = true);
  // What output() gives the command to read.
  ExecBuilder& input(std::string bytes);
  // Of all steps together; the guest then ends them and the outcome says so. Default: none.
  ExecBuilder& timeout(std::chrono::milliseconds timeout);
  // Writes a small file before the command starts, in the same round trip.
  ExecBuilder& stage_file(std::string path, std::string bytes, std::uint32_t mode = 0644);
  // One more command, run if all before it succeeded, with the same settings; same round trip.
  ExecBuilder& chain(std::vector<std::string> argv);

  // Runs the command to its end. kGuestFault when the VM ended first. Without a timeout() it waits
  // for as long as the command takes.
  Result<ExecOutcome> output();
  // Returns when the command runs or turned out not to be runnable.
  Result<ExecChild> spawn();

 private:
  friend class GuestCalls;
  struct State;
  explicit ExecBuilder(detail::Owned<State> state);
  detail::Owned<State> state_;
};

}  // namespace supermachine
