// The VM goes with the process that owns it, however that ends.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "base/files.h"
#include "base/sys.h"
#include "guest.h"

namespace supermachine {
namespace {

using namespace std::chrono_literals;

// A process that owns a VM, in a process group and with a TMPDIR of its own.
struct Owner {
  pid_t pid = -1;
  UniqueFd output;
};

Result<Owner> start_owner(const std::string& temporary, const std::string& vsock_dir) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error::from_errno("pipe2");
  Owner owner{.pid = -1, .output = UniqueFd(ends[0])};
  const UniqueFd write_end(ends[1]);

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDOUT_FILENO);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  std::string program = SM_VM_OWNER;
  std::string image = "oci-archive:" + test_images_dir() + "/busybox.tar";
  std::string dir = vsock_dir;
  std::array<char*, 4> argv{program.data(), image.data(), dir.data(), nullptr};
  std::vector<std::string> variables{"TMPDIR=" + temporary};
  for (char** variable = environ; *variable != nullptr; ++variable)
    if (!std::string_view(*variable).starts_with("TMPDIR=")) variables.emplace_back(*variable);
  std::vector<char*> envp;
  for (std::string& variable : variables) envp.push_back(variable.data());
  envp.push_back(nullptr);
  const int failed =
      ::posix_spawn(&owner.pid, program.c_str(), &actions, &attributes, argv.data(), envp.data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (failed != 0) return Error::from_errno("posix_spawn", failed);
  return owner;
}

// What the owner printed once it printed anything; empty when it ended, or took more than 30 s.
std::string first_words(const Owner& owner) {
  const auto ready = sys::wait_ready(owner.output.get(), POLLIN, deadline_in(30s));
  std::array<std::byte, 64> words{};
  if (!ready.ok() || !ready.value()) return {};
  const auto got = sys::read(owner.output.get(), words);
  if (!got.ok()) return {};
  std::string text;
  for (const std::byte byte : std::span(words).first(got.value())) text += static_cast<char>(byte);
  return text;
}

bool group_is_gone(pid_t group) { return ::kill(-group, 0) != 0 && errno == ESRCH; }

TEST(Owner, KilledLeavesNothingBehind) {
  SM_ASSERT_OK_AND_ASSIGN(const TempDir temporary, TempDir::create());
  SM_ASSERT_OK_AND_ASSIGN(const TempDir vsock_dir, TempDir::create());
  ASSERT_THAT(test_image("busybox"), IsOk());
  SM_ASSERT_OK_AND_ASSIGN(const Owner owner, start_owner(temporary.path(), vsock_dir.path()));
  EXPECT_EQ(first_words(owner), "up\n");

  ASSERT_EQ(::kill(owner.pid, SIGKILL), 0);
  int status = 0;
  ASSERT_EQ(::waitpid(owner.pid, &status, 0), owner.pid);

  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_TRUE(group_is_gone(owner.pid));
  EXPECT_TRUE(entries_of(temporary.path()).empty());
  // The socket file cannot go by itself; the next VM of that directory takes it away.
  SM_ASSERT_OK_AND_ASSIGN(Vm next, start_guest(VmConfig().with_vsock_mux_dir(vsock_dir.path())));
  EXPECT_EQ(entries_of(vsock_dir.path()).size(), 1U);
}

}  // namespace
}  // namespace supermachine
