// SPDX-License-Identifier: Apache-2.0
#include "supermachine/snapshot.h"

#include <filesystem>

#include "api/asset_source.h"
#include "api/host_facts.h"
#include "api/root_image.h"
#include "api/state.h"
#include "base/regular_file.h"
#include "base/sys.h"
#include "supermachine/vm.h"

namespace supermachine {
namespace {

constexpr auto kRepeatWait = std::chrono::seconds(30);
// What copies may have made ready of their own for a warm-up's commands; each pays for it.
constexpr std::uint64_t kMaxRepeatedWrites = std::uint64_t{64} << 20;

SnapshotMetadata::Image to_metadata(const Image& image) {
  const ImageConfig& config = image.config();
  return {.name = image.name(),
          .digest = image.digest(),
          .env = config.env,
          .entrypoint = config.entrypoint,
          .cmd = config.cmd,
          .working_dir = config.working_dir,
          .user = config.user,
          .exposed_ports = config.exposed_ports,
          .stop_signal = config.stop_signal,
          .labels = {config.labels.begin(), config.labels.end()}};
}

ImageConfig to_public(const SnapshotMetadata::Image& image) {
  return {.env = image.env,
          .entrypoint = image.entrypoint,
          .cmd = image.cmd,
          .working_dir = image.working_dir,
          .user = image.user,
          .exposed_ports = image.exposed_ports,
          .stop_signal = image.stop_signal,
          .labels = {image.labels.begin(), image.labels.end()}};
}

// Has a copy do again what warmed up the original: later copies will do likewise. It is no proof of
// anything, so a command that cannot be repeated does not matter.
void repeat(const std::vector<CommandLog::Command>& commands, const Instance& copy) {
  const Deadline deadline = deadline_in(kRepeatWait);
  for (const CommandLog::Command& command : commands) {
    auto session = client::ExecSession::start(copy.connector(), command.request, deadline);
    if (!session.ok()) return;
    if (!session.value().collect(command.input, deadline).ok()) return;
  }
}

FileOrBytes current_kernel() {
  auto sources = discover_sources();
  return sources.ok() ? std::move(sources).value().kernel : FileOrBytes();
}

std::vector<std::string> problems_of(const Snapshot& snapshot, const HostFacts& facts) {
  std::vector<std::string> problems = reasons_against(snapshot, facts);
  const Status root = check_root_image(snapshot);
  if (!root.ok()) problems.push_back(root.error().message());
  return problems;
}

std::uint64_t pages_in(const std::vector<PageRun>& runs) {
  std::uint64_t sum = 0;
  for (const PageRun& run : runs) sum += run.count;
  return sum;
}

}  // namespace

Result<SnapshotInfo> inspect_snapshot(const std::string& path) {
  const auto snapshot = SM_TRY(Snapshot::open(path));
  const SnapshotMetadata& metadata = snapshot->metadata();
  SnapshotInfo info{.directory = snapshot->directory(),
                    .id = snapshot->id().hex(),
                    .is_diff = metadata.kind == SnapshotMetadata::Kind::kDiff,
                    .base = snapshot->base() ? snapshot->base()->directory() : "",
                    .created = static_cast<std::int64_t>(metadata.created_unix),
                    .memory_mib = static_cast<std::uint32_t>(metadata.memory_mib),
                    .vcpus = metadata.vcpus,
                    .stored_bytes = metadata.stored_bytes,
                    .image_name = metadata.image.name,
                    .image_digest = metadata.image.digest,
                    .rootfs_path = snapshot->rootfs_path(),
                    .cpu_vendor = metadata.host.cpu_vendor,
                    .guest_kernel = metadata.host.guest_kernel,
                    .config = to_public(metadata.image)};
  if (const auto& hot = snapshot->hot_set())
    info.hot_bytes = (pages_in(hot->read) + pages_in(hot->written)) * kPageSize;
  const auto facts = gather_host_facts(current_kernel(), metadata.host.kvm_capabilities);
  if (facts.ok()) {
    info.problems = problems_of(*snapshot, facts.value());
  } else {
    info.problems = {facts.error().message()};
  }
  return info;
}

Status verify_snapshot(const std::string& path) { return SM_TRY(Snapshot::open(path))->verify(); }

Result<Image> Image::from_snapshot(const std::string& path) {
  auto snapshot = SM_TRY(Snapshot::open(path));
  const auto problems = problems_of(
      *snapshot,
      SM_TRY(gather_host_facts(current_kernel(), snapshot->metadata().host.kvm_capabilities)));
  if (!problems.empty()) {
    std::string all;
    for (const std::string& problem : problems) all += (all.empty() ? "" : "; ") + problem;
    return Error(Errc::kUnsupported, snapshot->directory() + " cannot be restored here: " + all);
  }
  const SnapshotMetadata& metadata = snapshot->metadata();
  State state{.name = metadata.image.name,
              .digest = metadata.image.digest,
              .rootfs_path = snapshot->rootfs_path(),
              .config = to_public(metadata.image),
              .workload = bake::bake_record_of(metadata.extra).workload};
  state.origin = SM_TRY(Origin::create(std::move(snapshot)));
  return Image(std::make_shared<const State>(std::move(state)));
}

// Of the host, what a restore will be held against; a copy of a copy was booted where the first
// was.
Result<SnapshotMetadata> Vm::State::describe() const {
  const HostFacts facts = SM_TRY(gather_host_facts(kernel));
  SnapshotMetadata metadata{.image = to_metadata(image)};
  metadata.host = {.cpu_vendor = cpu_vendor(facts.supported_cpuid),
                   .page_size = facts.page_size,
                   .kvm_capabilities = needed_capabilities(facts),
                   .guest_kernel = facts.guest_kernel};
  if (const auto& origin = instance->origin())
    metadata.host.guest_kernel = origin->snapshot()->metadata().host.guest_kernel;
  bake::WorkloadTraits workload = image.state_->workload;
  if (runs_workload) workload.mode = bake::WorkloadMode::kRuns;
  metadata.extra = bake_record ? bake::to_extra(*bake_record) : bake::to_extra(workload);
  metadata.agent.features = instance->agent_features();
  const UniqueFd rootfs = SM_TRY(open_regular_file(image.rootfs_path()));
  const std::uint64_t size = SM_TRY(sys::file_size(rootfs.get()));
  // That of a snapshot may be named as the snapshot was, from the working directory.
  std::error_code ignored;  // then it stays as it is, and the writer refuses it
  metadata.rootfs = {.path = std::filesystem::absolute(image.rootfs_path(), ignored),
                     .size_bytes = size};
  return metadata;
}

Status Vm::State::write_snapshot(const std::string& directory, std::shared_ptr<const Snapshot> base,
                                 const SnapshotOptions& options) {
  SnapshotMetadata metadata = SM_TRY(describe());
  const std::uint64_t memory_mib = instance->machine().memory().size_bytes() >> 20;
  auto writer = SM_TRY(SnapshotWriter::create(directory, {.memory_mib = memory_mib, .base = base}));
  if (options.include_rootfs) SM_TRY(writer.include_rootfs(image.rootfs_path()));
  const Captured captured =
      SM_TRY(instance->capture(writer, {.base = std::move(base),
                                        .drop_caches = options.drop_caches,
                                        .deadline = deadline_in(options.timeout)}));
  metadata.host.tsc_khz = captured.state.vcpus[0].tsc_khz;
  SnapshotWriter::Rehearse before_publishing;
  if (options.rehearse) {
    before_publishing = [&](const std::string& unpublished) -> Status {
      Status done = rehearse(unpublished, options);
      if (!done.ok()) return std::move(done).error().with("a copy of " + directory + " failed");
      return {};
    };
  }
  SM_TRY(writer.finish(std::move(metadata), captured.state, before_publishing));
  snapshot_timings.pause = captured.pause;
  return {};
}

// Starts a copy, and has it do what every image can. What that touched is the hot set.
Status Vm::State::rehearse(const std::string& directory, const SnapshotOptions& options) const {
  const Deadline deadline = deadline_in(options.timeout);
  const Image copy = SM_TRY(Image::from_snapshot(directory));
  const auto rehearsed =
      SM_TRY(Instance::asleep(copy.state_->origin, {.root_image = copy.rootfs_path()}));
  SM_TRY(rehearsed->wake({}, deadline));
  rpc::ExecRequest request;
  request.argv = {kAgentItself};
  auto session = SM_TRY(client::ExecSession::start(rehearsed->connector(), request, deadline));
  SM_TRY(session.collect({}, deadline));
  HotSet hot = SM_TRY(rehearsed->hot_set());
  if (command_log) {
    repeat(command_log->commands(), *rehearsed);
    auto larger = rehearsed->hot_set();
    if (larger.ok() && pages_in(larger.value().written) * kPageSize <= kMaxRepeatedWrites)
      hot = std::move(larger).value();
  }
  return store_hot_set(directory, hot);
}

Result<Image> Vm::State::snapshot(const std::string& directory,
                                  std::shared_ptr<const Snapshot> base,
                                  const SnapshotOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  SM_TRY(write_snapshot(directory, std::move(base), options));
  snapshot_timings.total = std::chrono::steady_clock::now() - begin;
  return Image::from_snapshot(directory);
}

Result<Image> Vm::snapshot(const std::string& directory, const SnapshotOptions& options) {
  return state_->snapshot(directory, nullptr, options);
}

Result<Image> Vm::snapshot(const std::string& directory) { return snapshot(directory, {}); }

Result<Image> Vm::snapshot_diff(const std::string& directory, const Image& base,
                                const SnapshotOptions& options) {
  if (!base.is_snapshot())
    return Error(Errc::kInvalidArgument, "the base of a difference must be a snapshot");
  return state_->snapshot(directory, base.state_->origin->snapshot(), options);
}

Result<Image> Vm::snapshot_diff(const std::string& directory, const Image& base) {
  return snapshot_diff(directory, base, {});
}

}  // namespace supermachine
