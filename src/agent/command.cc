// SPDX-License-Identifier: Apache-2.0
#include "agent/command.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "agent/files.h"

namespace supermachine::agent {
namespace {

bool has_variable(const std::vector<std::string>& env, std::string_view name) {
  return std::any_of(env.begin(), env.end(), [name](const std::string& entry) {
    return entry.starts_with(name) && entry.size() > name.size() && entry[name.size()] == '=';
  });
}

void complete_environment(rpc::ExecRequest& request, const User& user) {
  if (!has_variable(request.env, "PATH")) request.env.emplace_back(kDefaultPath);
  if (!has_variable(request.env, "HOME")) request.env.push_back("HOME=" + user.home);
  if (request.tty && !has_variable(request.env, "TERM")) request.env.emplace_back("TERM=xterm");
  if (!has_variable(request.env, "HOSTNAME")) {
    std::array<char, 65> name{};
    if (::gethostname(name.data(), name.size() - 1) == 0) {
      request.env.push_back("HOSTNAME=" + std::string(name.data()));
    }
  }
}

}  // namespace

Result<User> prepare_command(rpc::ExecRequest& request, Users& users) {
  User user = SM_TRY(users.find(request.user));
  for (const rpc::StagedFile& file : request.staged_files) {
    SM_TRY(write_file(file.path, file.mode, file.content, user));
  }
  request.staged_files.clear();
  if (request.create_cwd && !request.cwd.empty()) SM_TRY(make_path(request.cwd));
  complete_environment(request, user);
  return user;
}

Error explain_spawn(const SpawnRequest& request, const Spawned& failed) {
  const std::string why = std::strerror(failed.failed_errno);
  if (failed.failed_step == SpawnStep::kDirectory) {
    return {Errc::kNotFound, "working directory " + request.cwd + ": " + why};
  }
  const char* step = failed.failed_step == SpawnStep::kUser       ? "set user and groups: "
                     : failed.failed_step == SpawnStep::kTerminal ? "set controlling terminal: "
                                                                  : "start command: ";
  return {Errc::kOs, step + why};
}

}  // namespace supermachine::agent
