// SPDX-License-Identifier: Apache-2.0
// Guests that do not come up: in time, with a reason, and leaving nothing behind.
#include <fcntl.h>

#include "base/files.h"
#include "base/sys.h"
#include "guest.h"

namespace supermachine {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

AssetPaths usual_assets() {
  auto assets = AssetPaths::discover();
  EXPECT_THAT(assets, IsOk());
  return assets.ok() ? assets.value() : AssetPaths{};
}

VmConfig with_agent(const char* agent) {
  return VmConfig().with_assets({.kernel = usual_assets().kernel, .agent = agent});
}

Status write_text(const std::string& path, std::string_view text) {
  const UniqueFd file = SM_TRY(sys::open(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
  return write_all(file.get(), std::as_bytes(std::span(text)));
}

std::size_t open_descriptors() { return entries_of("/proc/self/fd").size(); }
std::size_t threads() { return entries_of("/proc/self/task").size(); }

TEST(BootFailure, APanicIsShownWithItsReason) {
  const auto vm = start_guest(with_agent(SM_DYING_AGENT));

  ASSERT_THAT(vm, Fails(Errc::kGuestFault));
  EXPECT_THAT(vm.error().message(), HasSubstr("panic"));
  EXPECT_THAT(vm.error().message(), HasSubstr("Attempted to kill init! exitcode=0x00000300"));
}

TEST(BootFailure, AnAgentOfAnotherVersionIsRefused) {
  SM_ASSERT_OK_AND_ASSIGN(const TempDir dir, TempDir::create());
  SM_ASSERT_OK_AND_ASSIGN(std::string agent, read_file(usual_assets().agent, 16 << 20));
  const std::string mark("supermachine\0\0\0\0", 16);
  const std::size_t at = agent.find(mark);
  ASSERT_NE(at, agent.npos);
  ASSERT_THAT(write_text(dir.path() + "/agent", agent.replace(at + mark.size(), 5, "9.8.7")),
              IsOk());

  const auto vm = start_guest(with_agent((dir.path() + "/agent").c_str()));

  ASSERT_THAT(vm, Fails(Errc::kInvalidArgument));
  EXPECT_THAT(vm.error().message(),
              HasSubstr(dir.path() + "/agent: the agent of supermachine 9.8.7"));
}

TEST(BootFailure, AnAgentThatIsNoneIsRefused) {
  SM_ASSERT_OK_AND_ASSIGN(const TempDir dir, TempDir::create());
  ASSERT_THAT(write_text(dir.path() + "/agent", "no program"), IsOk());

  const auto vm = start_guest(with_agent((dir.path() + "/agent").c_str()));

  ASSERT_THAT(vm, Fails(Errc::kInvalidArgument));
  EXPECT_THAT(vm.error().message(), HasSubstr("not a supermachine-agent"));
}

TEST(BootFailure, AnAgentThatNeverAnswersIsGivenUpAtTheDeadline) {
  const auto start = std::chrono::steady_clock::now();
  const auto vm = start_guest(with_agent(SM_SILENT_AGENT).with_boot_timeout(6s));
  const auto took = std::chrono::steady_clock::now() - start;

  ASSERT_THAT(vm, Fails(Errc::kTimeout));
  EXPECT_THAT(vm.error().message(), HasSubstr("did not answer in time"));
  EXPECT_THAT(vm.error().message(), HasSubstr("silent agent: here"));
  EXPECT_GE(took, 6s);
  EXPECT_LT(took, 12s);
}

TEST(BootFailure, LeavesNothingBehind) {
  SM_ASSERT_OK_AND_ASSIGN(const TempDir dir, TempDir::create());
  ASSERT_THAT(test_image("busybox"), IsOk());
  const std::size_t descriptors = open_descriptors();
  const std::size_t running = threads();

  EXPECT_FALSE(start_guest(with_agent(SM_DYING_AGENT).with_vsock_mux_dir(dir.path())).ok());
  EXPECT_FALSE(start_guest(with_agent("/no/agent").with_vsock_mux_dir(dir.path())).ok());

  EXPECT_TRUE(entries_of(dir.path()).empty());
  EXPECT_EQ(open_descriptors(), descriptors);
  EXPECT_EQ(threads(), running);
}

TEST(BootFailure, SaysThatAKernelIsNone) {
  SM_ASSERT_OK_AND_ASSIGN(const TempDir dir, TempDir::create());
  ASSERT_THAT(write_text(dir.path() + "/kernel", std::string(100'000, 'k')), IsOk());

  const auto vm = start_guest(
      VmConfig().with_assets({.kernel = dir.path() + "/kernel", .agent = usual_assets().agent}));

  ASSERT_THAT(vm, Fails(Errc::kInvalidArgument));
  EXPECT_THAT(vm.error().message(), HasSubstr("neither an ELF vmlinux nor a bzImage"));
  EXPECT_THAT(vm.error().message(), HasSubstr(dir.path() + "/kernel"));
}

TEST(BootFailure, SaysThatAKernelIsCutOff) {
  SM_ASSERT_OK_AND_ASSIGN(const TempDir dir, TempDir::create());
  const AssetPaths assets = usual_assets();
  SM_ASSERT_OK_AND_ASSIGN(std::string kernel, read_file(assets.kernel, 64 << 20));
  ASSERT_THAT(write_text(dir.path() + "/kernel", kernel.substr(0, kernel.size() / 2)), IsOk());

  const auto vm = start_guest(
      VmConfig().with_assets({.kernel = dir.path() + "/kernel", .agent = assets.agent}));

  ASSERT_THAT(vm, Fails(Errc::kInvalidArgument));
  EXPECT_THAT(vm.error().message(), HasSubstr("truncated"));
}

TEST(BootFailure, NamesAssetsThatAreMissing) {
  AssetPaths assets = usual_assets();

  const auto no_kernel =
      start_guest(VmConfig().with_assets({.kernel = "/no/kernel", .agent = assets.agent}));
  ASSERT_FALSE(no_kernel.ok());
  EXPECT_THAT(no_kernel.error().message(), HasSubstr("/no/kernel"));

  const auto no_agent = start_guest(with_agent("/no/agent"));
  ASSERT_FALSE(no_agent.ok());
  EXPECT_THAT(no_agent.error().message(), HasSubstr("/no/agent"));
}

TEST(BootFailure, RefusesSettingsThatCannotBe) {
  EXPECT_THAT(start_guest(VmConfig().with_vcpus(0)), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(start_guest(VmConfig().with_vcpus(1000)), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(start_guest(VmConfig().with_memory_mib(0)), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(start_guest(VmConfig().with_memory_mib(4'000'000'000U)),
              Fails(Errc::kInvalidArgument));
  EXPECT_THAT(start_guest(VmConfig().with_hostname("two words")), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(start_guest(VmConfig().with_hostname("")), Fails(Errc::kInvalidArgument));
}

}  // namespace
}  // namespace supermachine
