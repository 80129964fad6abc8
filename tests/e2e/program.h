// SPDX-License-Identifier: Apache-2.0
// Drives the built program as a user would: arguments, pipes or a terminal, signals, exit status.
// Every wait has a deadline; what is still running at the end of a test is killed.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/handles.h"

namespace supermachine {

struct Launch {
  std::vector<std::string> args = {};           // after the program's name
  std::map<std::string, std::string> env = {};  // added to ours
  std::string cwd = {};                         // empty: ours
  std::string program = {};                     // empty: as it was built
  bool terminal = false;                        // one for all three streams
  bool close_stdin = true;                      // at once, unless there is a terminal
  std::function<void()> before_exec = {};       // in the child
};

class Program {
 public:
  explicit Program(const Launch& launch);
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program();

  // These fail the test, and give up, when the deadline passes.
  void write(std::string_view bytes);  // to its standard input, or what is typed
  void close_input();
  void wait_for(std::string_view text);      // in out
  void wait_for_err(std::string_view text);  // in err
  int wait();                                // its exit status; 128 + n for a signal

  [[nodiscard]] bool is_running() const;
  [[nodiscard]] pid_t pid() const { return pid_; }  // -1 once it was waited for
  void signal(int number) const;
  void stop_reading();  // closes our end of its standard output
  void resize(unsigned short rows, unsigned short cols) const;
  [[nodiscard]] bool terminal_is_cooked() const;  // lines, echo, Ctrl-C

  std::string out;  // so far; with a terminal, all of it
  std::string err;

 private:
  using Clock = std::chrono::steady_clock;
  void wait_for(std::string_view text, const std::string& in);
  bool pump(Clock::time_point deadline, std::string_view input = {});
  void open_terminal();
  void read_some(UniqueFd& fd, std::string& to);

  pid_t pid_ = -1;
  UniqueFd in_;
  UniqueFd out_;
  UniqueFd err_;
  UniqueFd terminal_;  // the program's end of it, kept open
  std::size_t written_ = 0;
};

struct Ended {
  int status = -1;
  std::string out;
  std::string err;
};

// Runs the program to its end.
Ended run_program(const Launch& launch, std::string_view input = {});

// "oci-archive:…/NAME.tar" of the images that tools/make-test-images made.
std::string test_image(const std::string& name);
std::string test_layout(const std::string& name);

}  // namespace supermachine
