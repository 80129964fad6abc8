// SPDX-License-Identifier: Apache-2.0
// Programs that have kernel and agent inside, alone in a directory of their own.
#include <fcntl.h>

#include <bit>
#include <filesystem>

#include "api/bundled_assets.h"
#include "base/files.h"
#include "base/run_program.h"
#include "base/sys.h"
#include "guest.h"
#include "supermachine/assets.h"

namespace supermachine {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class Inside : public ::testing::Test {
 protected:
  // Alone in the directory, and in an environment that says nothing but where images are.
  void put(const char* program) {
    std::error_code failed;
    std::filesystem::copy_file(program, path(), failed);
    ASSERT_FALSE(failed) << failed.message();
  }
  [[nodiscard]] std::string path() const { return dir_.path() + "/program"; }
  [[nodiscard]] Result<ProgramOutput> run(const std::vector<std::string>& variables,
                                          const std::string& command) const {
    const std::string images = test_images_dir();
    std::vector<std::string> argv{
        "env", "-i", "-C", dir_.path(), "PATH=/usr/bin:/bin", "SUPERMACHINE_CACHE=" + cache()};
    argv.insert(argv.end(), variables.begin(), variables.end());
    for (const std::string& word :
         {std::string("sh"), std::string("-c"),
          "./program oci-archive:" + images + "/busybox.tar " + command + " 2>&1"})
      argv.push_back(word);
    return run_program(argv, "", 1 << 20, deadline_in(2min));
  }
  static std::string cache() {
    return std::filesystem::path(test_images_dir()).parent_path().string();
  }
  static std::string release_inside() {
    const auto infos = inspect_assets(AssetPaths{});
    EXPECT_THAT(infos, IsOk());
    return infos.ok() ? infos.value()[0].version : "unknown";
  }

  TempDir dir_ = TempDir::create().value();
};

TEST_F(Inside, AProgramBootsFromItsOwnBytes) {
  ASSERT_NO_FATAL_FAILURE(put(SM_EVERYTHING_INSIDE));

  SM_ASSERT_OK_AND_ASSIGN(const ProgramOutput ran, run({}, "uname -r"));

  EXPECT_EQ(ran.out, release_inside() + "\n");
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(entries_of(dir_.path()), std::vector<std::string>{"program"});
}

TEST_F(Inside, AProgramBootsFromItsOwnBytesWhateverElseIsConfigured) {
  ASSERT_NO_FATAL_FAILURE(put(SM_EVERYTHING_INSIDE));

  SM_ASSERT_OK_AND_ASSIGN(const ProgramOutput ran,
                          run({"SUPERMACHINE_ASSETS_DIR=/no/directory"}, "echo here"));

  EXPECT_EQ(ran.out, "here\n");
}

TEST_F(Inside, BytesAreWhatIsLeftWhenNothingElseIsConfigured) {
  ASSERT_NO_FATAL_FAILURE(put(SM_EMBED));

  SM_ASSERT_OK_AND_ASSIGN(const ProgramOutput ran, run({}, "uname -r"));
  EXPECT_EQ(ran.out, release_inside() + "\n");
  EXPECT_EQ(ran.status, 0);

  SM_ASSERT_OK_AND_ASSIGN(const ProgramOutput refused,
                          run({"SUPERMACHINE_ASSETS_DIR=/no/directory"}, "uname -r"));
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.out, HasSubstr("/no/directory/kernel: no such file"));
}

// A snapshot records the build of the kernel inside, and is restored by whoever has the same.
TEST_F(Inside, BytesAndAFileOfTheSameBuildAreTheSameKernel) {
  SM_ASSERT_OK_AND_ASSIGN(Vm vm, start_guest(VmConfig().with_assets(AssetPaths{})));
  SM_ASSERT_OK_AND_ASSIGN(const Image copy, vm.snapshot(dir_.path() + "/snapshot"));
  SM_ASSERT_OK_AND_ASSIGN(const SnapshotInfo info, inspect_snapshot(dir_.path() + "/snapshot"));
  SM_ASSERT_OK_AND_ASSIGN(const auto inside, inspect_assets(AssetPaths{}));
  EXPECT_NE(info.guest_kernel, "");
  EXPECT_EQ(info.guest_kernel, inside[0].build);
  EXPECT_TRUE(info.problems.empty());
}

// Of the bytes, the pages that are in memory for us (proc(5), /proc/self/pagemap, bit 63).
std::size_t present_pages(std::span<const std::byte> bytes) {
  constexpr std::size_t kPage = 4096;
  const auto map = sys::open("/proc/self/pagemap", O_RDONLY);
  EXPECT_THAT(map, IsOk());
  std::size_t count = 0;
  for (std::size_t i = 0; map.ok() && i < bytes.size() / kPage; ++i) {
    std::uint64_t entry = 0;
    const auto page = std::bit_cast<std::uintptr_t>(bytes.data()) / kPage + i;
    EXPECT_THAT(read_exact_at(map.value().get(), std::as_writable_bytes(std::span(&entry, 1)),
                              page * sizeof(entry)),
                IsOk());
    count += entry >> 63;
  }
  return count;
}

TEST_F(Inside, BytesStayInMemoryNoLongerThanABootReadsThem) {
  SM_ASSERT_OK_AND_ASSIGN(const Vm vm, start_guest(VmConfig().with_assets(AssetPaths{})));
  const auto bundle = bundled_assets();
  ASSERT_TRUE(bundle.has_value());
  EXPECT_LT(present_pages(bundle->kernel), 64U);
  EXPECT_EQ(sh_output(vm, "echo here"), "here");
}

// The one path that is empty is the bundle's.
TEST_F(Inside, AKernelFileGoesWithTheAgentInside) {
  SM_ASSERT_OK_AND_ASSIGN(const AssetPaths usual, AssetPaths::discover());
  ASSERT_NE(usual.kernel, "");
  SM_ASSERT_OK_AND_ASSIGN(
      const Vm vm, start_guest(VmConfig().with_assets({.kernel = usual.kernel, .agent = ""})));
  EXPECT_EQ(sh_output(vm, "echo here"), "here");
}

}  // namespace
}  // namespace supermachine
