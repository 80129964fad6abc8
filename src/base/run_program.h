// SPDX-License-Identifier: Apache-2.0
// Runs another program to its end: a helper that is asked one question.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/deadline.h"
#include "supermachine/result.h"

namespace supermachine {

struct ProgramOutput {
  int status = 0;   // exit status; 128 + n for signal n
  std::string out;  // standard output
};

// Looks argv[0] up in $PATH; no shell. `input`, of at most 4 KiB, is its standard input; standard
// error goes nowhere. kNotFound when there is no such program, kTimeout at the deadline, kExhausted
// when it writes more than `max_output` bytes; it is killed then.
Result<ProgramOutput> run_program(const std::vector<std::string>& argv, const std::string& input,
                                  std::size_t max_output, Deadline deadline);

}  // namespace supermachine
