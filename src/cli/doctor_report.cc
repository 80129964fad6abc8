#include "cli/doctor_report.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

namespace supermachine::cli {
namespace {

bool is_engine(const Check& check) { return check.name == "lab" || check.name.starts_with("kvm"); }

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(c));
      out += escape.data();
    } else {
      out += c;
    }
  }
  return out + "\"";
}

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
    out += "  {\"name\": " + quoted(checks[i].name) +
           ", \"ok\": " + (checks[i].ok ? "true" : "false") +
           ", \"detail\": " + quoted(checks[i].detail) + "}";
  }
  return out + "\n]}\n";
}

}  // namespace supermachine::cli
