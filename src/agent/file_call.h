// SPDX-License-Identifier: Apache-2.0
// The calls that write and read one file of any size.
#pragma once

#include "agent/call.h"

namespace supermachine::agent {

class WriteCall : public Call {
 public:
  static Result<std::unique_ptr<WriteCall>> create(CallContext context, rpc::WriteFile request);

  Status on_frame(const rpc::FrameView& frame) override;
  void on_broken() override { context_.end(CallEnd::kGone); }

 private:
  WriteCall(CallContext context, std::string path, UniqueFd file)
      : context_(std::move(context)), path_(std::move(path)), file_(std::move(file)) {}
  CallContext context_;
  std::string path_;
  UniqueFd file_;
};

class ReadCall : public Call {
 public:
  static Result<std::unique_ptr<ReadCall>> create(CallContext context, rpc::ReadFile request);
  ~ReadCall() override { cancel_turn(); }

  Status start() override;
  Status on_frame(const rpc::FrameView& frame) override;
  void on_drained() override { send_more(); }
  void on_broken() override;

 private:
  ReadCall(CallContext context, std::string path, UniqueFd file)
      : context_(std::move(context)), path_(std::move(path)), file_(std::move(file)) {}
  void send_more();
  void cancel_turn();

  CallContext context_;
  std::string path_;
  UniqueFd file_;
  std::optional<EventLoop::TimerId> next_turn_;
};

}  // namespace supermachine::agent
