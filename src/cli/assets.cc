// SPDX-License-Identifier: Apache-2.0
// `supermachine assets`: which kernel and agent VMs get, and why those.
#include <algorithm>
#include <cstdio>

#include "cli/assets_report.h"
#include "cli/help/text.h"
#include "cli/host_help.h"
#include "cli/parse.h"

namespace supermachine::cli {

Result<int> assets_verb(Args args) {
  bool help = false;
  bool json = false;
  Parser parser(kAssetsHelp);
  parser.flag("--help", help);
  parser.flag("--json", json);
  SM_TRY(with_hint(parser.parse(args), "assets"));
  if (help) return print_help(kAssetsHelp);
  const std::vector<AssetPlace> places = list_asset_places();
  std::vector<AssetInfo> assets;
  if (std::ranges::any_of(places, &AssetPlace::chosen)) {
    assets = SM_TRY(inspect_assets(SM_TRY(AssetPaths::discover())));
  }
  std::fputs((json ? assets_json : assets_text)(places, assets).c_str(), stdout);
  return assets.empty() ? 1 : 0;
}

}  // namespace supermachine::cli
