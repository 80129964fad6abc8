// SPDX-License-Identifier: Apache-2.0
#include "virtio/vsock_mux.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

#include "base/sys.h"
#include "virtio/connect_ticket.h"

namespace supermachine::virtio {
namespace {

using namespace std::chrono_literals;

// How long a guest that was told everything may take to end a connection; Linux waits as long.
constexpr auto kCloseTimeout = 8s;

Error refused(std::uint32_t guest_port) {
  return Error(Errc::kNotFound,
               "nothing in the guest listens on vsock port " + std::to_string(guest_port));
}

}  // namespace

VsockMux::VsockMux(EventLoop& loop, std::uint64_t guest_cid, VsockMuxConfig config)
    : loop_(loop),
      guest_cid_(guest_cid),
      config_(std::move(config)),
      next_host_port_(kFirstVsockHostPort) {}

VsockMux::~VsockMux() { stop(); }

Result<std::unique_ptr<VsockMux>> VsockMux::create(const VsockMuxState& state, EventLoop& loop,
                                                   std::uint64_t guest_cid, VsockMuxConfig config) {
  std::unique_ptr<VsockMux> mux(new VsockMux(loop, guest_cid, std::move(config)));
  SM_TRY(mux->restore(state));
  return mux;
}

Status VsockMux::restore(const VsockMuxState& state) {
  if (state.kept.size() > config_.max_connections || state.lost.size() > kMaxLost) {
    return Error(Errc::kCorrupt, "more vsock connections than there can be");
  }
  next_host_port_ = std::max(state.next_host_port, kFirstVsockHostPort);
  for (const VsockConnectionState& saved : state.kept) {
    if (by_ports_.contains(key(saved.ports))) {
      return Error(Errc::kCorrupt, "two vsock connections of the same ports");
    }
    auto pair = SM_TRY(sys::socket_pair());
    SM_TRY(sys::set_nonblocking(pair.first.get(), true));
    {
      const MutexLock lock(mutex_);
      kept_.emplace(key(saved.ports), std::move(pair.second));
    }
    update(add(saved.ports,
               std::unique_ptr<Entry>(new Entry{
                   .id = next_id_++, .connection = {saved, guest_cid_, std::move(pair.first)}})));
  }
  for (const VsockPorts ports : state.lost) replies_.push_back(rst(ports, VsockType::kStream));
  return {};
}

VsockMuxState VsockMux::save(std::span<const VsockPorts> keep) const {
  VsockMuxState state{.next_host_port = next_host_port_};
  for (const auto& [id, entry] : connections_) {
    const VsockConnection& connection = entry->connection;
    // A draining one the guest has forgotten; one that is being opened it may not know yet, and
    // then ignores the reset.
    if (connection.draining() || connection.over()) continue;
    const bool wanted = std::ranges::find(keep, connection.ports()) != keep.end();
    const auto saved = wanted ? connection.save() : std::nullopt;
    if (saved) {
      state.kept.push_back(*saved);
    } else {
      state.lost.push_back(connection.ports());
    }
  }
  for (const VsockHeader& reply : replies_) {
    if (reply.type == VsockType::kStream)
      state.lost.push_back({.host = reply.src_port, .guest = reply.dst_port});
  }
  return state;
}

Result<UniqueFd> VsockMux::take_kept(VsockPorts ports) {
  const MutexLock lock(mutex_);
  const auto node = kept_.extract(key(ports));
  if (node.empty()) return Error(Errc::kNotFound, "that vsock connection was not kept");
  return std::move(node.mapped());
}

Result<VsockStream> VsockMux::connect(std::uint32_t guest_port, Deadline deadline) {
  auto pair = SM_TRY(sys::socket_pair());
  SM_TRY(sys::set_nonblocking(pair.first.get(), true));
  auto ticket = std::make_shared<ConnectTicket>();  // shared by this thread and the loop
  // Finishes the ticket too when the loop drops the work or the mux is gone.
  std::shared_ptr<ConnectTicket> finisher(ticket.get(), [ticket](ConnectTicket* t) {
    t->finish(Error(Errc::kNotFound, "the virtual machine has ended"));
  });
  // A std::function must be copyable, an owner of a socket is not.
  auto socket = std::make_shared<UniqueFd>(std::move(pair.first));
  auto host_port = std::make_shared<std::atomic<std::uint32_t>>(0);
  loop_.post([this, alive = std::weak_ptr(alive_), guest_port, deadline, socket, host_port,
              finisher = std::move(finisher)] {
    if (alive.expired()) return;
    open(guest_port, std::move(*socket), deadline, [finisher, host_port](Result<Opened> opened) {
      if (opened.ok()) host_port->store(opened.value().host_port);
      finisher->finish(opened.ok() ? Status() : std::move(opened).error());
    });
  });
  SM_TRY(ticket->wait(deadline));
  return VsockStream{.socket = std::move(pair.second),
                     .ports = {.host = host_port->load(), .guest = guest_port}};
}

Status VsockMux::listen(std::uint32_t host_port, Listener listener) {
  const MutexLock lock(mutex_);
  if (!listeners_.try_emplace(host_port, std::move(listener)).second) {
    return Error(Errc::kInvalidArgument,
                 "vsock port " + std::to_string(host_port) + " is taken on the host");
  }
  return {};
}

void VsockMux::unlisten(std::uint32_t host_port) {
  const MutexLock lock(mutex_);
  listeners_.erase(host_port);
}

VsockMux::Id VsockMux::open(std::uint32_t guest_port, UniqueFd socket, Deadline deadline,
                            OpenDone done, VsockPreface preface) {
  if (!wake_) {
    done(Error(Errc::kNotFound, "the guest has not started its vsock driver"));
    return 0;
  }
  const std::optional<std::uint32_t> host_port = free_host_port(guest_port);
  if (connections_.size() >= config_.max_connections || !host_port) {
    done(Error(Errc::kExhausted, "all " + std::to_string(config_.max_connections) +
                                     " vsock connections of this virtual machine are in use"));
    return 0;
  }
  const VsockPorts ports{.host = *host_port, .guest = guest_port};
  const Id id = next_id_++;
  Entry& entry =
      add(ports,
          std::unique_ptr<Entry>(new Entry{
              .id = id, .connection = {ports, guest_cid_, std::move(socket), std::move(preface)}}));
  entry.done = std::move(done);
  if (deadline != Deadline::max()) {
    entry.timer = loop_.call_at(deadline, [this, id] { on_timer(id); });
  }
  update(entry);
  wake_();
  return id;
}

void VsockMux::close(Id id) {
  Entry* entry = find(id);
  if (entry == nullptr) return;
  entry->connection.abort();
  erase(*entry, Error(Errc::kNotFound, "the host has closed the connection"));
  if (wake_) wake_();
}

void VsockMux::start(std::function<void()> wake) { wake_ = std::move(wake); }

void VsockMux::stop() {
  wake_ = nullptr;
  while (!connections_.empty()) {
    erase(*connections_.begin()->second,
          Error(Errc::kNotFound, "the guest reset its vsock driver"));
  }
  ready_.clear();
  replies_.clear();
}

void VsockMux::on_packet(const VsockHeader& header,
                         std::span<const std::span<const std::byte>> payload) {
  // Section 5.10.6.4: no packets from or to others.
  if (header.src_cid != guest_cid_ || header.dst_cid != kVsockHostCid) return;
  if (header.type != VsockType::kStream) return refuse(header);
  const auto found = by_ports_.find(key({.host = header.dst_port, .guest = header.src_port}));
  if (found != by_ports_.end()) {
    Entry& entry = *connections_.at(found->second);
    entry.connection.on_packet(header, payload);
    update(entry);
  } else if (header.op == VsockOp::kRequest) {
    accept(header);
  } else {
    refuse(header);
  }
}

// A RST is never answered, or two hosts would do so forever.
void VsockMux::refuse(const VsockHeader& packet) {
  if (packet.op == VsockOp::kRst) return;
  replies_.push_back(rst({.host = packet.dst_port, .guest = packet.src_port}, packet.type));
}

VsockHeader VsockMux::rst(VsockPorts ports, VsockType type) const {
  return {.src_cid = kVsockHostCid,
          .dst_cid = guest_cid_,
          .src_port = ports.host,
          .dst_port = ports.guest,
          .type = type,
          .op = VsockOp::kRst};
}

void VsockMux::accept(const VsockHeader& request) {
  if (connections_.size() >= config_.max_connections) return refuse(request);
  std::function<void()> deliver;
  const VsockPorts ports{.host = request.dst_port, .guest = request.src_port};
  auto socket = host_socket_for(ports, deliver);
  if (!socket.ok()) return refuse(request);
  Entry& entry =
      add(ports, std::unique_ptr<Entry>(new Entry{
                     .id = next_id_++,
                     .connection = {ports, guest_cid_, std::move(socket).value(), request}}));
  update(entry);
  if (deliver) deliver();
}

// `deliver` hands the other end to its listener; a socket file needs no delivery.
Result<UniqueFd> VsockMux::host_socket_for(VsockPorts ports, std::function<void()>& deliver) {
  Listener listener;
  {
    const MutexLock lock(mutex_);
    const auto found = listeners_.find(ports.host);
    if (found != listeners_.end()) listener = found->second;
  }
  if (listener) {
    auto pair = SM_TRY(sys::socket_pair());
    SM_TRY(sys::set_nonblocking(pair.first.get(), true));
    auto theirs = std::make_shared<UniqueFd>(std::move(pair.second));
    deliver = [listener = std::move(listener), theirs, ports] {
      listener({.socket = std::move(*theirs), .ports = ports});
    };
    return std::move(pair.first);
  }
  if (config_.unix_path.empty()) return Error(Errc::kNotFound, "nobody listens");
  return sys::unix_connect_now(config_.unix_path + "_" + std::to_string(ports.host));
}

VsockMux::Entry& VsockMux::add(VsockPorts ports, std::unique_ptr<Entry> entry) {
  by_ports_[key(ports)] = entry->id;
  return *connections_.emplace(entry->id, std::move(entry)).first->second;
}

VsockMux::Entry* VsockMux::find(Id id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
}

std::optional<std::uint32_t> VsockMux::free_host_port(std::uint32_t guest_port) {
  for (std::size_t tries = 0; tries <= by_ports_.size(); ++tries) {
    const std::uint32_t port = next_host_port_;
    next_host_port_ = port == ~std::uint32_t{0} - 1 ? kFirstVsockHostPort : port + 1;
    if (!by_ports_.contains(key({.host = port, .guest = guest_port}))) return port;
  }
  return std::nullopt;
}

// Brings what surrounds a connection in line with its state, after anything happened to it. May
// erase it.
void VsockMux::update(Entry& entry) {
  VsockConnection& connection = entry.connection;
  if (connection.is_the_sockets() && !entry.watched) {
    if (entry.timer) loop_.cancel(*std::exchange(entry.timer, std::nullopt));
    // Before the first byte is relayed, so that a greeting stands in front of it.
    if (const OpenDone done = std::exchange(entry.done, nullptr)) {
      done(Opened{.host_port = connection.ports().host, .socket = connection.socket()});
    }
    watch(entry);
  }
  if (connection.draining()) release_ports(entry);
  if (connection.over()) {
    return erase(entry, refused(connection.ports().guest));
  }
  if (connection.awaits_rst() && !entry.timer) {
    entry.timer =
        loop_.call_at(deadline_in(kCloseTimeout), [this, id = entry.id] { on_timer(id); });
  }
  if (connection.has_packet() && !std::exchange(entry.queued, true)) ready_.push_back(entry.id);
}

VsockConnection* VsockMux::next_ready() {
  while (!ready_.empty()) {
    if (Entry* entry = find(ready_.front())) return &entry->connection;
    ready_.pop_front();  // it ended while it waited
  }
  return nullptr;
}

// One packet, or one batch, each: a busy connection goes to the back of the line.
void VsockMux::after_turn() {
  Entry* entry = find(ready_.front());
  ready_.pop_front();
  if (entry == nullptr) return;
  entry->queued = false;
  update(*entry);
}

void VsockMux::watch(Entry& entry) {
  entry.watched = true;
  // Edge-triggered: the connection remembers what it may read and write, so that neither a guest
  // without room nor a host without appetite costs a wake-up or a system call.
  const Status added =
      loop_.add(entry.connection.socket(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                [this, id = entry.id](std::uint32_t events) { on_socket(id, events); });
  if (!added.ok()) entry.connection.abort();
}

void VsockMux::on_socket(Id id, std::uint32_t events) {
  Entry* entry = find(id);
  if (entry == nullptr) return;
  entry->connection.on_socket(events);
  update(*entry);
  if (has_packet() && wake_) wake_();
}

void VsockMux::on_timer(Id id) {
  Entry* entry = find(id);
  if (entry == nullptr) return;
  entry->timer.reset();
  entry->connection.abort();
  erase(*entry, Error(Errc::kTimeout, "the guest did not answer on vsock port " +
                                          std::to_string(entry->connection.ports().guest)));
  if (wake_) wake_();
}

void VsockMux::release_ports(const Entry& entry) {
  const auto found = by_ports_.find(key(entry.connection.ports()));
  if (found != by_ports_.end() && found->second == entry.id) by_ports_.erase(found);
}

void VsockMux::erase(Entry& entry, const Error& reason) {
  if (entry.timer) loop_.cancel(*entry.timer);
  if (entry.watched) loop_.remove(entry.connection.socket());
  if (entry.connection.over() && entry.connection.owes_rst()) {
    replies_.push_back(entry.connection.rst());
  }
  release_ports(entry);
  const OpenDone done = std::move(entry.done);
  connections_.erase(entry.id);  // ready_ may still name it: next_ready() skips it
  if (done) done(reason);
}

}  // namespace supermachine::virtio
