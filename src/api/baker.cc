// SPDX-License-Identifier: Apache-2.0
#include "api/baker.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "api/asset_source.h"
#include "api/host_facts.h"
#include "api/places.h"
#include "api/state.h"
#include "bake/bake_name.h"
#include "bake/patience.h"
#include "base/files.h"
#include "oci/digest.h"
#include "oci/platform.h"

namespace supermachine {
namespace {

constexpr std::uint16_t kDefaultPort = 80;
// Longer than a boot and warm-ups may take; a lock does not outlive its process.
constexpr auto kLockWait = std::chrono::hours(12);
constexpr auto kFileWait = std::chrono::minutes(5);

// What an image exposes first, "80/tcp" or "80"; 0 for nothing.
std::uint16_t first_tcp_port(const ImageConfig& config) {
  std::uint16_t first = 0;
  for (const std::string& text : config.exposed_ports) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
    if (error != std::errc() || (!rest.empty() && rest != "/tcp") || port == 0) continue;
    first = first == 0 ? port : std::min(first, port);
  }
  return first;
}

Result<std::string> build_of(const FileOrBytes& program) {
  if (std::string id = build_id_of(program); !id.empty()) return id;
  const FileOrBytes::Opened opened = SM_TRY(program.open());
  oci::Sha256 hash;
  hash.add(opened.bytes());
  return hash.finish().hex();
}

// As `-e` of docker run: what has the name is replaced.
void set_variable(std::vector<std::string>& env, const std::string& name,
                  const std::string& value) {
  std::erase_if(env, [&](const std::string& entry) { return entry.starts_with(name + "="); });
  env.push_back(name + "=" + value);
}

Status check_variable(const std::string& name) {
  if (!name.empty() && name.find('=') == std::string::npos) return {};
  return Error(Errc::kInvalidArgument, "'" + name + "' cannot name an environment variable");
}

// In the guest, with all that lead to it.
Status make_directory(const Instance& instance, const std::string& path) {
  rpc::ExecRequest request;
  request.argv = {kAgentItself};
  request.cwd = path;
  request.create_cwd = true;
  const Deadline deadline = deadline_in(kFileWait);
  auto session = SM_TRY(client::ExecSession::start(instance.connector(), request, deadline));
  SM_TRY(session.collect({}, deadline));
  return {};
}

}  // namespace

Result<Baker> Baker::create(const OciImageBuilder& builder) {
  std::string name = builder.name_;
  if (name.empty()) {
    name = bake::bake_name_for(builder.reference_, builder.name_suffix_);
  }
  SM_TRY(bake::check_bake_name(name));
  if (bake::is_base_name(name))
    return Error(Errc::kInvalidArgument, name + ": such names are those of warm bakes' bases");
  std::string dir = SM_TRY(snapshots_dir_or_default(builder.snapshots_dir_));
  Image image = SM_TRY(open_image(builder));
  AssetPaths assets = builder.assets_ ? *builder.assets_ : SM_TRY(AssetPaths::discover());
  Baker baker(builder, std::move(name), std::move(image), std::move(assets), std::move(dir));
  SM_TRY(baker.hold_rootfs());
  SM_TRY(baker.apply_settings());
  return baker;
}

Result<Image> Baker::open_image(const OciImageBuilder& builder) {
  if (builder.image_) {
    if (!builder.image_->is_snapshot()) return *builder.image_;
    return Error(Errc::kInvalidArgument, "a snapshot cannot be baked: it is captured already");
  }
  return Image::from_oci(builder.source_.empty() ? builder.reference_ : builder.source_,
                         {.cache_dir = builder.cache_dir_,
                          .pull_policy = builder.pull_policy_,
                          .platform = builder.platform_,
                          .progress = builder.progress_});
}

// An image that was opened may be pruned before it is held: then it is made again.
Status Baker::hold_rootfs() {
  constexpr auto kWait = std::chrono::seconds(10);  // for a prune to look at it
  for (bool again = false;; again = true) {
    auto hold = bake::RootfsHold::take(image_.state_->rootfs_path, deadline_in(kWait));
    if (hold.ok()) {
      rootfs_.emplace(std::move(hold).value());
      return {};
    }
    if (again || hold.error().code() != Errc::kNotFound) return std::move(hold).error();
    image_ = SM_TRY(open_image(how_));
  }
}

