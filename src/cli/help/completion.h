// SPDX-License-Identifier: Apache-2.0
// The verbs' tables as what makes a shell complete them. The names of VMs, bakes and images are
// asked of the program when they are wanted.
#pragma once

#include <string>

namespace supermachine::cli {

std::string bash_completion();
std::string zsh_completion();
std::string fish_completion();

}  // namespace supermachine::cli
