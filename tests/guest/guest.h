// SPDX-License-Identifier: Apache-2.0
// What tests of real guests share: the test images, a started VM per suite, one-line commands.
// They need a usable KVM and fail without it: tests that skip would look like tests that pass.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "result_matchers.h"
#include "supermachine/image.h"
#include "supermachine/vm.h"

namespace supermachine {

// Where tools/make-test-images put them: $SM_TEST_IMAGES, or the cache.
std::string test_images_dir();

// The image `name` ("busybox", "python"). Imported once per process.
Result<Image> test_image(const std::string& name);

// Starts a VM of the image with what the tests' machine can afford.
Result<Vm> start_guest(const VmConfig& config = {}, const std::string& image = "busybox");

// Runs `script` with the guest's sh. A call that goes wrong is the test's failure, and the outcome
// then has status -1.
ExecOutcome sh(const Vm& vm, const std::string& script);

// The same, and what it prints without the last newline; a status other than 0 is a failure.
std::string sh_output(const Vm& vm, const std::string& script);

// Waits up to ten seconds until `count` of the guest's processes have a command line that begins
// with `command`, and gives how many there are.
int processes_once(const Vm& vm, const std::string& command, int count);

// The entries of a host directory, for tests of what is left behind.
std::vector<std::string> entries_of(const std::string& dir);

// One busybox VM for all tests of a suite: they must leave it as they found it.
class GuestTest : public ::testing::Test {
 public:
  static void SetUpTestSuite();
  static void TearDownTestSuite();

 protected:
  void SetUp() override;
  static Vm& vm() { return *vm_; }

 private:
  static std::optional<Vm> vm_;
  static std::string why_not_;  // vm_ is absent
};

}  // namespace supermachine
