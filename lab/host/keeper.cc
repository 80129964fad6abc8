// SPDX-License-Identifier: Apache-2.0
#include "host/keeper.h"

#include <fcntl.h>

#include <array>
#include <sstream>
#include <vector>

#include "base/files.h"
#include "base/sys.h"

namespace supermachine::lab {
namespace {

constexpr std::chrono::seconds kEndLimit{10};
// QEMU loses an interrupt now and then (README.md); the next one brings it along.
constexpr std::chrono::seconds kNudgeEvery{1};
constexpr std::size_t kTailBytes = std::size_t{16} << 10;
constexpr std::size_t kTailLines = 12;
constexpr std::size_t kMaxLogFile = std::size_t{16} << 20;

}  // namespace

Result<std::unique_ptr<Keeper>> Keeper::create(EventLoop& loop, const KeeperConfig& config,
                                               Callbacks callbacks) {
  UniqueFd log_file;
  if (!config.console_log.empty()) {
    log_file = SM_TRY(sys::open(config.console_log, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  }
  auto [link, machine_link] = SM_TRY(sys::socket_pair());
  auto [log, machine_log] = SM_TRY(sys::socket_pair());
  SM_TRY(sys::set_nonblocking(log.get(), true));
  Machine machine =
      SM_TRY(Machine::start(config.machine, std::move(machine_link), std::move(machine_log)));
  std::unique_ptr<Keeper> keeper(new Keeper(loop, std::move(callbacks), std::move(machine),
                                            std::move(log), std::move(log_file)));
  SM_TRY(keeper->watch(std::move(link), config.boot_limit));
  return keeper;
}

Status Keeper::watch(UniqueFd link, std::chrono::seconds boot_limit) {
  SM_TRY(loop_.add(log_.get(), EPOLLIN, [this](std::uint32_t) { read_log(); }));
  SM_TRY(loop_.add(machine_.pidfd(), EPOLLIN, [this](std::uint32_t) { on_exit(); }));
  timer_ = loop_.call_at(deadline_in(boot_limit), [this, boot_limit] {
    give_up("the machine did not come up within " + std::to_string(boot_limit.count()) + " s");
  });
  Mux::Callbacks callbacks;
  callbacks.on_hello = [this] {
    if (state_ != State::kBooting) return;
    state_ = State::kReady;
    loop_.cancel(timer_);
    nudge_later();
    callbacks_.on_ready();
  };
  callbacks.on_end = [this](const Error& reason) {
    // The process itself ends right after, as a rule, and its last words are worth waiting for.
    if (state_ == State::kEnding) return;
    link_lost_ = true;
    loop_.cancel(timer_);
    loop_.cancel(nudge_timer_);
    timer_ = loop_.call_at(deadline_in(kEndLimit), [this] { machine_.kill(); });
    const bool nonsense = reason.code() == Errc::kCorrupt || reason.code() == Errc::kUnsupported;
    if (why_.empty() && nonsense) give_up(reason.message());
  };
  mux_ = SM_TRY(Mux::create(loop_, std::move(link), std::move(callbacks)));
  return {};
}

void Keeper::nudge_later() {
  nudge_timer_ = loop_.call_at(deadline_in(kNudgeEvery), [this] {
    mux_->nudge();
    nudge_later();
  });
}

Keeper::~Keeper() {
  mux_.reset();
  loop_.cancel(timer_);
  loop_.cancel(nudge_timer_);
  loop_.remove(log_.get());
  loop_.remove(machine_.pidfd());
}

Status Keeper::attach(UniqueFd stream) {
  if (state_ != State::kReady) return Error(Errc::kNotFound, "the lab is ending");
  return mux_->attach(std::move(stream));
}

void Keeper::shut_down() {
  // A machine that hung up is about to end by itself, which is not the end that was wanted.
  if (state_ == State::kEnding || state_ == State::kEnded || link_lost_) return;
  const bool booting = state_ == State::kBooting;
  state_ = State::kEnding;
  loop_.cancel(timer_);
  if (booting) return machine_.kill();  // nobody inside would hear us
  mux_->say_bye();
  timer_ = loop_.call_at(deadline_in(kEndLimit), [this] { machine_.kill(); });
}

void Keeper::give_up(std::string why) {
  why_ = std::move(why);
  machine_.kill();
}

void Keeper::read_log() {
  std::array<std::byte, 4096> chunk;
  for (;;) {
    const auto got = sys::try_read(log_.get(), chunk);
    if (got.ok() && !got.value().has_value()) return;
    if (!got.ok() || *got.value() == 0) return loop_.remove(log_.get());
    const auto bytes = std::span(chunk).first(*got.value());
    // Characters and bytes share one representation.
    log_tail_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (log_tail_.size() > 2 * kTailBytes) log_tail_.erase(0, log_tail_.size() - kTailBytes);
    if (log_file_ && logged_ < kMaxLogFile) {
      logged_ += bytes.size();
      if (!write_all(log_file_.get(), bytes).ok()) log_file_ = UniqueFd();
    }
  }
}

void Keeper::on_exit() {
  read_log();
  loop_.remove(machine_.pidfd());
  loop_.cancel(timer_);
  const bool wanted = state_ == State::kEnding;
  const bool booting = state_ == State::kBooting;
  state_ = State::kEnded;
  if (wanted) return callbacks_.on_end({});
  if (why_.empty()) {
    why_ = booting ? "the machine ended while it was starting" : "the machine ended unexpectedly";
  }
  callbacks_.on_end(Error(Errc::kOs, why_ + last_lines()));
}

std::string Keeper::last_lines() const {
  std::istringstream text(log_tail_);
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) {
    while (!line.empty() && line.back() == '\r') line.pop_back();
    // The emulator says for each feature of the processor model that it lacks it; we know.
    if (line.empty() || line.find("TCG doesn't support") != std::string::npos) continue;
    lines.push_back(std::move(line));
  }
  std::string out;
  const std::size_t first = lines.size() > kTailLines ? lines.size() - kTailLines : 0;
  for (std::size_t i = first; i < lines.size(); ++i) out += "\n  | " + lines[i];
  return out;
}

}  // namespace supermachine::lab
