// SPDX-License-Identifier: Apache-2.0
// Where a VM can run: on this host's KVM, or in the lab, an emulated host that has one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/shared_options.h"
#include "cli/verbs.h"
#include "supermachine/host.h"

namespace supermachine::cli {

// The program that runs a command in the lab: $SUPERMACHINE_LAB, or that of the source tree in
// whose build tree our program lies. kNotFound says where there is one.
Result<std::string> find_lab();

// What keeps the lab from running, each with its remedy.
std::vector<std::string> lab_problems(const std::string& lab);

[[nodiscard]] bool inside_lab();

// "a; b" of a report's problems.
std::string joined(const std::vector<std::string>& problems);

struct EngineChoice {
  bool in_lab = false;
  std::string lab;     // its program, if so
  std::string reason;  // one line for people, if it was our choice
};

// kUnsupported when there is neither a KVM that works nor, where that is allowed, a lab.
Result<EngineChoice> choose_engine(Engine wanted);

// Whether a lab is up that stays up; starting one. Both are asked of `lab`'s siblings.
[[nodiscard]] bool lab_is_up(const std::string& lab);
Status start_lab(const std::string& lab);

// Where the lab has what this machine has in its own runtime directory.
inline constexpr const char* kLabRuntimeDirectory = "/run/supermachine";
// Makes the programs that we start in the lab use it, whatever our own environment says.
void use_lab_runtime_directory();

[[nodiscard]] std::string own_program();

// Whether the image is in the cache already, and the lab, which has no network, must not ask its
// registry again.
enum class ImageIs { kOfNoConcern, kPulled };

// The arguments that make `lab` run `program`'s `verb` with `args`, on the KVM inside.
std::vector<std::string> lab_command(const std::string& lab, const std::string& program,
                                     const std::string& verb, Args args,
                                     ImageIs image = ImageIs::kOfNoConcern);

// Becomes that command. Returns only its failure.
Error enter_lab(const std::string& lab, const std::string& verb, Args args,
                ImageIs image = ImageIs::kOfNoConcern);

}  // namespace supermachine::cli
