// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor_report.h"

#include <gmock/gmock.h>

namespace supermachine::cli {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

DoctorReport report_with(bool kvm, bool lab, bool assets) {
  DoctorReport report;
  report.checks = {{.name = "kvm", .ok = kvm, .detail = "a \"probe\"\n"},
                   {.name = "lab", .ok = lab, .detail = "lab/run"},
                   {.name = "assets", .ok = assets, .detail = "kernel"}};
  report.kvm_usable = kvm;
  report.lab_usable = lab;
  return report;
}

TEST(DoctorReport, NeedsOneEngineAndAllElse) {
  using enum DoctorReport::Verdict;
  EXPECT_EQ(report_with(true, true, true).verdict(), kKvm);
  EXPECT_EQ(report_with(true, false, true).verdict(), kKvm);
  EXPECT_EQ(report_with(false, true, true).verdict(), kLab);
  EXPECT_EQ(report_with(false, false, true).verdict(), kNone);
  EXPECT_EQ(report_with(true, true, false).verdict(), kNone);
}

TEST(DoctorReport, EndsWithItsVerdict) {
  EXPECT_THAT(report_with(true, false, true).text(), EndsWith("\nthis host runs VMs on KVM\n"));
  EXPECT_THAT(report_with(false, true, true).text(), EndsWith("in the lab (emulated, slow)\n"));
  EXPECT_THAT(report_with(false, false, true).text(), EndsWith("\nthis host cannot run VMs\n"));
  EXPECT_THAT(report_with(true, false, true).text(), HasSubstr("lab:        missing  lab/run\n"));
}

TEST(DoctorReport, IsJsonWhatItQuotes) {
  const std::string json = report_with(false, true, true).json();

  EXPECT_THAT(json, HasSubstr(R"({"verdict": "lab", "checks": [)"));
  EXPECT_THAT(json, HasSubstr(R"("name": "kvm", "ok": false, "detail": "a \"probe\"\u000a"})"));
}

}  // namespace
}  // namespace supermachine::cli
