// SPDX-License-Identifier: Apache-2.0
#include "agent/file_call.h"

#include <sys/stat.h>

#include "agent/files.h"
#include "agent/scratch.h"
#include "base/files.h"
#include "base/sys.h"

namespace supermachine::agent {
namespace {

// A host that takes data as fast as the file gives it must not keep the loop from the other calls.
constexpr int kReadsPerTurn = 16;

}  // namespace

Result<std::unique_ptr<WriteCall>> WriteCall::create(CallContext context, rpc::WriteFile request) {
  UniqueFd file = SM_TRY(open_for_writing(request.path, request.mode));
  return std::unique_ptr<WriteCall>(
      new WriteCall(std::move(context), std::move(request.path), std::move(file)));
}

Status WriteCall::on_frame(const rpc::FrameView& frame) {
  if (frame.type == rpc::FrameType::kFileData) {
    if (auto wrote = write_all(file_.get(), frame.payload); !wrote.ok()) {
      return std::move(wrote).error().with(path_);
    }
    return {};
  }
  if (frame.type != rpc::FrameType::kFileEnd) return Error(Errc::kCorrupt, "expected file data");
  file_ = UniqueFd();
  context_.channel.send(rpc::FrameType::kOk);
  context_.end(CallEnd::kInOrder);
  return {};
}

Result<std::unique_ptr<ReadCall>> ReadCall::create(CallContext context, rpc::ReadFile request) {
  UniqueFd file = SM_TRY(open_for_reading(request.path));
  return std::unique_ptr<ReadCall>(
      new ReadCall(std::move(context), std::move(request.path), std::move(file)));
}

Status ReadCall::start() {
  struct stat info {};
  static_cast<void>(::fstat(file_.get(), &info));  // of a descriptor we hold: cannot fail
  context_.channel.send(rpc::FileInfo{.mode = info.st_mode & 07777U,
                                      .size = static_cast<std::uint64_t>(info.st_size)});
  send_more();
  return {};
}

Status ReadCall::on_frame(const rpc::FrameView&) {
  return Error(Errc::kCorrupt, "a frame inside a read call");
}

void ReadCall::on_broken() {
  cancel_turn();
  context_.end(CallEnd::kGone);
}

void ReadCall::cancel_turn() {
  if (next_turn_) context_.services.loop.cancel(*next_turn_);
  next_turn_.reset();
}

void ReadCall::send_more() {
  cancel_turn();
  for (int turn = 0; turn < kReadsPerTurn; ++turn) {
    if (context_.channel.blocked() || context_.channel.broken()) return;
    const auto got = sys::try_read(file_.get(), scratch());
    if (!got.ok()) {
      Error error = got.error();
      context_.channel.send(rpc::to_failure(std::move(error).with(path_)));
      return context_.end(CallEnd::kFailed);
    }
    // Nothing to read without waiting (/proc/kmsg, say) is the end of it here.
    const std::size_t count = got.value().value_or(0);
    if (count == 0) {
      context_.channel.send(rpc::FrameType::kFileEnd);
      return context_.end(CallEnd::kInOrder);
    }
    context_.channel.send(rpc::FrameType::kFileData, scratch().first(count));
  }
  next_turn_ = context_.services.loop.call_at(std::chrono::steady_clock::now(), [this] {
    next_turn_.reset();
    send_more();
  });
}

}  // namespace supermachine::agent
