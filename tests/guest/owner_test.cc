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
struct OwnerProcess {
  pid_t pid = -1;
  UniqueFd output;
};

Result<OwnerProcess> start_owner(const std::string& temporary, const std::string& vsock_dir) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error::from_errno("pipe2");
  OwnerProcess owner{.pid = -1, .output = UniqueFd(ends[0])};
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
std::string first_words(const OwnerProcess& owner) {
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

class Owner : public ::testing::Test {
 protected:
  // Starts an owner, kills it when its VM is up, and checks that no process of it is left.
  void start_and_kill(const std::string& vsock_dir) {
    SM_ASSERT_OK_AND_ASSIGN(const TempDir temporary, TempDir::create());
    ASSERT_THAT(test_image("busybox"), IsOk());
    SM_ASSERT_OK_AND_ASSIGN(const OwnerProcess owner, start_owner(temporary.path(), vsock_dir));
    EXPECT_EQ(first_words(owner), "up\n");

    ASSERT_EQ(::kill(owner.pid, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(owner.pid, &status, 0), owner.pid);

    EXPECT_TRUE(WIFSIGNALED(status));
    EXPECT_TRUE(group_is_gone(owner.pid));
    EXPECT_TRUE(entries_of(temporary.path()).empty());
  }
};

TEST_F(Owner, KilledLeavesNothingBehind) { start_and_kill(""); }

// Nobody can remove the socket file of a process that was killed. Nothing answers there.
TEST_F(Owner, KilledWithASocketFileLeavesThatOnly) {
  SM_ASSERT_OK_AND_ASSIGN(const TempDir vsock_dir, TempDir::create());

  start_and_kill(vsock_dir.path());

  const auto left = entries_of(vsock_dir.path());
  ASSERT_EQ(left.size(), 1U);
  const std::string its_own = vsock_dir.path() + "/" + left[0];
  EXPECT_THAT(entries_of(its_own), ::testing::ElementsAre("vsock"));
  EXPECT_FALSE(sys::unix_connect(its_own + "/vsock").ok());
}

}  // namespace
}  // namespace supermachine
