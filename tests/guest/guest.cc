// SPDX-License-Identifier: Apache-2.0
#include "guest.h"

#include <cstdlib>
#include <filesystem>
#include <map>

namespace supermachine {

std::string test_images_dir() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  if (auto dir = variable("SM_TEST_IMAGES"); !dir.empty()) return dir;
  if (auto dir = variable("SUPERMACHINE_CACHE"); !dir.empty()) return dir + "/test-images";
  if (auto dir = variable("XDG_CACHE_HOME"); !dir.empty()) return dir + "/supermachine/test-images";
  return variable("HOME") + "/.cache/supermachine/test-images";
}

Result<Image> test_image(const std::string& name) {
  static std::map<std::string, Image> images;
  if (const auto found = images.find(name); found != images.end()) return found->second;
  Image image = SM_TRY(Image::from_oci("oci-archive:" + test_images_dir() + "/" + name + ".tar"));
  images.emplace(name, image);
  return image;
}

Result<Vm> start_guest(const VmConfig& config, const std::string& image) {
  return SM_TRY(test_image(image)).start(config);
}

ExecOutcome sh(const Vm& vm, const std::string& script) {
  auto outcome =
      vm.exec_builder().argv({"sh", "-c", script}).timeout(std::chrono::minutes(1)).output();
  EXPECT_THAT(outcome, IsOk()) << script;
  if (!outcome.ok()) return ExecOutcome{.status = -1, .stdout = {}, .stderr = {}};
  return std::move(outcome).value();
}

std::string sh_output(const Vm& vm, const std::string& script) {
  ExecOutcome outcome = sh(vm, script);
  EXPECT_EQ(outcome.status, 0) << script << "\n" << outcome.stderr;
  if (outcome.stdout.ends_with('\n')) outcome.stdout.pop_back();
  return std::move(outcome.stdout);
}

int processes_once(const Vm& vm, const std::string& command, int count) {
  // One process a line, its arguments separated by spaces.
  const std::string lines =
      "for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline; echo; done 2> /dev/null";
  const std::string found = sh_output(vm, "for i in $(seq 100); do n=$(" + lines + " | grep -c '^" +
                                              command + "'); [ $n = " + std::to_string(count) +
                                              " ] && break; sleep 0.1; done; echo $n");
  return std::atoi(found.c_str());  // 0 for what is no number, after a failure above
}

std::vector<std::string> entries_of(const std::string& dir) {
  std::vector<std::string> names;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(dir, failed))
    names.push_back(entry.path().filename().string());
  EXPECT_FALSE(failed) << dir << ": " << failed.message();
  return names;
}

std::optional<Vm> GuestTest::vm_;
std::string GuestTest::why_not_;

void GuestTest::SetUpTestSuite() {
  auto started = start_guest();
  if (started.ok()) {
    vm_.emplace(std::move(started).value());
  } else {
    why_not_ = started.error().message();
  }
}

void GuestTest::TearDownTestSuite() { vm_.reset(); }

void GuestTest::SetUp() { ASSERT_TRUE(vm_.has_value()) << why_not_; }

}  // namespace supermachine