Status Baker::apply_settings() {
  auto state = std::make_shared<Image::State>(*image_.state_);
  for (const auto& [name, value] : how_.env_) {
    SM_TRY(check_variable(name));
    set_variable(state->config.env, name, value);
    set_variable(inputs_.env, name, value);
  }
  if (how_.cmd_) {
    if (how_.cmd_->empty()) return Error(Errc::kInvalidArgument, "the workload has no program");
    state->config.entrypoint.clear();
    state->config.cmd = *how_.cmd_;
  }
  state->kernel_args = how_.kernel_args_;
  const bool has_program = !state->config.entrypoint.empty() || !state->config.cmd.empty();
  const std::uint16_t exposed = first_tcp_port(state->config);
  const bool has_listener = how_.listener_required_ || how_.guest_port_ || exposed != 0;
  inputs_.waits_for_listener = how_.listener_required_ || (how_.warmup_ && has_listener);
  if (inputs_.waits_for_listener && !has_program) {
    return Error(Errc::kInvalidArgument,
                 "the image names no program that could listen; say one with with_cmd()");
  }
  if (has_listener)
    inputs_.guest_port = how_.guest_port_.value_or(exposed == 0 ? kDefaultPort : exposed);
  if (how_.guest_port_ && *how_.guest_port_ == 0)
    return Error(Errc::kInvalidArgument, "no workload listens on port 0");

  const MachineConfig defaults;
  inputs_.version = SM_VERSION;
  inputs_.image_digest = state->digest;
  inputs_.rootfs_key = std::filesystem::path(state->rootfs_path).stem();
  inputs_.platform = SM_TRY(oci::parse_platform(how_.platform_)).text();
  inputs_.cmd = how_.cmd_;
  inputs_.memory_mib = how_.memory_mib_.value_or(static_cast<std::uint32_t>(defaults.memory_mib));
  inputs_.vcpus = how_.vcpus_.value_or(defaults.vcpus);
  inputs_.kernel_args = how_.kernel_args_;
  for (const auto& [host, guest] : how_.extra_files_)
    inputs_.extra_files.push_back(SM_TRY(bake::ExtraFile::read(host, guest)));
  const AssetSources assets = SM_TRY(sources_of(assets_));
  inputs_.kernel_id = SM_TRY(build_of(assets.kernel));
  inputs_.agent_id = SM_TRY(build_of(assets.agent));
  SM_TRY(VmConfig()
             .with_memory_mib(inputs_.memory_mib)
             .with_vcpus(inputs_.vcpus)
             .with_boot_timeout(how_.boot_timeout_)
             .check());

  state->workload.guest_port = inputs_.guest_port;
  if (has_program)
    state->workload.mode =
        inputs_.waits_for_listener ? bake::WorkloadMode::kRuns : bake::WorkloadMode::kStarts;
  record_ = {.key = bake::bake_key(inputs_),
             .identity = bake::bake_identity(inputs_),
             .reference = how_.reference_,
             .warmup_tag = {},
             .is_warm = false,
             .version = SM_VERSION,
             .workload = state->workload};
  image_ = Image(std::move(state));
  return {};
}

Image Baker::opened(Image image, const std::string& name) const {
  store_.touch(name);
  return image;
}

// A bake that this host cannot restore is as good as none.
std::optional<Image> Baker::stored(const std::string& name, const std::string& key) const {
  const auto record = store_.record_of(name);
  if (!record || record->key != key) return std::nullopt;
  auto image = Image::from_snapshot(store_.path_of(name));
  if (!image.ok()) return std::nullopt;
  return opened(std::move(image).value(), name);
}

std::optional<Image> Baker::find_similar() const {
  const auto record = store_.record_of(name_);
  if (!record || record->identity != record_.identity) return std::nullopt;
  auto image = Image::from_snapshot(store_.path_of(name_));
  if (!image.ok()) return std::nullopt;
  const VmConfig wanted = [&] {
    VmConfig config;
    if (how_.memory_mib_) config.with_memory_mib(*how_.memory_mib_);
    if (how_.vcpus_) config.with_vcpus(*how_.vcpus_);
    return config;
  }();
  if (!check_shape(wanted, *image.value().state_->origin).ok()) return std::nullopt;
  return opened(std::move(image).value(), name_);
}

std::string Baker::key() const {
  return how_.warmup_ ? bake::warm_key(record_.key, how_.warmup_tag_) : record_.key;
}

