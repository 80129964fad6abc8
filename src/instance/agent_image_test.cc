// SPDX-License-Identifier: Apache-2.0
#include "instance/agent_image.h"

#include <gtest/gtest.h>

#include <string>

#include "base/files.h"
#include "result_matchers.h"

namespace supermachine {
namespace {

using ::testing::HasSubstr;

class AgentImage : public ::testing::Test {
 protected:
  void SetUp() override {
    SM_ASSERT_OK_AND_ASSIGN(agent_, read_file(SM_AGENT_BINARY, 16 << 20));
    note_ = agent_.find(std::string("supermachine\0\0\0\0" SM_VERSION, 16 + sizeof(SM_VERSION)));
    ASSERT_NE(note_, agent_.npos);
  }
  [[nodiscard]] std::span<const std::byte> bytes() const {
    return std::as_bytes(std::span(agent_));
  }

  std::string agent_;
  std::size_t note_ = 0;
};

TEST_F(AgentImage, OfThisVersionIsTaken) {
  EXPECT_EQ(agent_version(bytes()), SM_VERSION);
  EXPECT_THAT(check_agent(bytes()), IsOk());
}

TEST_F(AgentImage, OfAnotherVersionIsRefusedInOneLine) {
  agent_.replace(note_ + 16, 5, "9.8.7");

  const Status refused = check_agent(bytes());

  ASSERT_THAT(refused, Fails(Errc::kInvalidArgument));
  EXPECT_THAT(refused.error().message(), HasSubstr("9.8.7"));
  EXPECT_THAT(refused.error().message(), HasSubstr(SM_VERSION));
  EXPECT_EQ(refused.error().message().find('\n'), std::string::npos);
}

TEST_F(AgentImage, WithoutAVersionIsNoAgent) {
  agent_[note_] = 'x';
  EXPECT_THAT(check_agent(bytes()), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(check_agent({}), Fails(Errc::kInvalidArgument));
  EXPECT_THAT(check_agent(std::as_bytes(std::span("#!/bin/sh"))), Fails(Errc::kInvalidArgument));
}

TEST_F(AgentImage, SaysNothingUnprintable) {
  agent_[note_ + 16] = '\n';
  EXPECT_EQ(agent_version(bytes()), "");
}

}  // namespace
}  // namespace supermachine
