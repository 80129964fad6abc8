// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor_report.h"

#include <algorithm>

#include "cli/json_text.h"

namespace supermachine::cli {
namespace {

bool is_engine(const Check& check) { return check.name == "lab" || check.name.starts_with("kvm"); }

}  // namespace

DoctorReport::Verdict DoctorReport::verdict() const {
  const bool rest_ok =
      std::ranges::all_of(checks, [](const Check& check) { return is_engine(check) || check.ok; });
  if (!rest_ok) return Verdict::kNone;
  if (kvm_usable) return Verdict::kKvm;
  return lab_usable ? Verdict::kLab : Verdict::kNone;
}

std::string DoctorReport::text() const {
  std::string out;
  for (const Check& check : checks) {
    std::string name = check.name + ":";
    name.resize(std::max<std::size_t>(name.size(), 12), ' ');
    out += name + (check.ok ? "ok       " : "missing  ") + check.detail + "\n";
  }
  switch (verdict()) {
    case Verdict::kKvm:
      return out + "this host runs VMs on KVM\n";
    case Verdict::kLab:
      return out + "this host runs VMs in the lab (emulated, slow)\n";
    case Verdict::kNone:
      break;
  }
  return out + "this host cannot run VMs\n";
}

std::string DoctorReport::json() const {
  std::string out = "{\"verdict\": ";
  const Verdict found = verdict();
  out += found == Verdict::kKvm ? "\"kvm\"" : found == Verdict::kLab ? "\"lab\"" : "\"none\"";
  out += ", \"checks\": [";
  for (std::size_t i = 0; i < checks.size(); ++i) {
    out += i == 0 ? "\n" : ",\n";
    out += "  {\"name\": " + json_string(checks[i].name) +
           ", \"ok\": " + (checks[i].ok ? "true" : "false") +
           ", \"detail\": " + json_string(checks[i].detail) + "}";
  }
  return out + "\n]}\n";
}

}  // namespace supermachine::cli
