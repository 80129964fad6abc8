// SPDX-License-Identifier: Apache-2.0
// The program away from the tree it was built in, as an installed one is.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>

#include "base/files.h"
#include "program.h"

namespace supermachine {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;

class InstalledProgram : public ::testing::Test {
 protected:
  InstalledProgram() {
    fs::create_directories(dir_.path() + "/bin");
    fs::copy_file(SM_PROGRAM, program());
  }
  [[nodiscard]] std::string program() const { return dir_.path() + "/bin/supermachine"; }
  [[nodiscard]] Ended run(std::vector<std::string> args) const {
    Launch launch{.args = std::move(args), .env = {{"SUPERMACHINE_LAB", ""}}};
    launch.program = program();
    return run_program(launch);
  }

  TempDir dir_ = TempDir::create().value();
};

TEST_F(InstalledProgram, HasManualPagesThatAreTheSameEachTime) {
  Launch docs{.args = {"man", dir_.path() + "/man1"}};
  docs.program = fs::path(SM_PROGRAM).parent_path() / "supermachine-docs";
  ASSERT_EQ(run_program(docs).status, 0);
  const auto page = [&](const std::string& name) {
    return read_file(dir_.path() + "/man1/" + name, std::size_t{1} << 20).value();
  };
  const std::string first = page("supermachine-run.1");
  ASSERT_EQ(run_program(docs).status, 0);

  EXPECT_EQ(page("supermachine-run.1"), first);
  EXPECT_THAT(first, HasSubstr("supermachine " SM_VERSION));
  EXPECT_THAT(page("supermachine.1"), HasSubstr("supermachine\\-completion"));
  docs.args = {"man", "/proc/no/such"};
  EXPECT_EQ(run_program(docs).status, 1);
}

TEST_F(InstalledProgram, HasNoLabAndSaysWhereThereIsOne) {
  const Ended doctor = run({"doctor"});
  const Ended lab = run({"ps", "--engine", "lab"});

  EXPECT_THAT(doctor.out, AllOf(ContainsRegex("lab: +missing .*source tree.*SUPERMACHINE_LAB"),
                                ContainsRegex("this host (runs VMs on KVM|cannot run VMs)\n$")));
  EXPECT_EQ(doctor.out.find("this host runs VMs") != std::string::npos, doctor.status == 0);
  EXPECT_EQ(lab.status, 125);
  EXPECT_THAT(lab.err, AllOf(HasSubstr("source tree"), HasSubstr("set SUPERMACHINE_LAB to")));
  EXPECT_EQ(std::ranges::count(lab.err, '\n'), 1) << lab.err;
}

}  // namespace
}  // namespace supermachine
