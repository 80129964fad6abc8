// SPDX-License-Identifier: Apache-2.0
#include "cli/engine.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "cli/open_files.h"

namespace supermachine::cli {
namespace {

namespace fs = std::filesystem;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool is_program(const std::string& path) {
  std::error_code ignored;  // what cannot be looked at is not there for us
  return fs::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
}

bool in_path(const std::string& name) {
  std::string_view rest =
      std::string_view(std::getenv("PATH") == nullptr ? "" : std::getenv("PATH"));
  while (!rest.empty()) {
    const std::size_t colon = rest.find(':');
    if (is_program(std::string(rest.substr(0, colon)) + "/" + name)) return true;
    rest.remove_prefix(colon == std::string_view::npos ? rest.size() : colon + 1);
  }
  return false;
}

// As exec(3) wants them; valid as long as `argv` is.
std::vector<char*> pointers(std::vector<std::string>& argv) {
  std::vector<char*> args;
  args.reserve(argv.size() + 1);
  for (std::string& argument : argv) args.push_back(argument.data());
  args.push_back(nullptr);
  return args;
}

// Whether a program exits with 0. Its output is dropped, its errors too if `quiet`.
bool succeeds(std::vector<std::string> argv, bool quiet = true) {
  const std::vector<char*> args = pointers(argv);
  posix_spawn_file_actions_t actions;
  if (::posix_spawn_file_actions_init(&actions) != 0) return false;
  for (const int fd : {STDOUT_FILENO, STDERR_FILENO}) {
    if (fd == STDERR_FILENO && !quiet) break;
    ::posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_WRONLY, 0);
  }
  pid_t pid = -1;
  const int rc = [&] {
    const CallersOpenFiles callers_limit;
    return ::posix_spawn(&pid, args[0], &actions, nullptr, args.data(), environ);
  }();
  ::posix_spawn_file_actions_destroy(&actions);
  int status = -1;
  return rc == 0 && ::waitpid(pid, &status, 0) == pid && status == 0;
}

bool lab_is_built(const fs::path& tree) {
  const std::string chosen = variable("SUPERMACHINE_LAB_BIN");
  if (!chosen.empty() && is_program(chosen + "/supermachine-lab")) return true;
  std::error_code ignored;
  for (fs::directory_iterator at(tree / "build", ignored), end; !ignored && at != end;
       at.increment(ignored)) {
    if (is_program((at->path() / "bin/supermachine-lab").string())) return true;
  }
  return false;
}

}  // namespace

bool inside_lab() { return variable("SUPERMACHINE_IN_LAB") == "1"; }

std::string own_program() {
  std::error_code ignored;  // an empty path is refused by whoever uses it
  return fs::read_symlink("/proc/self/exe", ignored).string();
}

std::string joined(const std::vector<std::string>& problems) {
  std::string all;
  for (const std::string& problem : problems) all += (all.empty() ? "" : "; ") + problem;
  return all;
}

Result<std::string> find_lab() {
  if (const std::string chosen = variable("SUPERMACHINE_LAB"); !chosen.empty()) {
    if (is_program(chosen)) return chosen;
    return Error(Errc::kNotFound, "SUPERMACHINE_LAB: " + chosen + " is not a program");
  }
  // Of a build tree, in whose bin/ we lie.
  const fs::path beside = fs::path(own_program()).parent_path() / "../../../lab/run";
  if (const std::string path = beside.lexically_normal().string(); is_program(path)) return path;
  return Error(Errc::kNotFound,
               "the lab, an emulated host, comes with supermachine's source tree only: set "
               "SUPERMACHINE_LAB to the tree's lab/run");
}

std::vector<std::string> lab_problems(const std::string& lab) {
  std::vector<std::string> problems;
  if (!in_path("qemu-system-x86_64")) {
    problems.emplace_back("qemu-system-x86_64 is missing: apt-get install qemu-system-x86");
  }
  std::error_code ignored;
  const fs::path tree = fs::weakly_canonical(lab, ignored).parent_path().parent_path();
  const fs::path build = tree / "guest/kernel/build";
  if (!is_program(build.string())) return problems;  // a lab of another make knows for itself
  if (!lab_is_built(tree)) {
    problems.emplace_back(
        "the lab's programs are not built: cmake --preset release && cmake --build --preset "
        "release --target lab");
  }
  const std::string guest = (tree / "guest/kernel/guest.config").string();
  const std::string host = (tree / "lab/lab-host.config").string();
  if (variable("SUPERMACHINE_LAB_KERNEL").empty() &&
      !succeeds({build.string(), "--where", guest, host})) {
    problems.push_back("the lab's kernel is not built: " + build.string() + " " + guest + " " +
                       host);
  }
  return problems;
}

Result<EngineChoice> choose_engine(Engine wanted) {
  EngineChoice choice;
  // The lab's KVM is known, and the probe would cost a tenth of a boot there.
  if (inside_lab()) return choice;
  const bool here_only = wanted == Engine::kKvm;
  if (wanted != Engine::kLab) {
    const HostReport host = check_host();
    if (host.usable()) return choice;
    const std::string why = "this host's KVM cannot run VMs: " + joined(host.problems);
    if (here_only) {
      return Error(Errc::kUnsupported, why + " ('--engine lab' runs them in an emulated host)");
    }
    choice.reason = why + "; continuing in the lab, an emulated host";
  }
  const auto refuse = [&](const std::string& problem) {
    return Error(Errc::kUnsupported,
                 choice.reason.empty()
                     ? problem
                     : choice.reason.substr(0, choice.reason.rfind("; continuing")) +
                           "; nor can the lab: " + problem);
  };
  auto lab = find_lab();
  if (!lab.ok()) return refuse(lab.error().message());
  const auto problems = lab_problems(lab.value());
  if (!problems.empty()) return refuse(joined(problems));
  choice.in_lab = true;
  choice.lab = std::move(lab).value();
  return choice;
}

bool lab_is_up(const std::string& lab) {
  const std::string program = (fs::path(lab).parent_path() / "lab").string();
  return is_program(program) && succeeds({program, "status"});
}

Status start_lab(const std::string& lab) {
  const std::string program = (fs::path(lab).parent_path() / "start").string();
  if (!is_program(program)) {
    return Error(Errc::kNotFound, "a lab that stays up is needed, and there is no " + program);
  }
  if (succeeds({program}, false)) return {};
  return Error(Errc::kUnsupported, "the lab did not start: " + program);
}

void use_lab_runtime_directory() { ::setenv("SUPERMACHINE_RUNTIME", kLabRuntimeDirectory, 1); }

std::vector<std::string> lab_command(const std::string& lab, const std::string& program,
                                     const std::string& verb, Args args, ImageIs image) {
  std::vector<std::string> argv{lab, "--", program, verb, "--engine", "kvm"};
  if (image == ImageIs::kPulled) argv.insert(argv.end(), {"--pull", "never"});
  argv.insert(argv.end(), args.begin(), args.end());
  return argv;
}

Error enter_lab(const std::string& lab, const std::string& verb, Args args, ImageIs image) {
  use_lab_runtime_directory();
  std::vector<std::string> argv = lab_command(lab, own_program(), verb, args, image);
  const std::vector<char*> words = pointers(argv);
  ::signal(SIGPIPE, SIG_DFL);  // which main() changed
  const CallersOpenFiles callers_limit;
  ::execv(words[0], words.data());
  return Error::from_errno(lab);
}

}  // namespace supermachine::cli
