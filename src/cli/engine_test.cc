// SPDX-License-Identifier: Apache-2.0
#include "cli/engine.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "result_matchers.h"

namespace supermachine::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class EngineTest : public ::testing::Test {
 protected:
  EngineTest() {
    ::unsetenv("SUPERMACHINE_LAB");
    ::unsetenv("SUPERMACHINE_LAB_BIN");
    ::unsetenv("SUPERMACHINE_LAB_KERNEL");
    ::unsetenv("SUPERMACHINE_IN_LAB");
    std::filesystem::create_directories(dir_ + "/lab");
  }
  ~EngineTest() override {
    ::setenv("PATH", path_.c_str(), 1);
    std::filesystem::remove_all(dir_);
  }
  std::string program(const std::string& name, const std::string& text = "#!/bin/sh\n") {
    const std::filesystem::path path = dir_ + "/" + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path.string();
  }

  const std::string path_ = std::getenv("PATH");
  const std::string dir_ = ::testing::TempDir() + "sm_engine_" + std::to_string(::getpid());
};

TEST_F(EngineTest, FindsTheLabThatTheEnvironmentNames) {
  const std::string lab = program("lab/run");
  ::setenv("SUPERMACHINE_LAB", lab.c_str(), 1);

  SM_ASSERT_OK_AND_ASSIGN(const std::string found, find_lab());

  EXPECT_EQ(found, lab);
}

TEST_F(EngineTest, NamesALabThatIsNoProgram) {
  ::setenv("SUPERMACHINE_LAB", dir_.c_str(), 1);
  const auto found = find_lab();

  ASSERT_THAT(found, Fails(Errc::kNotFound));
  EXPECT_THAT(found.error().message(), HasSubstr("SUPERMACHINE_LAB: " + dir_));
}

TEST_F(EngineTest, FindsTheLabOfItsOwnSourceTree) {
  SM_ASSERT_OK_AND_ASSIGN(const std::string found, find_lab());

  EXPECT_THAT(found, ::testing::EndsWith("/lab/run"));
}

TEST_F(EngineTest, TellsWhatALabLacks) {
  const std::string lab = program("lab/run");
  ::setenv("PATH", (dir_ + "/bin:/usr/bin:/bin").c_str(), 1);
  program("bin/qemu-system-x86_64");
  program("guest/kernel/build", "#!/bin/sh\nexit 1\n");

  EXPECT_THAT(lab_problems(lab), ElementsAre(HasSubstr("programs are not built: cmake"),
                                             HasSubstr("kernel is not built: " + dir_)));

  program("guest/kernel/build");
  program("build/dev/bin/supermachine-lab");

  EXPECT_THAT(lab_problems(lab), IsEmpty());

  ::setenv("PATH", "/nowhere", 1);

  EXPECT_THAT(lab_problems(lab), ElementsAre(HasSubstr("apt-get install qemu-system-x86")));
}

TEST_F(EngineTest, HandsOverItsOwnArgumentsBehindAnEngine) {
  std::string image = "oci-layout:x";
  std::string rest = "--";
  std::vector<char*> args{image.data(), rest.data()};

  EXPECT_THAT(lab_command("/src/lab/run", "/bin/supermachine", "bench", args),
              ElementsAre("/src/lab/run", "--", "/bin/supermachine", "bench", "--engine", "kvm",
                          "oci-layout:x", "--"));
  EXPECT_THAT(lab_command("run", "supermachine", "run", args, ImageIs::kPulled),
              ElementsAre("run", "--", "supermachine", "run", "--engine", "kvm", "--pull", "never",
                          "oci-layout:x", "--"));
}

TEST_F(EngineTest, EntersTheLabWhenToldToWithoutAProbe) {
  ::setenv("PATH", (dir_ + "/bin:/usr/bin:/bin").c_str(), 1);
  program("bin/qemu-system-x86_64");
  ::setenv("SUPERMACHINE_LAB", program("lab/run").c_str(), 1);

  SM_ASSERT_OK_AND_ASSIGN(const EngineChoice choice, choose_engine(Engine::kLab));

  EXPECT_TRUE(choice.in_lab);
  EXPECT_EQ(choice.lab, dir_ + "/lab/run");
  EXPECT_EQ(choice.reason, "");  // nobody has to be told what they asked for
}

TEST_F(EngineTest, SaysWhyTheLabCannotBeEntered) {
  ::setenv("SUPERMACHINE_LAB", "/nowhere/run", 1);
  const auto choice = choose_engine(Engine::kLab);

  ASSERT_THAT(choice, Fails(Errc::kUnsupported));
  EXPECT_THAT(choice.error().message(), HasSubstr("/nowhere/run"));
}

TEST_F(EngineTest, NeverEntersALabFromInsideOne) {
  ::setenv("SUPERMACHINE_IN_LAB", "1", 1);
  ::setenv("SUPERMACHINE_LAB", program("lab/run").c_str(), 1);
  for (const Engine engine : {Engine::kAuto, Engine::kKvm, Engine::kLab}) {
    const auto choice = choose_engine(engine);

    EXPECT_FALSE(choice.ok() && choice.value().in_lab);
  }
}

}  // namespace
}  // namespace supermachine::cli