Result<Image> Baker::find_or_bake() {
  if (auto found = stored(name_, key())) return *std::move(found);
  const FileLock lock =
      SM_TRY(bake::acquire_in_sight([&](Deadline deadline) { return store_.lock(name_, deadline); },
                                    deadline_in(kLockWait), *report_, Stage::kCapture, name_));
  if (auto found = stored(name_, key())) return *std::move(found);  // by the one we waited for
  if (!how_.warmup_) return bake_base(name_);
  const std::string base_name = bake::base_name_of(name_);
  auto base = stored(base_name, record_.key);
  return warm_up(base ? *std::move(base) : SM_TRY(bake_base(base_name)));
}

Result<Image> Baker::bake_base(const std::string& name) {
  ProgressReport::Step booting = report_->begin(Stage::kBoot);
  Vm vm = SM_TRY(image_.start(VmConfig()
                                  .with_memory_mib(inputs_.memory_mib)
                                  .with_vcpus(inputs_.vcpus)
                                  .with_assets(assets_)
                                  .with_boot_timeout(how_.boot_timeout_)
                                  .with_workload(false)));
  booting.finish();
  SM_TRY(add_extra_files(vm));
  if (inputs_.waits_for_listener) SM_TRY(wait_for_listener(vm));
  return capture(vm, name, record_);
}

Result<Image> Baker::warm_up(const Image& base) {
  Vm vm = SM_TRY(base.start(VmConfig().with_workload(false)));
  ProgressReport::Step warming = report_->begin(Stage::kWarmup, how_.warmup_tag_);
  vm.state_->command_log = std::make_shared<CommandLog>();
  Status warmed = how_.warmup_(vm);
  if (!warmed.ok()) return std::move(warmed).error().with("warm-up of " + name_);
  warming.finish();
  bake::BakeRecord record = record_;
  record.key = key();
  record.is_warm = true;
  record.warmup_tag = how_.warmup_tag_;
  return capture(vm, name_, std::move(record));
}

Status Baker::add_extra_files(Vm& vm) const {
  const std::size_t room = std::size_t{inputs_.memory_mib} << 19;  // half of the guest's memory
  for (const bake::ExtraFile& file : inputs_.extra_files) {
    auto content = read_file(file.host_path, room);
    if (!content.ok()) {
      return std::move(content).error().with("a guest with " + std::to_string(inputs_.memory_mib) +
                                             " MiB of memory cannot hold it as an extra file");
    }
    if (oci::Sha256::of(content.value()).hex() != file.sha256)
      return Error(Errc::kCorrupt, file.host_path + " changed while it was baked in");
    SM_TRY(
        make_directory(*vm.state_->instance, std::filesystem::path(file.guest_path).parent_path()));
    SM_TRY(vm.write_file(file.guest_path, content.value(), file.mode));
  }
  return {};
}

Status Baker::wait_for_listener(Vm& vm) {
  ProgressReport::Step waiting =
      report_->begin(Stage::kListener, "port " + std::to_string(inputs_.guest_port));
  SM_TRY(vm.start_workload());
  auto listener = vm.wait_listener(inputs_.guest_port, how_.listener_timeout_);
  if (!listener.ok()) return std::move(listener).error().with("bake of " + name_);
  waiting.finish();
  return {};
}

Result<Image> Baker::capture(Vm& vm, const std::string& name, bake::BakeRecord record) {
  ProgressReport::Step capturing = report_->begin(Stage::kCapture, name);
  SM_TRY(make_directories(store_.dir()));
  if (vm.state_->runs_workload) record.workload.mode = bake::WorkloadMode::kRuns;
  vm.state_->bake_record = std::move(record);
  Image image = SM_TRY(vm.snapshot(store_.path_of(name)));
  capturing.finish();
  return image;
}

Result<Image> OciImageBuilder::build() const {
  Baker baker = SM_TRY(Baker::create(*this));
  return baker.find_or_bake();
}

Result<std::optional<Image>> OciImageBuilder::find() const {
  const Baker baker = SM_TRY(Baker::create(*this));
  return baker.find_similar();
}

OciImageBuilder Image::builder(std::string reference) {
  return OciImageBuilder(std::move(reference));
}

Result<Image> Image::ensure_baked(std::string name, std::string reference,
                                  const std::function<OciImageBuilder(OciImageBuilder)>& describe) {
  OciImageBuilder builder(std::move(reference));
  builder.with_name(std::move(name));
  return describe(std::move(builder)).build();
}

}  // namespace supermachine
