// SPDX-License-Identifier: Apache-2.0
#include "agent/doorbell.h"

#include "agent/vsock.h"

namespace supermachine::agent {
namespace {

constexpr std::chrono::milliseconds kMaxPause{1000};

// A connection that lasted so long was wanted. One that a host closes at once, of another version
// say, must not make us ring without pause.
constexpr std::chrono::milliseconds kWanted{100};

}  // namespace

Doorbell::Doorbell(EventLoop& loop, rpc::Hello hello, Handlers handlers)
    : loop_(loop), hello_(std::move(hello)), handlers_(std::move(handlers)) {}

Doorbell::~Doorbell() {
  if (retry_) loop_.cancel(*retry_);
  if (connecting_) loop_.remove(connecting_.get());
}

void Doorbell::ring() {
  channel_.reset();
  auto connecting = handlers_.connect();
  if (!connecting.ok()) return ring_again();
  connecting_ = std::move(connecting).value();
  if (!loop_.add(connecting_.get(), EPOLLOUT, [this](std::uint32_t) { on_connected(); }).ok()) {
    ring_again();
  }
}

void Doorbell::on_connected() {
  loop_.remove(connecting_.get());
  UniqueFd stream = std::move(connecting_);
  if (!connect_outcome(stream.get()).ok()) return ring_again();
  auto channel = Channel::create(loop_, std::move(stream),
                                 {.on_frame = [this](const rpc::FrameView& f) { on_frame(f); },
                                  .on_drained = [this] { on_drained(); },
                                  .on_broken = [this] { on_lost(); }});
  if (!channel.ok()) return ring_again();
  channel_ = std::move(channel).value();
  connected_ = std::chrono::steady_clock::now();
  ++connection_;
  answered_ = true;
  channel_->send(hello_);
  if (std::exchange(owes_ready_, false)) say_ready();
}

void Doorbell::say_ready() {
  // A host that does not read learns it once.
  owes_ready_ = !channel_ || channel_->broken() || channel_->blocked();
  if (!owes_ready_) channel_->send(rpc::FrameType::kReady);
}

void Doorbell::on_drained() {
  if (owes_ready_) say_ready();
}

void Doorbell::on_lost() {
  if (std::chrono::steady_clock::now() - connected_ > kWanted)
    pause_ = std::chrono::milliseconds(0);
  ring_again();
}

void Doorbell::on_frame(const rpc::FrameView& frame) {
  if (frame.type == rpc::FrameType::kShutdown) return handlers_.shutdown();
  answered_ = false;
  handlers_.request(frame, [this, connection = connection_](const Status& status) {
    answer(connection, status);
  });
  if (!answered_) channel_->pause();
}

void Doorbell::answer(std::uint64_t connection, const Status& status) {
  if (!channel_ || connection != connection_ || std::exchange(answered_, true)) return;
  if (status.ok()) {
    channel_->send(rpc::FrameType::kOk);
  } else {
    channel_->send(rpc::to_failure(status.error()));
  }
  channel_->flush();
  channel_->resume();
}

// From the loop, not at once: a handler of the channel that is replaced may be our caller. Quickly
// at first, since a restored host waits for the bell; ever slower when nobody answers.
void Doorbell::ring_again() {
  connecting_ = UniqueFd();
  if (retry_) loop_.cancel(*retry_);
  retry_ = loop_.call_at(deadline_in(pause_), [this] {
    retry_.reset();
    ring();
  });
  pause_ = std::min(std::max(2 * pause_, std::chrono::milliseconds(1)), kMaxPause);
}

}  // namespace supermachine::agent
