// SPDX-License-Identifier: Apache-2.0
#include "vmm/serial.h"

#include <gtest/gtest.h>

#include <string>

#include "result_matchers.h"

namespace supermachine {
namespace {

class SerialTest : public ::testing::Test {
 protected:
  std::string output_;
  int interrupts_ = 0;
  std::unique_ptr<Serial> serial_ = Serial::create({}, {.write = [this](char c) { output_ += c; },
                                                        .raise_irq = [this] { ++interrupts_; }})
                                        .value();
};

TEST_F(SerialTest, HandsOnWhatIsTransmitted) {
  serial_->write(0, 'h');
  serial_->write(0, 'i');
  EXPECT_EQ(output_, "hi");
  EXPECT_EQ(interrupts_, 0);
}

TEST_F(SerialTest, InterruptsAfterEachByteOnceAskedAndUntilIdentified) {
  serial_->write(1, 0x02);
  serial_->write(0, 'x');
  EXPECT_EQ(interrupts_, 2);
  EXPECT_EQ(serial_->read(2) & 0x0f, 0x02);
  EXPECT_EQ(serial_->read(2) & 0x0f, 0x01);
}

TEST_F(SerialTest, KeepsTheDivisorApartFromData) {
  serial_->write(3, 0x83);
  serial_->write(0, 0x0c);
  serial_->write(1, 0x01);
  EXPECT_EQ(serial_->save().divisor, 0x010c);
  EXPECT_EQ(output_, "");
}

TEST_F(SerialTest, LoopsBackForTheDriversSelfTest) {
  serial_->write(4, 0x1a);  // loopback, OUT2, RTS
  EXPECT_EQ(serial_->read(6) & 0xf0, 0x90);
  serial_->write(0, 'x');
  EXPECT_EQ(output_, "");
}

TEST_F(SerialTest, GoesOnFromASavedState) {
  serial_->write(7, 0x5a);
  serial_->write(1, 0x02);
  SM_ASSERT_OK_AND_ASSIGN(
      const auto copy, Serial::create(serial_->save(), {.write = [](char) {}, .raise_irq = [] {}}));
  EXPECT_EQ(copy->save(), serial_->save());
  EXPECT_EQ(copy->read(7), 0x5a);
}

TEST_F(SerialTest, RefusesAStateNoUartCanBeIn) {
  EXPECT_THAT(Serial::create({.interrupt_enable = 0x80}, {}), Fails(Errc::kCorrupt));
}

}  // namespace
}  // namespace supermachine
