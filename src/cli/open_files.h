// SPDX-License-Identifier: Apache-2.0
// How many files this process may have open, and those that it starts.
#pragma once

#include <sys/resource.h>

namespace supermachine::cli {

// As many as the hard limit allows: a shell's 1024 are gone with a thousand published connections.
void allow_many_open_files();

// While one of these lives the limit is what our caller set, so that a program which starts
// meanwhile does not get ours: some go through all descriptors that they could have. For one
// thread, while no other opens files.
class CallersOpenFiles {
 public:
  CallersOpenFiles();
  CallersOpenFiles(const CallersOpenFiles&) = delete;
  CallersOpenFiles& operator=(const CallersOpenFiles&) = delete;
  ~CallersOpenFiles();

 private:
  rlimit ours_{};
  bool changed_ = false;
};

}  // namespace supermachine::cli
