// SPDX-License-Identifier: Apache-2.0
// Runs the tests that are written in C.
#include <gtest/gtest.h>

#include <string>

#include "base/files.h"
#include "capi/c_tests.h"
#include "result_matchers.h"

extern "C" void c_check(int ok, const char* expression, const char* file, int line) {
  if (ok == 0) ADD_FAILURE_AT(file, line) << expression;
}

namespace supermachine {
namespace {

class CApi : public ::testing::Test {
 protected:
  void SetUp() override {
    auto dir = TempDir::create();
    ASSERT_THAT(dir, IsOk());
    dir_.emplace(std::move(dir).value());
  }
  [[nodiscard]] const char* empty_directory() const { return dir_->path().c_str(); }

 private:
  std::optional<TempDir> dir_;
};

TEST(CApiRefusesNull, OfErrors) { capi_refuses_error(); }
TEST(CApiRefusesNull, OfValues) { capi_refuses_values(); }
TEST(CApiRefusesNull, OfConfig) { capi_refuses_config(); }
TEST(CApiRefusesNull, OfProgress) { capi_refuses_progress(); }
TEST(CApiRefusesNull, OfImages) { capi_refuses_image(); }
TEST(CApiRefusesNull, OfBuilders) { capi_refuses_builder(); }
TEST(CApiRefusesNull, OfCommands) { capi_refuses_exec(); }
TEST(CApiRefusesNull, OfVms) { capi_refuses_vm(); }
TEST(CApiRefusesNull, OfPorts) { capi_refuses_ports(); }
TEST(CApiRefusesNull, OfSnapshots) { capi_refuses_snapshot(); }
TEST(CApiRefusesNull, OfPools) { capi_refuses_pool(); }
TEST(CApiRefusesNull, OfRemoteVms) { capi_refuses_remote_vm(); }
TEST(CApiRefusesNull, OfTheStore) { capi_refuses_store(); }

TEST_F(CApi, ErrorHasCodeAndMessage) { capi_error_has_code_and_message(); }
TEST_F(CApi, ErrorIsOptionalAndReset) { capi_error_is_optional_and_reset(); }
TEST_F(CApi, ErrorOfASystemCallHasItsNumber) { capi_error_of_a_system_call_has_its_number(); }
TEST_F(CApi, ErrorOfTheCallerSaysWhatItWasGiven) {
  capi_error_of_the_caller_says_what_it_was_given();
}
TEST_F(CApi, StatusHasAName) { capi_status_has_a_name(); }
TEST_F(CApi, ResultHasAPlaceAndIsCleared) { capi_result_has_a_place_and_is_cleared(); }
TEST_F(CApi, TimesAreChecked) { capi_times_are_checked(); }
TEST_F(CApi, NumbersThatAreNoneAreRefused) { capi_numbers_that_are_none_are_refused(); }
TEST_F(CApi, ConfigIsChecked) { capi_config_is_checked(); }
TEST_F(CApi, BytesWithoutAPlaceAreRefused) { capi_bytes_without_a_place_are_refused(); }
TEST_F(CApi, AssetsAreFoundOrNamed) { capi_assets_are_found_or_named(empty_directory()); }
TEST_F(CApi, ImageSaysWhatIsWrong) { capi_image_says_what_is_wrong(); }
TEST_F(CApi, SnapshotSaysWhatIsWrong) { capi_snapshot_says_what_is_wrong(empty_directory()); }
TEST_F(CApi, StoreOfNothingIsEmpty) { capi_store_of_nothing_is_empty(empty_directory()); }
TEST_F(CApi, RemoteVmThatIsNotThereFails) {
  capi_remote_vm_that_is_not_there_fails(empty_directory());
}
TEST_F(CApi, HostCheckGivesAReport) { capi_host_check_gives_a_report(); }

}  // namespace
}  // namespace supermachine
